"""A passage with a question in mind: a small model marks the words that answer, and tells whether any do."""
