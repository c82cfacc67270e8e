"""OpenAI Completions, the endpoint before chat: prompts in, texts out."""
