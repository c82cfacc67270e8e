"""The translate lane: one call of one model, closed with its reader."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, cast

from api_gateway.admission.auth import Caller
from api_gateway.lanes.answers import Turn
from api_gateway.lanes.translate import ModelSource
from wire.conversation import ChoiceFinished, GenerationRequest, TextDelta, user_text
from wire.deadline import Deadline
from wire.specs import ModelSpec, ProviderSpec

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from model_providers.provider import ModelCall
    from model_providers.registry import ModelClient
    from wire.conversation import AnswerEvent

MODEL = ModelSpec(
    name="m",
    provider=ProviderSpec(name="p", kind="openai", base_url="http://x"),
    upstream_model="u",
)
TURN = Turn(
    request=GenerationRequest((user_text("hi"),)),
    request_id="req_1",
    run_id="run_1",
    caller=Caller("key_1", "default"),
    public_model="m",
    deadline=Deadline(1e9),
    traceparent="00-" + "a" * 32 + "-" + "b" * 16 + "-01",
)


class Client:
    """A model client that answers at once and notices when it is left."""

    def __init__(self) -> None:
        self.calls: list[ModelCall] = []
        self.left = 0

    async def stream(self, call: ModelCall) -> AsyncGenerator[AnswerEvent]:
        self.calls.append(call)
        try:
            yield TextDelta("a")
            yield ChoiceFinished("stop")
        finally:
            self.left += 1


async def test_the_turn_becomes_one_call_of_the_model() -> None:
    client = Client()
    source = ModelSource(cast("ModelClient", client), MODEL)

    async with aclosing(source.stream(TURN)) as events:
        heard = [event async for event in events]

    (call,) = client.calls
    assert heard == [TextDelta("a"), ChoiceFinished("stop")]
    assert (call.model, call.request, call.deadline) == (MODEL, TURN.request, TURN.deadline)
    assert call.traceparent == TURN.traceparent


async def test_leaving_early_leaves_the_model_too() -> None:
    client = Client()

    async with aclosing(ModelSource(cast("ModelClient", client), MODEL).stream(TURN)) as events:
        await anext(events)

    assert client.left == 1
