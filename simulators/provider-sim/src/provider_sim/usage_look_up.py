"""What one request cost, asked afterwards by the id that its caller sent."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from provider_sim.openai_chat import usage_object
from provider_sim.usage import Usage
from provider_sim.wire_errors import WireError

if TYPE_CHECKING:
    from provider_sim.json_types import JsonObject
    from provider_sim.recorder import Recorder


def billed(recorder: Recorder, request_id: str) -> JsonObject:
    """The usage of a request that is over.

    Raises:
        WireError: no such request is recorded, or it is still under way.
    """
    exchange = recorder.find(request_id)
    if exchange is None:
        raise WireError(
            f"No request with the id '{request_id}' is recorded.",
            status=HTTPStatus.NOT_FOUND,
            code="request_not_found",
        )
    if exchange.outcome == "active":
        raise WireError(
            f"The request '{request_id}' is still under way; ask again once it is over.",
            status=HTTPStatus.NOT_FOUND,
            code="request_in_progress",
        )
    usage = Usage(
        prompt_tokens=exchange.prompt_tokens,
        cached_tokens=exchange.cached_tokens,
        completion_tokens=exchange.completion_tokens,
        reasoning_tokens=exchange.reasoning_tokens,
    )
    return {"object": "usage", "request_id": request_id, "usage": usage_object(usage)}
