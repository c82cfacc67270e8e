"""One module per command; each ends in an exit status."""
