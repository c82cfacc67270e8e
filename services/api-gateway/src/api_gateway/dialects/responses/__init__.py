"""OpenAI Responses, the server's role. Source: OpenAI wire contract, section 2."""
