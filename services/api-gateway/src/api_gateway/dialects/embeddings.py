"""OpenAI Embeddings: checked, passed on, and back. Source: OpenAI wire contract, section 4.3."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from api_gateway import openai_errors
from api_gateway.dialects import json_members
from wire.conversation import Usage
from wire.errors import UpstreamProtocolError

if TYPE_CHECKING:
    from collections.abc import Sequence

_MAX_INPUTS = 2048
_FORMATS = ("float", "base64")
_BYTES_PER_TOKEN = 4

TokenIds = list[int]


class _Request(msgspec.Struct):
    model: str
    input: str | list[str | int | TokenIds]
    dimensions: int | None = None
    encoding_format: str | None = None
    user: str | None = None


class _Counts(msgspec.Struct):
    prompt_tokens: int = 0


_REQUEST = msgspec.json.Decoder(_Request)
_COUNTS = msgspec.json.Decoder(_Counts)


@dataclass(frozen=True, slots=True)
class EmbeddingsRequest:
    """A checked request; `members` are the client's own bytes."""

    members: json_members.Members
    model: str
    input_tokens_estimate: int

    def spliced(self, upstream_model: str) -> bytes:
        """For a backend that knows the model by another name."""
        return json_members.join({**self.members, "model": json_members.text(upstream_model)})


def decode_request(body: bytes) -> EmbeddingsRequest:
    """Check a request.

    Raises:
        InvalidRequestError: with the name of the first member that is wrong.
    """
    try:
        members = json_members.split(body)
        request = _REQUEST.decode(body)
    except openai_errors.JSON_PROBLEMS as problem:
        raise openai_errors.from_json_problem(problem) from None
    _check_input(request.input)
    if request.dimensions is not None and request.dimensions < 1:
        raise openai_errors.out_of_range(
            "dimensions", request.dimensions, minimum=1, maximum=None, kind="integer"
        )
    if request.encoding_format is not None and request.encoding_format not in _FORMATS:
        raise openai_errors.invalid_value(
            "encoding_format", repr(request.encoding_format), _FORMATS
        )
    return EmbeddingsRequest(members, request.model, len(body) // _BYTES_PER_TOKEN)


def splice_answer(body: bytes, public_model: str, provider: str) -> tuple[bytes, Usage | None]:
    """The backend's answer under the name the client asked for, and what it cost.

    Raises:
        UpstreamProtocolError: not embeddings.
    """
    try:
        members = json_members.split(body)
    except openai_errors.JSON_PROBLEMS:
        raise _malformed(provider) from None
    if "data" not in members:
        raise _malformed(provider)
    members["model"] = json_members.text(public_model)
    return json_members.join(members), _usage(members.get("usage"))


def _check_input(given: str | Sequence[str | int | TokenIds]) -> None:
    if isinstance(given, str):
        _check_text(given, "input")
        return
    if not given:
        raise openai_errors.empty_array("input")
    if isinstance(given[0], int):  # one text as token ids, however long
        _check_kinds(given, int, "an array of integers")
        return
    if len(given) > _MAX_INPUTS:
        raise openai_errors.array_too_long("input", _MAX_INPUTS, len(given))
    _check_kinds(given, type(given[0]), "strings only, or arrays of integers only")
    for index, each in enumerate(given):
        if isinstance(each, str):
            _check_text(each, f"input[{index}]")
        elif each == []:
            raise openai_errors.empty_array(f"input[{index}]")


def _check_kinds(given: Sequence[object], kind: type, expected: str) -> None:
    for index, each in enumerate(given):
        if not isinstance(each, kind):
            raise openai_errors.invalid_type(f"input[{index}]", expected, None)


def _check_text(text: str, param: str) -> None:
    if not text:
        raise openai_errors.invalid_value(param, "an empty string has no embedding")


def _usage(raw: msgspec.Raw | None) -> Usage | None:
    try:
        return Usage(input_tokens=_COUNTS.decode(raw).prompt_tokens) if raw is not None else None
    except openai_errors.JSON_PROBLEMS:
        return None


def _malformed(provider: str) -> UpstreamProtocolError:
    return UpstreamProtocolError(
        f"{provider} sent an answer that holds no embeddings", provider=provider
    )
