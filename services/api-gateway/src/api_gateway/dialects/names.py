"""Names clients give to tools and schemas."""

from __future__ import annotations

import re

from api_gateway import openai_errors

_MAX_CHARACTERS = 64
_PATTERN = re.compile(r"[A-Za-z0-9_-]+")


def check_name(param: str, name: str, limit: int = _MAX_CHARACTERS) -> None:
    """A tool's or a schema's name: letters, digits, underscore, hyphen.

    Raises:
        InvalidRequestError: empty, too long, or other characters.
    """
    if len(name) > limit:
        raise openai_errors.string_too_long(param, limit, len(name))
    if _PATTERN.fullmatch(name) is None:
        raise openai_errors.invalid_value(
            param, f"{name[:80]!r} does not match the pattern ^[A-Za-z0-9_-]+$"
        )
