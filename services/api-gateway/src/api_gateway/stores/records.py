"""What the stores keep, as values: responses, conversations, chat completions.

Everything a client sends or gets is kept as the JSON it was (`payload`, `body`), so that what is
read back is equal byte for byte.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

ResponseStatus = Literal["queued", "in_progress", "completed", "incomplete", "failed", "cancelled"]
Order = Literal["asc", "desc"]


@dataclass(frozen=True, slots=True)
class StoredItem:
    """One item of a conversation or response: `payload` is its JSON, with id and status.

    `api_gateway.dialects.stored_items` makes them of what a client sent.
    """

    item_id: str
    payload: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class NewResponse:
    """A response to keep.

    `body` is the response object as the client got it. `input` holds this request's own items:
    those of its chain or conversation are kept once, where they came from. `conversation_id`: the
    items are appended to it once the response is completed. `run_id` and `request` serve
    whoever re-encodes a background response; `request` is read by nobody else. `begins_chain`:
    nothing before this response's output counts in a chain, its own input neither (a compaction).
    """

    response_id: str
    tenant_id: str
    created_unix_s: int
    model: str
    status: ResponseStatus
    body: bytes
    input: tuple[StoredItem, ...]
    output: tuple[StoredItem, ...] = ()
    previous_response_id: str | None = None
    conversation_id: str | None = None
    background: bool = False
    streamed: bool = False
    begins_chain: bool = False
    run_id: str | None = None
    request: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseEnd:
    """How a response that was kept while it ran has ended (or how it is by now)."""

    status: ResponseStatus
    body: bytes
    output: tuple[StoredItem, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredResponse:
    """A response without its items; its output is in `body`."""

    response_id: str
    tenant_id: str
    created_unix_s: int
    model: str
    status: ResponseStatus
    body: bytes
    previous_response_id: str | None
    conversation_id: str | None
    background: bool
    streamed: bool
    run_id: str | None
    request: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRequest:
    """A page of a listing: what follows the item with the id `after`, in this order."""

    limit: int = 20
    order: Order = "desc"
    after: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """`has_more`: there are items after the last of these."""

    items: tuple[StoredItem, ...]
    has_more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    conversation_id: str
    tenant_id: str
    created_unix_s: int
    metadata: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCompletion:
    """A chat completion to keep: `body` as the client got it, and the request's own messages.

    `body` lacks `metadata`: that can change, and is added when the completion is read.
    """

    completion_id: str
    tenant_id: str
    created_unix_s: int
    model: str
    body: bytes
    messages: tuple[StoredItem, ...]
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletionFilter:
    """Every pair of `metadata` must be there."""

    model: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])
