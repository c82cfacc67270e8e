"""The level that asks a model: a sectioned summary, updated by what is new, verified by code.

Only turns that no earlier summary covers are read. Tool results are condensed first, the newest
least. More than the summariser can read at once is cut at turns, summed up part by part, and
merged.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from compactor.strategies.extractive import Passage, anchors, condense
from compactor.strategies.failures import LevelFailedError, reason_of
from compactor.strategies.summary_prompt import (
    checked_summary,
    merge_items,
    summary_items,
    turn_text,
)
from compactor.turns import full_text, passages_of
from model_providers.provider import ModelCall
from model_providers.token_estimate import estimate_items, estimate_text
from wire.conversation import ChoiceFinished, GenerationRequest, Sampling, TextDelta
from wire.errors import PlatformError
from wire.ids import new_call_id

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from compactor.turns import Turn
    from model_providers.calls import CallObserver
    from wire.conversation import AnswerEvent, Item
    from wire.deadline import Deadline
    from wire.specs import ModelSpec

# Of the summariser's window: the rest is for its instructions and its answer.
_READ_SHARE = 0.6
_NEWEST_RESULTS = 4
_NEWEST_RESULT_TOKENS = 1500
_RESULT_TOKENS = 300
_ANCHORS_SHARE = 0.15
_MOST_AT_ONCE = 4
_MOST_MERGES = 4
_LEAST_CHUNK_TOKENS = 500


class Models(Protocol):
    """What the summary needs of `model_providers.registry.ModelClient`."""

    def stream(
        self, call: ModelCall, *, observer: CallObserver | None = None
    ) -> AsyncGenerator[AnswerEvent]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryJob:
    """`turns` are those that `previous` does not cover yet."""

    model: ModelSpec
    previous: str
    turns: Sequence[Turn]
    budget_tokens: int
    deadline: Deadline
    instructions: str | None = None
    traceparent: str | None = None

    @property
    def reading_tokens(self) -> int:
        """How much of the conversation the summariser reads in one call."""
        window = self.model.context_window_tokens - self.budget_tokens
        left = int(_READ_SHARE * window) - estimate_text(self.previous)
        return max(_LEAST_CHUNK_TOKENS, left)


async def summarise(job: SummaryJob, models: Models, observer: CallObserver) -> str:
    """The summary of everything up to now.

    Raises:
        LevelFailedError: no model answered, or what it said is not a summary.
    """
    texts = _readable(job)
    wanted = _anchors(job)
    input_tokens = sum(map(estimate_text, texts)) + estimate_text(job.previous)
    chunks = _chunks(texts, job.reading_tokens)
    text = await _Conversation(job, models, observer).summary_of(chunks)
    return checked_summary(
        text,
        anchors=wanted,
        input_tokens=input_tokens,
        budget_tokens=job.budget_tokens,
        count=estimate_text,
    )


def estimated_tokens(job: SummaryJob) -> tuple[int, int]:
    """Input and output tokens the summary will take, at most, for a budget check."""
    texts = _readable(job)
    chunks = _chunks(texts, job.reading_tokens)
    framing = estimate_items(
        summary_items(
            job.previous, "", budget_tokens=job.budget_tokens, instructions=job.instructions
        )
    )
    calls = len(chunks) + (len(chunks) > 1)
    read = sum(map(estimate_text, texts)) + calls * framing
    merged = len(chunks) * job.budget_tokens if len(chunks) > 1 else 0
    return read + merged, calls * job.budget_tokens


class _Conversation:
    """The calls of one summary."""

    def __init__(self, job: SummaryJob, models: Models, observer: CallObserver) -> None:
        self._job = job
        self._models = models
        self._observer = observer
        self._places = asyncio.Semaphore(_MOST_AT_ONCE)

    async def summary_of(self, chunks: list[str]) -> str:
        if len(chunks) == 1:
            return await self._ask(self._update(self._job.previous, chunks[0]))
        parts = await self._all([self._update("", chunk) for chunk in chunks])
        for _ in range(_MOST_MERGES):
            groups = _grouped(parts, self._job.reading_tokens)
            if len(groups) == 1:
                break
            parts = await self._all([self._merge("", group) for group in groups])
        return await self._ask(self._merge(self._job.previous, parts))

    async def _all(self, questions: list[tuple[Item, ...]]) -> list[str]:
        """Ask in parallel; the first failure ends the others."""
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._ask(question)) for question in questions]
        except BaseExceptionGroup as errors:
            failures = [e for e in errors.exceptions if isinstance(e, LevelFailedError)]
            if failures:
                raise failures[0] from None
            raise
        return [task.result() for task in tasks]

    def _update(self, previous: str, chunk: str) -> tuple[Item, ...]:
        job = self._job
        return summary_items(
            previous, chunk, budget_tokens=job.budget_tokens, instructions=job.instructions
        )

    def _merge(self, previous: str, parts: Sequence[str]) -> tuple[Item, ...]:
        job = self._job
        return merge_items(
            previous, parts, budget_tokens=job.budget_tokens, instructions=job.instructions
        )

    async def _ask(self, items: tuple[Item, ...]) -> str:
        job = self._job
        request = GenerationRequest(
            items=items, sampling=Sampling(max_output_tokens=_output_cap(job))
        )
        call = ModelCall(
            call_id=new_call_id(),
            model=job.model,
            request=request,
            deadline=job.deadline,
            agent_id="compactor",
            phase="compact",
            traceparent=job.traceparent,
        )
        async with self._places:
            try:
                return await self._answer(call)
            except PlatformError as error:
                raise LevelFailedError(reason_of(error)) from error

    async def _answer(self, call: ModelCall) -> str:
        texts: list[str] = []
        async with aclosing(self._models.stream(call, observer=self._observer)) as events:
            async for event in events:
                match event:
                    case TextDelta(text):
                        texts.append(text)
                    case ChoiceFinished("content_filter"):
                        raise LevelFailedError("content_filter")
                    case _:
                        pass
        return "".join(texts)


def _output_cap(job: SummaryJob) -> int:
    """Room for a model that thinks before it writes, where its window allows it."""
    allowed = job.model.max_output_tokens or job.model.context_window_tokens // 4
    return max(64, min(allowed, 2 * job.budget_tokens))


def _readable(job: SummaryJob) -> list[str]:
    """The turns as text, with long tool results condensed; the newest keep the most."""
    results = [place for place, turn in enumerate(job.turns) if turn.speaker == "tool"]
    newest = set(results[-_NEWEST_RESULTS:])
    texts: list[str] = []
    for place, turn in enumerate(job.turns):
        text = full_text(turn)
        if turn.speaker == "tool":
            allowed = _NEWEST_RESULT_TOKENS if place in newest else _RESULT_TOKENS
            text = _condensed(text, "tool", allowed)
        elif estimate_text(text) > job.reading_tokens:
            text = _condensed(text, turn.speaker, job.reading_tokens)
        texts.append(turn_text(turn, text))
    return texts


def _condensed(text: str, speaker: str, budget_tokens: int) -> str:
    passage = Passage(0, "tool" if speaker == "tool" else "user", text)
    left = condense([passage], budget_tokens, estimate_text, overhead_tokens=0)
    return left[0].text if left else ""


def _anchors(job: SummaryJob) -> list[str]:
    budget = int(_ANCHORS_SHARE * job.budget_tokens)
    return anchors(passages_of(job.turns), budget, estimate_text)


def _chunks(texts: Sequence[str], chunk_tokens: int) -> list[str]:
    """Turns joined up to the chunk's size, never cut."""
    return ["\n\n".join(group) for group in _grouped(texts, chunk_tokens)] or [""]


def _grouped(texts: Sequence[str], group_tokens: int) -> list[list[str]]:
    groups: list[list[str]] = []
    room = 0
    for text in texts:
        price = estimate_text(text) + 1
        if not groups or price > room:
            groups.append([])
            room = group_tokens
        groups[-1].append(text)
        room -= price
    return groups
