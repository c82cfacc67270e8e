"""`conclave compact FILE`: a conversation compacted, and what it weighs before and after."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from conclave_cli import exit_codes
from conclave_cli.endpoint import Endpoint, endpoint_from
from conclave_cli.errors import RequestFailedError
from conclave_cli.settings import load_settings
from wire.conversation import Compacted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

_TOOL_TYPES = ("_call", "_call_output")
_KINDS = ("instructions", "user messages", "assistant messages", "tool calls", "sealed", "other")


class _Holder(msgspec.Struct):
    """A file may hold a whole request; chat's messages are items too, unless they are of tools."""

    input: list[msgspec.Raw] | None = None
    messages: list[msgspec.Raw] | None = None


class _Look(msgspec.Struct):
    type: str = "message"
    role: str | None = None


class _Usage(msgspec.Struct):
    total_tokens: int
    compaction_details: Compacted


class _Compaction(msgspec.Struct):
    output: list[msgspec.Raw]
    usage: _Usage


_FILE: msgspec.json.Decoder[list[msgspec.Raw] | _Holder] = msgspec.json.Decoder(
    list[msgspec.Raw] | _Holder
)
_decode_look = msgspec.json.Decoder(_Look).decode


@dataclass(frozen=True, slots=True)
class Comparison:
    """A conversation and what it was compacted to."""

    before: Sequence[msgspec.Raw]
    after: Sequence[msgspec.Raw]
    compacted: Compacted


def compact_file(file: Path, model: str, base_url: str | None, *, output: Path | None) -> int:
    """Print the table; write the compacted items where `output` says; the exit status."""
    endpoint = endpoint_from(load_settings(), base_url)
    comparison = asyncio.run(compact(endpoint, model, read_items(file)))
    sys.stdout.write("\n".join(table(comparison)) + "\n")
    if output is not None:
        _write(output, msgspec.json.encode(comparison.after))
    return exit_codes.OK


def read_items(file: Path) -> list[msgspec.Raw]:
    """A list of items, or that of a request's `input` or `messages`.

    Raises:
        RequestFailedError: the file cannot be read, or holds none.
    """
    try:
        found = _FILE.decode(file.read_bytes())
    except (OSError, msgspec.DecodeError) as error:
        raise RequestFailedError(f"{file}: {error}") from None
    items = (found.input or found.messages) if isinstance(found, _Holder) else found
    if not items:
        raise RequestFailedError(f"{file}: no items; give a list, or an object with `input`")
    return items


async def compact(endpoint: Endpoint, model: str, items: Sequence[msgspec.Raw]) -> Comparison:
    """Ask the endpoint.

    Raises:
        RequestFailedError: it refused, or answered something else.
    """
    body = msgspec.json.encode({"model": model, "input": items})
    async with endpoint.request("POST", "/responses/compact", body) as response:
        answer = await response.read()
    try:
        made = msgspec.json.decode(answer, type=_Compaction)
    except msgspec.DecodeError as error:
        raise RequestFailedError(f"{endpoint.base_url}: no compaction: {error}") from None
    return Comparison(items, made.output, made.usage.compaction_details)


def table(comparison: Comparison) -> Iterator[str]:
    """One line for each kind of item there is, then items, tokens and bytes."""
    before, after, said = comparison.before, comparison.after, comparison.compacted
    yield _line("", "before", "after", "left")
    counts = _kinds(before), _kinds(after)
    for kind in _KINDS:
        if counts[0][kind] or counts[1][kind]:
            yield _line(kind, f"{counts[0][kind]:,}", f"{counts[1][kind]:,}")
    yield _line("items", f"{len(before):,}", f"{len(after):,}")
    yield _line(
        "tokens, as read",
        f"{said.tokens_before:,}",
        f"{said.tokens_after:,}",
        _share(said.tokens_after, said.tokens_before),
    )
    sizes = _size_bytes(before), _size_bytes(after)
    yield _line("bytes, as sent", f"{sizes[0]:,}", f"{sizes[1]:,}", _share(sizes[1], sizes[0]))
    yield ""
    yield f"level: {said.level}{' (made before)' if said.reused else ''}"


def _kinds(items: Iterable[msgspec.Raw]) -> Counter[str]:
    return Counter(_kind(_decode_look(item)) for item in items)


def _kind(look: _Look) -> str:
    if look.type == "message":
        if look.role in ("system", "developer"):
            return "instructions"
        return f"{look.role} messages" if look.role in ("user", "assistant") else "other"
    if look.type in ("compaction", "compaction_summary"):
        return "sealed"
    return "tool calls" if look.type.endswith(_TOOL_TYPES) else "other"


def _line(name: str, before: str, after: str, left: str = "") -> str:
    return f"{name:<20}{before:>12}{after:>12}{left:>8}".rstrip()


def _share(after: int, before: int) -> str:
    return f"{100 * after / before:.0f} %" if before else ""


def _size_bytes(items: Iterable[msgspec.Raw]) -> int:
    return sum(len(bytes(item)) for item in items)


def _write(output: Path, items: bytes) -> None:
    try:
        output.write_bytes(items)
    except OSError as error:
        raise RequestFailedError(f"{output}: {error.strerror or error}") from None
