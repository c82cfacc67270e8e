"""What a model can read at once: the oldest items give way, or the request is refused.

Estimates are off by up to a third, so a request is refused here only when it cannot fit, and
shortened to what fits for sure. Between the two the model's backend judges.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import msgspec

from model_providers.token_estimate import estimate_items, estimate_request
from wire.conversation import Message, ToolCall, ToolResult
from wire.errors import ContextLengthExceededError, OverloadedError, ServiceUnavailableError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    from wire.conversation import GenerationRequest, Item
    from wire.specs import PanelSpec

# See `model_providers.token_estimate`: what its estimates are off by, on either side.
_CERTAINLY_TOO_LONG = 1.35
_CERTAINLY_FITS = 0.8
_MIN_INPUT_SHARE = 0.25


def narrowest_window(panel: PanelSpec) -> int:
    """That of the agent who can read least."""
    return min(agent.model.context_window_tokens for agent in panel.agents)


def refuse_too_long(request: GenerationRequest, window_tokens: int, size_bytes: int) -> None:
    """For clients that want no item left out.

    `size_bytes` is the request's size as JSON: below one byte a token nothing is estimated.

    Raises:
        ContextLengthExceededError: it cannot fit.
    """
    if size_bytes <= window_tokens:
        return
    tokens = estimate_request(request)
    if tokens > window_tokens * _CERTAINLY_TOO_LONG:
        raise ContextLengthExceededError(
            f"Your input exceeds the context window of this model: some {tokens} tokens, of "
            f"{window_tokens}. Shorten it, or send 'truncation': 'auto'.",
            param="input",
        )


@contextmanager
def overflow_told(overflow: ContextLengthExceededError) -> Generator[None]:
    """Around a second try with a smaller conversation: where it cannot begin, the first counts."""
    try:
        yield
    except (ServiceUnavailableError, OverloadedError):
        raise overflow from None


def shortened(request: GenerationRequest, window_tokens: int, size_bytes: int) -> GenerationRequest:
    """The request without its oldest items, as many as have to go; itself if none has.

    System and developer messages stay, and so do the last item and the last words of the user. A
    tool's call and its output go together.
    """
    if size_bytes <= window_tokens * _CERTAINLY_FITS / 2:
        return request
    reserved = request.sampling.max_output_tokens or 0
    budget = window_tokens * _CERTAINLY_FITS - reserved
    budget = int(max(budget, window_tokens * _MIN_INPUT_SHARE))
    excess = estimate_request(request) - budget
    if excess <= 0:
        return request
    items = tuple(_without_oldest(request.items, excess))
    return msgspec.structs.replace(request, items=items)


def _without_oldest(items: Sequence[Item], excess_tokens: int) -> Iterator[Item]:
    dropped: set[int] = set()
    partners = _partners(items)
    for index in _droppable(items):
        if excess_tokens <= 0:
            break
        for each in partners.get(index, (index,)):
            if each not in dropped:
                dropped.add(each)
                excess_tokens -= estimate_items((items[each],))
    return (item for index, item in enumerate(items) if index not in dropped)


def _droppable(items: Sequence[Item]) -> Iterator[int]:
    """Oldest first."""
    of_user = [i for i, item in enumerate(items) if _role(item) == "user"]
    kept = {len(items) - 1, *of_user[-1:]}
    last = items[-1] if items else None
    if isinstance(last, ToolResult):
        kept |= {i for i, item in enumerate(items) if _call_id(item) == last.call_id}
    for index, item in enumerate(items):
        if index not in kept and _role(item) not in ("system", "developer"):
            yield index


def _partners(items: Sequence[Item]) -> dict[int, tuple[int, ...]]:
    """Each call and output with all items of its call."""
    of_call: dict[str, list[int]] = {}
    for index, item in enumerate(items):
        call_id = _call_id(item)
        if call_id is not None:
            of_call.setdefault(call_id, []).append(index)
    return {index: tuple(group) for group in of_call.values() for index in group}


def _call_id(item: Item) -> str | None:
    return item.call_id if isinstance(item, ToolCall | ToolResult) else None


def _role(item: Item) -> str | None:
    return item.role if isinstance(item, Message) else None
