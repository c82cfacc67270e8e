"""Seeds that are the same in every process, unlike `hash()`."""

from __future__ import annotations

import random
from hashlib import blake2b


def stable_hash(*parts: object) -> int:
    """64 bits that depend on the parts and on their order."""
    digest = blake2b(digest_size=8)
    for part in parts:
        digest.update(str(part).encode("utf-8", "surrogatepass"))
        digest.update(b"\x1f")
    return int.from_bytes(digest.digest(), "big")


def seeded(*parts: object) -> random.Random:
    """A generator that gives the same draws for the same parts."""
    return random.Random(stable_hash(*parts))  # noqa: S311 - must be reproducible, guards nothing
