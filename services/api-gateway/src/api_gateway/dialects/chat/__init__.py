"""OpenAI Chat Completions, the server's role. Source: OpenAI wire contract, section 1."""
