"""Published clients, pinned, against the real processes. Opt-in: `make test-clients`."""
