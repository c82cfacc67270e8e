"""Whether to compact, and what the caller gets. Through the routes see `test_routes.py`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec
import pytest

from services.compactor.tests.conversations import (
    EXTRACTIVE,
    assistant,
    call,
    model,
    planted_conversation,
    result,
    user,
)
from services.compactor.tests.running import RunningCompactor, running_compactor
from wire.compaction import CompactRequest
from wire.conversation import TextDelta
from wire.errors import RemoteError
from wire.specs import CompactionSpec

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from model_providers.calls import CallObserver
    from model_providers.provider import ModelCall
    from wire.conversation import AnswerEvent, Item

ITEMS: tuple[Item, ...] = (*planted_conversation(60)[0], user("Go on."))
SPEC = CompactionSpec(level="extractive", threshold_tokens=1_000, target_ratio=0.02)


def automatic(items: tuple[Item, ...] = ITEMS, **changed: object) -> CompactRequest:
    request = CompactRequest(items=items, model=model(), spec=SPEC)
    return msgspec.structs.replace(request, **changed)  # pyright: ignore[reportArgumentType]


async def test_in_the_middle_of_a_turn_only_force_or_need_compacts(
    compactor: RunningCompactor,
) -> None:
    items = (*ITEMS, call("1"), result("1"))

    waiting = await compactor.compact(automatic(items))
    forced = await compactor.compact(automatic(items, force=True))
    needed = await compactor.compact(automatic(items, model=model(2_000)))

    assert waiting.noop == "mid_turn"
    assert forced.level == needed.level == "extractive"


async def test_after_a_compaction_the_next_waits_for_growth(compactor: RunningCompactor) -> None:
    spec = CompactionSpec(level="extractive", threshold_tokens=500, target_ratio=0.02)
    first = await compactor.compact(automatic(spec=spec, target_tokens=640))
    little = (*first.items, assistant("Yes."), user("And?"))
    much = (*first.items, assistant("Yes. " * 200), user("And?"))

    assert first.tokens_after > 500
    assert (await compactor.compact(automatic(little, spec=spec))).noop == "hysteresis"
    assert (await compactor.compact(automatic(much, spec=spec))).level == "extractive"


async def test_a_disabled_model_is_left_alone(compactor: RunningCompactor) -> None:
    request = automatic(spec=msgspec.structs.replace(SPEC, enabled=False), force=True)

    assert (await compactor.compact(request)).noop == "disabled"


async def test_a_repeat_is_remembered_and_a_changed_request_is_not(
    compactor: RunningCompactor,
) -> None:
    first = await compactor.compact(automatic())
    repeated = await compactor.compact(automatic(expand=True))
    other = await compactor.compact(automatic(target_tokens=500))

    assert repeated.reused
    assert repeated.compaction == first.compaction
    assert repeated.window
    assert not other.reused
    assert compactor.count("compactions_total", level="extractive", source="cached") == 1


async def test_what_was_saved_and_spent_is_counted(compactor: RunningCompactor) -> None:
    made = await compactor.compact(automatic())

    assert compactor.count("tokens_in_total", level="extractive") == made.tokens_before
    assert compactor.count("tokens_out_total", level="extractive") == made.tokens_after
    saved = made.tokens_before - made.tokens_after
    assert compactor.count("tokens_saved_total", level="extractive") == saved
    assert compactor.count("sealed_item_bytes_count") == 1


class Gate:
    """A model that says when it is asked, and never answers."""

    def __init__(self) -> None:
        self.entered = asyncio.Event()

    async def stream(
        self, call: ModelCall, *, observer: CallObserver | None = None
    ) -> AsyncGenerator[AnswerEvent]:
        assert observer is not None
        self.entered.set()
        await asyncio.Event().wait()
        yield TextDelta(call.call_id)


async def test_more_than_the_bound_at_once_is_overload() -> None:
    gate = Gate()
    spec = msgspec.structs.replace(SPEC, level="summary", target_ratio=0.05)
    async with (
        running_compactor(models=gate, max_concurrent_compactions=1) as compactor,
        asyncio.timeout(10),
        asyncio.TaskGroup() as group,
    ):
        waiting = group.create_task(compactor.compact(automatic(spec=spec)))
        await gate.entered.wait()

        with pytest.raises(RemoteError) as caught:
            await compactor.compact(automatic(spec=EXTRACTIVE, mode="explicit"))
        waiting.cancel()

    assert (caught.value.status, caught.value.retry_after_s) == (503, 1.0)
