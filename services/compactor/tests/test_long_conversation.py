"""200,000 tokens through a model of 32,000 that enforces its window and knows what it reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from model_providers.provider import ModelCall
from model_providers.registry import ModelClient
from model_providers.token_estimate import estimate_items
from service_kit.clock import SystemClock
from service_kit.internal_client import new_session
from services.compactor.tests.conversations import model, planted_conversation, user
from wire.compaction import CompactRequest, OpenRequest
from wire.conversation import GenerationRequest, Item, TextDelta
from wire.deadline import Deadline
from wire.errors import ContextLengthExceededError
from wire.ids import new_call_id
from wire.specs import CompactionLevel, CompactionSpec, ModelSpec, ProviderSpec

if TYPE_CHECKING:
    from model_providers.calls import CallClosed, CallOpened
    from provider_sim.testing import SimulatorClient
    from services.compactor.tests.running import RunningCompactor

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
WINDOW = 32_000
MESSAGES, VALUES = planted_conversation(1_900, facts=10)


class Nobody:
    async def opened(self, call: CallOpened, /) -> None: ...

    def first_token(self, call: CallOpened, at_s: float, /) -> None: ...

    async def closed(self, call: CallClosed, /) -> None: ...


def windowed(vendor: SimulatorClient) -> ModelSpec:
    url = vendor.profiled_url(f"window={WINDOW}")
    provider = ProviderSpec(name="sim", kind="openai-compatible", base_url=url)
    spec = model(WINDOW, provider)
    return msgspec.structs.replace(spec, max_output_tokens=500)


async def answer(spec: ModelSpec, items: tuple[Item, ...]) -> str:
    clock = SystemClock()
    async with new_session(trust_env=False) as session:
        client = ModelClient(
            session, clock=clock, secrets=lambda _provider: None, observer=Nobody()
        )
        call = ModelCall(
            call_id=new_call_id(),
            model=spec,
            request=GenerationRequest(items),
            deadline=Deadline.after(30, now_s=clock.monotonic_s()),
        )
        events = [event async for event in client.stream(call)]
    return "".join(event.text for event in events if isinstance(event, TextDelta))


def question(name: str) -> Item:
    return user(f"What is the value of {name}? Answer only from this conversation.")


@pytest.mark.requirement("compaction:recall:question")
@pytest.mark.parametrize("level", ["extractive", "summary"])
async def test_facts_of_the_beginning_the_middle_and_the_end_are_answered(
    compactor: RunningCompactor, vendor: SimulatorClient, level: CompactionLevel
) -> None:
    spec = windowed(vendor)
    assert estimate_items(MESSAGES) > 200_000
    with pytest.raises(ContextLengthExceededError):
        await answer(spec, (*MESSAGES, question("X")))

    made = await compactor.compact(
        CompactRequest(items=tuple(MESSAGES), model=spec, spec=CompactionSpec(level=level)),
        timeout_s=240,
    )

    assert made.level == level, made.fallbacks
    assert made.tokens_after <= WINDOW / 2
    names = list(VALUES)
    for name in (names[0], names[len(names) // 2], names[-1]):
        items = (*made.items, question(name))
        opened = await compactor.open(OpenRequest(items=items, model=spec))
        assert await answer(spec, opened.items) == VALUES[name]


async def test_tail_truncation_does_not_know_the_beginning(vendor: SimulatorClient) -> None:
    spec = windowed(vendor)
    tail: list[Item] = []
    for message in reversed(MESSAGES):
        if estimate_items((*tail, message)) > 0.3 * WINDOW:
            break
        tail.insert(0, message)
    first, *_ = VALUES

    assert await answer(spec, (*tail, user("Hello?")))
    assert await answer(spec, (*tail, question(first))) != VALUES[first]
