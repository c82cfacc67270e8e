"""What an agent is asked, and what its output means. Text in, text out; no I/O."""
