"""The bytes of a file to documents, in a process of its own."""
