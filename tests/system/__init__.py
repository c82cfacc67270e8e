"""The real processes on loopback, started by `conclave run`, driven with the official SDK."""
