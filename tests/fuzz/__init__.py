"""Generated questions for the real processes."""
