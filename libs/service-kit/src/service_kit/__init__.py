"""What makes a process one of Conclave's: server, settings, logs, traces, metrics, client."""
