"""The level that asks a model."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec
import pytest

from compactor.calls import CallBook
from compactor.strategies.failures import LevelFailedError
from compactor.strategies.summary import SummaryJob, estimated_tokens, summarise
from compactor.turns import Turn, turns_of
from model_providers.token_estimate import estimate_items
from services.compactor.tests.conversations import model, planted_conversation, text_of
from wire.conversation import AnswerEvent, ChoiceFinished, FinishReason, TextDelta
from wire.deadline import Deadline
from wire.errors import UpstreamTimeoutError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from model_providers.calls import CallObserver
    from model_providers.provider import ModelCall

GOOD = "## Goal\nGo on.\n## Progress\nHalf."
TURNS = tuple(turns_of(planted_conversation(40, facts=6)[0]))


@dataclass
class Models:
    """Answers every call with the same text, and remembers what it was asked."""

    answer: str = GOOD
    finish: FinishReason = "stop"
    failure: Exception | None = None
    asked: list[ModelCall] = field(default_factory=list["ModelCall"])
    at_once: int = 0
    most_at_once: int = 0

    async def stream(
        self, call: ModelCall, *, observer: CallObserver | None = None
    ) -> AsyncGenerator[AnswerEvent]:
        assert observer is not None
        self.asked.append(call)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(0)
        self.at_once -= 1
        if self.failure is not None:
            raise self.failure
        yield TextDelta(self.answer)
        yield ChoiceFinished(self.finish)

    def texts(self) -> list[str]:
        return [text_of(call.request.items) for call in self.asked]


def job(**changed: object) -> SummaryJob:
    values: dict[str, object] = {
        "model": model(),
        "previous": "",
        "turns": TURNS,
        "budget_tokens": 400,
        "deadline": Deadline(100.0),
        **changed,
    }
    return SummaryJob(**values)  # pyright: ignore[reportArgumentType]


async def summary(models: Models, **changed: object) -> str:
    return await summarise(job(**changed), models, CallBook((), 0.0))


async def test_one_call_suffices_where_the_summarisers_window_does() -> None:
    models = Models()

    text = await summary(models)

    assert len(models.asked) == 1
    assert models.asked[0].phase == "compact"
    assert text.startswith(GOOD)
    assert "ORCHID_0" in text


@pytest.mark.requirement("compaction:summary:incremental")
async def test_the_previous_summary_and_only_new_turns_are_read() -> None:
    models = Models()

    await summary(models, previous="## Goal\nEARLIER", turns=TURNS[-4:])

    (asked,) = models.texts()
    assert "EARLIER" in asked
    assert TURNS[-1].text in asked
    assert asked.count("User: ") == 2


async def test_more_than_the_window_is_summed_up_in_parts_and_merged() -> None:
    models = Models()

    await summary(models, model=model(2_000))

    texts = models.texts()
    *parts, merge = texts
    assert len(parts) > 2
    assert merge.count("<part>") == len(parts)
    assert models.most_at_once <= 4
    for call in models.asked:
        assert estimate_items(call.request.items) < 2_000
    for turn in TURNS:
        assert any(turn.text in part for part in parts)


async def test_parts_that_are_too_many_to_merge_at_once_are_merged_in_groups() -> None:
    models = Models(answer="## Goal\n" + "words " * 330 + "\n## Progress\n-")
    many = tuple(turns_of(planted_conversation(150)[0]))

    await summary(models, model=model(2_000), turns=many, budget_tokens=600)

    merges = [text for text in models.texts() if "<part>" in text]
    assert len(merges) > 2


async def test_long_tool_results_are_condensed_the_newest_least() -> None:
    rows = "\n".join(f"row {n} holds order A{n:04d} of customer_{n}" for n in range(600))
    turns = [Turn("tool", rows, "list") for _ in range(6)]
    models = Models()

    await summary(models, turns=turns)

    results = models.texts()[0].split("Tool result list: ")[1:]
    assert len(results[0]) < len(results[-1]) < len(rows) / 2


@pytest.mark.requirement("compaction:summary:verified")
async def test_a_failing_model_fails_the_level_with_a_constant_reason() -> None:
    models = Models(failure=UpstreamTimeoutError("secret words", provider="nowhere"))

    with pytest.raises(LevelFailedError) as caught:
        await summary(models)

    assert caught.value.reason == "provider_timeout"


async def test_one_failing_part_ends_the_others() -> None:
    models = Models(failure=UpstreamTimeoutError("x", provider="nowhere"))

    with pytest.raises(LevelFailedError):
        await summary(models, model=model(2_000))


async def test_a_filtered_summary_is_none() -> None:
    with pytest.raises(LevelFailedError, match="content_filter"):
        await summary(Models(finish="content_filter"))


async def test_the_answer_is_capped_within_the_model() -> None:
    models = Models()
    small = msgspec.structs.replace(model(), max_output_tokens=500)

    await summary(models, model=small)
    await summary(models)

    caps = [call.request.sampling.max_output_tokens for call in models.asked]
    assert caps == [500, 800]


async def test_the_estimate_covers_what_is_spent() -> None:
    models = Models()
    wanted = job(model=model(2_000))

    await summarise(wanted, models, CallBook((), 0.0))

    read, written = estimated_tokens(wanted)
    assert sum(estimate_items(call.request.items) for call in models.asked) <= read
    assert written == len(models.asked) * wanted.budget_tokens
