"""What a question says: kind, shape, names, time, source, and what a follow-up leans on."""
