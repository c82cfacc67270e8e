"""The `conclave` command: the one-machine supervisor and the operator's tool."""
