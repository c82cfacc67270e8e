"""OpenAI's Embeddings wire: deterministic vectors in which shared words mean nearness."""

from __future__ import annotations

import base64
import re
import sys
from array import array
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from math import sqrt
from typing import TYPE_CHECKING, cast
from zlib import crc32

from provider_sim import openai_tools
from provider_sim.frames import Answer
from provider_sim.json_types import Json, JsonObject, dumps
from provider_sim.token_counter import count_tokens
from provider_sim.usage import Usage
from provider_sim.wire_errors import WireError, wrong_type

if TYPE_CHECKING:
    from provider_sim.request_fields import Fields

_MOST_INPUTS = 2_048
_MOST_DIMENSIONS = 4_096
_WORD = re.compile(r"\w+|[^\w\s]")
KNOWN_FIELDS = frozenset({"input", "model", "dimensions", "encoding_format", "user"})


@dataclass(frozen=True, slots=True)
class EmbeddingsRequest:
    model: str
    texts: tuple[str, ...]
    tokens: tuple[int, ...]
    """Of each text."""
    dimensions: int | None
    as_base64: bool


def decode_request(fields: Fields) -> EmbeddingsRequest:
    """Read the body.

    Raises:
        WireError: what OpenAI would refuse.
    """
    model = openai_tools.check_model(fields)
    inputs = _inputs(fields)
    encoding = "float"
    if fields.has("encoding_format"):
        encoding = fields.choice("encoding_format", ("float", "base64"))
    return EmbeddingsRequest(
        model=model,
        texts=tuple(text for text, _ in inputs),
        tokens=tuple(tokens for _, tokens in inputs),
        dimensions=fields.integer("dimensions", 1, _MOST_DIMENSIONS),
        as_base64=encoding == "base64",
    )


def _inputs(fields: Fields) -> list[tuple[str, int]]:
    value = fields.need("input")
    if isinstance(value, str):
        return [_input(value, 0)]
    items = fields.filled_array("input")
    if all(type(item) is int for item in items):
        return [_input(items, 0)]
    if len(items) > _MOST_INPUTS:
        raise WireError(
            f"Invalid 'input': array too long. Expected at most {_MOST_INPUTS} items.",
            param="input",
            code="array_above_max_length",
        )
    return [_input(item, index) for index, item in enumerate(items)]


def _input(item: Json, index: int) -> tuple[str, int]:
    if isinstance(item, str) and item:
        return item, count_tokens(item)
    if isinstance(item, list) and item and all(type(number) is int for number in item):
        return " ".join(f"t{number}" for number in cast("list[int]", item)), len(item)
    if item in ("", []):
        raise WireError(
            f"Invalid 'input[{index}]': input cannot be an empty string.", param="input"
        )
    raise wrong_type(f"input[{index}]", "a string or an array of token ids", item)


def encode_answer(request: EmbeddingsRequest, default_dimensions: int) -> Answer:
    """The answer; it never streams."""
    usage = Usage(prompt_tokens=sum(request.tokens))
    body = partial(_body, request, request.dimensions or default_dimensions)
    return Answer(usage=usage, finish_reason="stop", beats=1, body=body, frames=list)


def _body(request: EmbeddingsRequest, size: int) -> bytes:
    data: list[Json] = []
    for index, text in enumerate(request.texts):
        vector = embed(text, size)
        shown: Json = _base64(vector) if request.as_base64 else list(vector)
        data.append({"object": "embedding", "index": index, "embedding": shown})
    tokens = sum(request.tokens)
    answer: JsonObject = {
        "object": "list",
        "data": data,
        "model": request.model,
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }
    return dumps(answer)


def embed(text: str, size: int) -> array[float]:
    """A unit vector: each word and word pair pushes a few dimensions chosen by its hash."""
    values = [0.0] * size
    words = [word.lower() for word in _WORD.findall(text)] or [text]
    for word in [*words, *(f"{a} {b}" for a, b in pairwise(words))]:
        for salt in range(4):
            number = crc32(f"{salt}{word}".encode())
            values[number % size] += 1.0 if number & 0x80000000 else -1.0
    norm = sqrt(sum(value * value for value in values))
    if not norm:
        values[crc32(text.encode()) % size] = norm = 1.0
    return array("f", [value / norm for value in values])


def _base64(vector: array[float]) -> str:
    if sys.byteorder == "big":
        vector = vector[:]
        vector.byteswap()
    return base64.b64encode(vector.tobytes()).decode()
