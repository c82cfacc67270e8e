"""OpenAI Embeddings: checked, passed on, and back. Source: OpenAI wire contract, section 4.3."""

from __future__ import annotations

import base64
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import msgspec

from api_gateway import openai_errors
from api_gateway.dialects import json_members
from wire.conversation import Usage
from wire.errors import InvalidRequestError, UpstreamProtocolError

if TYPE_CHECKING:
    from collections.abc import Sequence

_MAX_INPUTS = 2048
_FORMATS = ("float", "base64")
_BYTES_PER_TOKEN = 4

_FLOAT_BYTES = 4
# Not base64, no whole floats, more than a float holds.
_BAD_VECTORS = (ValueError, struct.error, OverflowError)

TokenIds = list[int]
Encoding = Literal["float", "base64"]


class _Request(msgspec.Struct):
    model: str
    input: str | list[str | int | TokenIds]
    dimensions: int | None = None
    encoding_format: str | None = None
    user: str | None = None


class _Counts(msgspec.Struct):
    prompt_tokens: int = 0


class _Vector(msgspec.Struct):
    """What is looked at of an entry: its vector's first byte says how it is encoded."""

    embedding: msgspec.Raw

    @property
    def encoding(self) -> Encoding:
        return "base64" if bytes(memoryview(self.embedding)[:1]) == b'"' else "float"


_VECTORS = msgspec.json.Decoder(list[_Vector])
_ENTRIES = msgspec.json.Decoder(list[json_members.Members])
_VECTOR = msgspec.json.Decoder(list[float] | str)
_REQUEST = msgspec.json.Decoder(_Request)
_COUNTS = msgspec.json.Decoder(_Counts)


@dataclass(frozen=True, slots=True)
class EmbeddingsRequest:
    """A checked request; `members` are the client's own bytes."""

    members: json_members.Members
    model: str
    input_tokens_estimate: int
    encoding_format: Encoding = "float"
    holds_token_ids: bool = False

    def require_text(self) -> None:
        """For a backend with a tokenizer of its own.

        Raises:
            InvalidRequestError: the input is token ids, which would stand for other words there.
        """
        if self.holds_token_ids:
            raise InvalidRequestError(
                "Invalid value for 'input': token ids mean something to OpenAI's own models only. "
                "Send text; in LangChain, set check_embedding_ctx_length=False.",
                param="input",
                code="unsupported_value",
            )

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
    return EmbeddingsRequest(
        members,
        request.model,
        len(body) // _BYTES_PER_TOKEN,
        encoding_format=_encoding(request.encoding_format),
        holds_token_ids=not isinstance(request.input, str)
        and not isinstance(request.input[0], str),
    )


def splice_answer(
    body: bytes, request: EmbeddingsRequest, provider: str
) -> tuple[bytes, Usage | None]:
    """The backend's answer under the name and in the encoding the client asked for, and its cost.

    Some backends answer floats whatever was asked, which OpenAI's SDK for Node reads as base64.

    Raises:
        UpstreamProtocolError: not embeddings.
    """
    try:
        members = json_members.split(body)
        vectors = _VECTORS.decode(members.get("data", b""))
        if any(vector.encoding != request.encoding_format for vector in vectors):
            members["data"] = _reencoded(members["data"], request.encoding_format)
    except (*openai_errors.JSON_PROBLEMS, *_BAD_VECTORS):
        raise _malformed(provider) from None
    members["model"] = json_members.text(request.model)
    return json_members.join(members), _usage(members.get("usage"))


def _encoding(wanted: str | None) -> Encoding:
    match wanted:
        case None:
            return "float"
        case "float" | "base64":
            return wanted
        case other:
            raise openai_errors.invalid_value("encoding_format", repr(other), _FORMATS)


def _reencoded(data: msgspec.Raw, wanted: Encoding) -> msgspec.Raw:
    """Every vector as wanted; the other members of each entry stay as they are."""
    encoded = [
        json_members.join({**entry, "embedding": _vector(entry["embedding"], wanted)})
        for entry in _ENTRIES.decode(data)
    ]
    return msgspec.Raw(b"[" + b",".join(encoded) + b"]")


def _vector(raw: msgspec.Raw, wanted: Encoding) -> msgspec.Raw:
    given: list[float] | str = _VECTOR.decode(raw)
    if wanted == "base64" and isinstance(given, list):
        packed = struct.pack(f"<{len(given)}f", *given)
        return json_members.text(base64.b64encode(packed).decode())
    if wanted == "float" and isinstance(given, str):
        packed = base64.b64decode(given, validate=True)
        floats = struct.unpack(f"<{len(packed) // _FLOAT_BYTES}f", packed)
        return msgspec.Raw(msgspec.json.encode(floats))
    return raw


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
