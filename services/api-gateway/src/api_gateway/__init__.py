"""The only public door: authenticates, limits, meters, speaks OpenAI's dialects."""
