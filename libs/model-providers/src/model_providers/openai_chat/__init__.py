"""OpenAI Chat Completions as a client speaks it."""
