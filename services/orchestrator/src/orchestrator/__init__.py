"""Runs: panels, and whatever may outlive a connection."""
