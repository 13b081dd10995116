"""Questions, answers and their footnotes."""
