"""The public routes: raw ASGI, in front of any framework."""
