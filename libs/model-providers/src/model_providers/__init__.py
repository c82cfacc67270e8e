"""Talking to model vendors: dialects, clients, resilience, token estimate."""
