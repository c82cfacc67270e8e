"""OpenAI Responses as a client speaks it."""
