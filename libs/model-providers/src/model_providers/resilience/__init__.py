"""What keeps one failing vendor from failing our callers, all before the first token."""
