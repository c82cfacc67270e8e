"""API keys: how they look, how they are made, what is kept of them."""

from __future__ import annotations

import hmac
import secrets

PREFIX = "sk-conclave-"
_ENTROPY_BYTES = 32
_HINT_CHARACTERS = 4


def new_key() -> str:
    """256 random bits behind a prefix that scanners of leaked secrets recognise."""
    return PREFIX + secrets.token_urlsafe(_ENTROPY_BYTES)


def digest_of(key: str, pepper: bytes) -> bytes:
    """What is kept: without the pepper nobody can test a guess against it."""
    return hmac.digest(pepper, key.encode("utf-8", "surrogateescape"), "sha256")


def hint_of(key: str) -> str:
    """Enough for people to tell their keys apart."""
    visible = key.removeprefix(PREFIX)[:_HINT_CHARACTERS]
    return f"{PREFIX if key.startswith(PREFIX) else ''}{visible}…"
