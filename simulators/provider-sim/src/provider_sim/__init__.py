"""Stands in for model vendors. Imports nothing of ours, so it cannot agree with our mistakes."""
