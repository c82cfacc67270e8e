"""The translate lane: a single model that the client's own words cannot be passed on to."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

from model_providers.provider import ModelCall
from wire.ids import new_call_id

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from api_gateway.lanes.answers import AnswerItem, Turn
    from model_providers.registry import ModelClient
    from wire.specs import ModelSpec


class ModelSource:
    """Answers by one call of one model, in the vendor's dialect."""

    def __init__(self, client: ModelClient, model: ModelSpec) -> None:
        self._client = client
        self._model = model

    async def stream(self, turn: Turn) -> AsyncGenerator[AnswerItem]:
        """The answer's events.

        Raises:
            PlatformError: the vendor failed.
        """
        call = ModelCall(
            call_id=new_call_id(),
            model=self._model,
            request=turn.request,
            deadline=turn.deadline,
            traceparent=turn.traceparent,
        )
        async with aclosing(self._client.stream(call)) as events:
            async for event in events:
                yield event
