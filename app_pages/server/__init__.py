"""What stands before the pages: who is let in, what is uploaded, what is logged."""
