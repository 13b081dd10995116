"""Documents, files and folders into the store, and kept in step."""
