"""Backends that speak Anthropic's Messages."""
