"""PDF files: their lines, columns and tables."""
