"""Dialects clients speak: decode requests, encode answers. Pure: bytes and values, no I/O."""
