"""Tests across packages, and the manifest of requirements that all tests refer to."""
