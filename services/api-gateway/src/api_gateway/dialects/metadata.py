"""A client's own pairs beside an object. Source: OpenAI wire contract, section 0."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from api_gateway import openai_errors
from wire.errors import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Mapping


class _Update(msgspec.Struct):
    metadata: dict[str, str] | None


_UPDATE = msgspec.json.Decoder(_Update)

MAX_PAIRS = 16
MAX_KEY_CHARACTERS = 64
MAX_VALUE_CHARACTERS = 512


def decode_metadata(body: bytes) -> dict[str, str]:
    """The body of an update, whose only member is new metadata; null takes all of it away.

    Raises:
        InvalidRequestError: not such a body, or out of bounds.
    """
    try:
        metadata = _UPDATE.decode(body).metadata or {}
    except openai_errors.JSON_PROBLEMS as problem:
        raise openai_errors.from_json_problem(problem) from None
    check_metadata(metadata)
    return metadata


def check_metadata(metadata: Mapping[str, str]) -> None:
    """Enforce the contract's bounds.

    Raises:
        InvalidRequestError: too many pairs, or one too long.
    """
    if len(metadata) > MAX_PAIRS:
        raise InvalidRequestError(
            f"Invalid 'metadata': at most {MAX_PAIRS} pairs, got {len(metadata)}.",
            param="metadata",
            code="object_above_max_properties",
        )
    for key, value in metadata.items():
        if len(key) > MAX_KEY_CHARACTERS:
            raise openai_errors.string_too_long("metadata", MAX_KEY_CHARACTERS, len(key))
        if len(value) > MAX_VALUE_CHARACTERS:
            raise openai_errors.string_too_long(f"metadata.{key}", MAX_VALUE_CHARACTERS, len(value))
