"""The process in which files are read, and what it may do."""
