"""Configurations that come with the package, for a first start without a file."""
