"""Doctor and export."""
