"""From a Responses request to what is to be done: its history fetched, its lane chosen."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from api_gateway.dialects.responses.decode import decode_body
from api_gateway.dialects.responses.items import (
    DecodedInput,
    decode_items,
    is_reasoning,
    item_not_found,
    references,
    split_input,
)
from wire.conversation import ReasoningItem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from api_gateway.dialects.responses.decode import ResponsesBody
    from api_gateway.dialects.responses.head import ResponsesHead
    from api_gateway.dialects.responses.response_object import ResponseEcho
    from api_gateway.stores.protocols import ResponseHistory
    from api_gateway.stores.records import StoredItem
    from wire.conversation import GenerationRequest, Item


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponsePlan:
    """A response that is to be made, for whichever lane makes it.

    `history` are the stored items that come before the request's own, as JSON; `request` is all of
    it in the neutral form.
    """

    tenant_id: str
    body: ResponsesBody
    echo: ResponseEcho
    history: Sequence[msgspec.Raw]
    request: GenerationRequest
    compact_threshold_tokens: int | None = None

    @property
    def streams(self) -> bool:
        return self.body.head.streams


@dataclass(frozen=True, slots=True)
class History:
    """What comes before a request's own items; `root` is how the client referred to it."""

    items: Sequence[msgspec.Raw] = ()
    root: str = "previous_response_id"

    @property
    def size_bytes(self) -> int:
        return sum(len(bytes(raw)) for raw in self.items)

    def decoded(self) -> DecodedInput:
        return decode_items(self.items, self.root)


def history_of(items: Sequence[StoredItem], root: str) -> History:
    """Stored items as a history."""
    return History([msgspec.Raw(item.payload) for item in items], root)


async def read_body(head: ResponsesHead, stored: ResponseHistory, tenant_id: str) -> ResponsesBody:
    """The request's items and tools, references replaced by what they refer to.

    Raises:
        InvalidRequestError: with the path of the first fault.
        NotFoundError: a reference to what is not stored.
    """
    own = split_input(head.parameters.input)
    if isinstance(own, str):
        return decode_body(head, own)
    for index, item_id in references(own, "input").items():
        found = await stored.item(tenant_id, item_id)
        if found is None:
            raise item_not_found(item_id)
        own[index] = msgspec.Raw(found.payload)
    return decode_body(head, own)


def without_sealed_reasoning(plan: ResponsePlan) -> ResponsePlan | None:
    """The same without earlier thoughts, which only the vendor that sealed them can open.

    What is kept of the request stays whole. None: there are none to leave out.
    """
    items = tuple(item for item in plan.request.items if not _is_sealed_reasoning(item))
    if len(items) == len(plan.request.items):
        return None
    own = plan.body.raw_input
    if not isinstance(own, str):
        own = [raw for raw in own if not is_reasoning(raw)]
    return dataclasses.replace(
        plan,
        body=dataclasses.replace(plan.body, raw_input=own),
        history=[raw for raw in plan.history if not is_reasoning(raw)],
        request=msgspec.structs.replace(plan.request, items=items),
    )


def _is_sealed_reasoning(item: Item) -> bool:
    return isinstance(item, ReasoningItem) and item.encrypted_content is not None
