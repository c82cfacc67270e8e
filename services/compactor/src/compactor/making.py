"""One compaction made: the history drawn up, level after level tried, the best one sealed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from compactor import policy
from compactor.assembly import Surroundings, standing_of
from compactor.calls import CallBook, cost_usd
from compactor.guarantees import last_user_message, standing_messages
from compactor.payload import Payload
from compactor.sections import cut, user_messages, without_standing
from compactor.standing_instructions import carried, standing_instructions
from compactor.strategies.failures import LevelFailedError
from compactor.strategies.native import NativeJob, can_continue, continued
from compactor.strategies.summary import SummaryJob, estimated_tokens, summarise
from compactor.turns import full_text, turns_of
from model_providers.token_estimate import estimate_items, estimate_text
from wire.compaction import LevelFailure
from wire.conversation import Message, Usage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from compactor.assembly import Assembled
    from compactor.opening import Opener
    from compactor.sections import AtCompaction
    from compactor.strategies.native import NativeCompaction
    from compactor.strategies.summary import Models
    from compactor.turns import Turn
    from service_kit.call_context import CallContext
    from service_kit.clock import Clock
    from wire.compaction import CompactRequest, NoopReason, Signal
    from wire.conversation import CompactedBy, CompactionItem, Item
    from wire.coordination import CallRecord
    from wire.deadline import Deadline
    from wire.specs import CompactionLevel, ModelSpec

# Verbatim tail, pinned sentences and summary, as shares of what they compete for.
_TAIL_SHARE = 0.5
_PINNED_SHARE = 0.1
_SUMMARY_SHARE = 0.5
_LARGEST_SUMMARY_TOKENS = 4000
_SMALLEST_SUMMARY_TOKENS = 120
# Of the turns whose place a summary takes: longer, and the turns say more.
_REPLACED_SHARE = 0.5
# The extractive level and the sealing need this much of the deadline.
_KEEP_BACK_S = 5.0
_LEVELS: dict[CompactionLevel, tuple[CompactedBy, ...]] = {
    "auto": ("native", "summary"),
    "native": ("native", "summary"),
    "summary": ("summary",),
    "extractive": (),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What is compacted. `parent` is the payload of the compaction it continues."""

    request: CompactRequest
    parts: AtCompaction
    parent: Payload | None
    parent_hash: bytes
    tokens_before: int
    budget_tokens: int
    context: CallContext

    @property
    def kept(self) -> tuple[Message, ...]:
        """Messages that stay beside the sealed item."""
        items = (*self.parts.before, *self.parts.after)
        standing = standing_messages(items)
        if self.request.mode == "explicit":
            return tuple(
                item for item in items if isinstance(item, Message) and item.role != "assistant"
            )
        last = last_user_message(items)
        return standing if last is None else (*standing, last)


class Bill:
    """Calls that somebody has to book: whoever takes them first, and nobody else."""

    def __init__(self, calls: tuple[CallRecord, ...]) -> None:
        self.calls = calls
        self._taken = False

    def take(self) -> tuple[CallRecord, ...]:
        if self._taken:
            return ()
        self._taken = True
        return self.calls


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A compaction, or why nothing got smaller (`noop`); the calls were made in either case."""

    level: CompactedBy
    kept: tuple[Message, ...]
    compaction: CompactionItem | None
    tokens_after: int
    item_tokens: int
    noop: NoopReason | None
    bill: Bill
    usage: Usage
    signals: tuple[Signal, ...]
    fallbacks: tuple[LevelFailure, ...]


@dataclass(frozen=True, slots=True)
class Limits:
    summary_timeout_s: float
    native_timeout_s: float


class Maker:
    def __init__(
        self,
        opener: Opener,
        models: Models,
        native: NativeCompaction,
        clock: Clock,
        limits: Limits,
    ) -> None:
        self._opener = opener
        self._models = models
        self._native = native
        self._clock = clock
        self._limits = limits

    async def make(self, material: Material) -> Made:
        """Compact, whatever it takes; only a damaged request raises."""
        draft = _draft(material)
        plain = await self._assembled(material, draft)
        book = CallBook(_models(material.request), self._clock.monotonic_s())
        payload, failures = await self._best(material, draft, plain, book)
        noop: NoopReason | None = None
        if payload.tokens_after >= material.tokens_before:
            noop, payload = "not_smaller", _unchanged(material)
        compaction, signals = None, list(plain.signals)
        if noop is None or material.request.mode == "explicit":
            compaction, more = await self._sealed(material, payload)
            signals += more
        return Made(
            level=payload.level if compaction is not None else "none",
            kept=material.kept,
            compaction=compaction,
            tokens_after=payload.tokens_after,
            item_tokens=payload.item_tokens,
            noop=noop,
            bill=Bill(book.records()),
            usage=book.usage(),
            signals=tuple(dict.fromkeys(signals)),
            fallbacks=tuple(failures),
        )

    async def _assembled(self, material: Material, payload: Payload) -> Assembled:
        around = Surroundings(material.kept, ())
        return await self._opener.assemble(payload, around, material.budget_tokens)

    async def _sealed(
        self, material: Material, payload: Payload
    ) -> tuple[CompactionItem, list[Signal]]:
        request = material.request
        sealed = await self._opener.seal(
            payload,
            tenant_id=material.context.tenant_id,
            model_family=request.model.name,
            parent_hash=material.parent_hash,
        )
        signals: list[Signal] = ["history_thinned"] if sealed.thinned else []
        window = request.model.context_window_tokens
        if request.mode == "automatic" and not policy.half_is_free(payload.tokens_after, window):
            signals.append("half_window_not_free")
        return sealed.item, signals

    async def _best(
        self, material: Material, draft: Payload, plain: Assembled, book: CallBook
    ) -> tuple[Payload, list[LevelFailure]]:
        """The first level that serves, from the one asked for downwards."""
        request = material.request
        failures: list[LevelFailure] = []
        extractive = _measured(draft, plain)
        if plain.complete and request.spec.level == "auto":
            return extractive, failures  # everything fits: nothing a model could improve
        for level in _LEVELS[request.spec.level]:
            if level == "native" and not self._may_ask_vendor(request):
                continue
            try:
                if level == "native":
                    found = await self._natively(material, extractive, book)
                else:
                    found = await self._summarised(material, extractive, plain, book)
                _check_smaller(found, material)
            except LevelFailedError as error:
                failures.append(LevelFailure(level, error.reason))
            else:
                return found, failures
        return extractive, failures

    def _may_ask_vendor(self, request: CompactRequest) -> bool:
        return self._native.support.may_compact(request.model)

    # ------------------------------------------------------------------------------------- native

    async def _natively(self, material: Material, draft: Payload, book: CallBook) -> Payload:
        request = material.request
        items = await self._vendors_input(material)
        spent = Usage(input_tokens=estimate_items(items))
        _check_budget(request, request.model, spent)
        job = NativeJob(
            model=request.model,
            items=items,
            timeout_s=self._deadline(material, self._limits.native_timeout_s).left_s(
                now_s=self._clock.monotonic_s()
            ),
            instructions=request.instructions,
        )
        native, usage = await self._native.compact(job, book)
        item_tokens = usage.output_tokens or draft.item_tokens  # some do not count
        return msgspec.structs.replace(
            draft,
            level="native",
            native=native,
            tokens_after=estimate_items(material.kept) + item_tokens,
            item_tokens=item_tokens,
        )

    async def _vendors_input(self, material: Material) -> tuple[Item, ...]:
        """The conversation as the vendor may read it: from its own items on, if it made them.

        System and developer messages are no material: they are carried word for word beside it.
        """
        parent, parts = material.parent, material.parts
        if parent is None:
            return without_standing(parts.after)
        after = without_standing(parts.after)
        if parent.native is not None and can_continue(parent.native, material.request.model):
            return (*continued(parent.native, user_messages(parts.before)), *after)
        window = material.request.model.context_window_tokens
        around = Surroundings(parts.before, after)
        opened = await self._opener.assemble(parent, around, window // 2)
        return without_standing(opened.items)

    # ------------------------------------------------------------------------------------ summary

    async def _summarised(
        self, material: Material, draft: Payload, plain: Assembled, book: CallBook
    ) -> Payload:
        request = material.request
        turns = draft.turns[draft.summarised :]
        if not turns:
            raise LevelFailedError("nothing_new")
        room = int(plain.room * _SUMMARY_SHARE)
        budget = min(_LARGEST_SUMMARY_TOKENS, room, _worthwhile(draft.summary, turns))
        if budget < _SMALLEST_SUMMARY_TOKENS:
            raise LevelFailedError("no_room")
        model = request.spec.summariser or request.model
        job = SummaryJob(
            model=model,
            previous=draft.summary,
            turns=turns,
            budget_tokens=budget,
            deadline=self._deadline(material, self._limits.summary_timeout_s),
            instructions=request.instructions,
            traceparent=material.context.traceparent,
        )
        if request.max_usd is not None:
            read, written = estimated_tokens(job)
            _check_budget(request, model, Usage(input_tokens=read, output_tokens=written))
        text = await summarise(job, self._models, book)
        payload = msgspec.structs.replace(
            draft, level="summary", summary=text, summarised=len(draft.turns)
        )
        return _measured(payload, await self._assembled(material, payload))

    def _deadline(self, material: Material, timeout_s: float) -> Deadline:
        """The level's own time, with enough kept back for the level below it.

        Raises:
            LevelFailedError: there is no time left to ask anybody.
        """
        now_s = self._clock.monotonic_s()
        left_s = material.context.deadline.left_s(now_s=now_s) - _KEEP_BACK_S
        if left_s <= 0:
            raise LevelFailedError("no_time")
        return material.context.deadline.earlier(min(timeout_s, left_s), now_s=now_s)


def _draft(material: Material) -> Payload:
    """The history drawn up for the extractive level, which all others build upon."""
    parent = material.parent or Payload(level="extractive")
    around = material.parts
    standing = standing_messages((*standing_of(parent, around.before), *around.after))
    standing_tokens = estimate_items(standing)
    spoken = (*parent.tail, *without_standing(around.after))
    room = material.budget_tokens - standing_tokens
    tail = cut(spoken, int(_TAIL_SHARE * room), lambda item: estimate_items((item,)))
    turns = (*parent.turns, *turns_of(tail.folded))
    pinned = carried(
        parent.pinned,
        material.request.pinned,
        standing_instructions(turns_of(user_messages(around.after))),
        int(_PINNED_SHARE * room),
        estimate_text,
    )
    return Payload(
        level="extractive",
        turns=turns,
        tail=tail.tail,
        standing=standing,
        leading=_leading(standing, around, parent),
        pinned=pinned,
        summary=parent.summary,
        summarised=parent.summarised,
        original_tokens=parent.original_tokens + estimate_items(around.after),
        room_tokens=max(1, material.budget_tokens - standing_tokens),
        generation=parent.generation + 1 if material.parent is not None else 1,
    )


def _unchanged(material: Material) -> Payload:
    """An item that opens to what it was made of: a client that asked for one gets one.

    What is too short to be told shorter is kept verbatim behind what was compacted before.
    """
    parent = material.parent or Payload(level="extractive")
    after = material.parts.after
    new_tokens = estimate_items(after)
    standing = standing_messages((*standing_of(parent, material.parts.before), *after))
    item_tokens = parent.item_tokens + estimate_items(without_standing(after))
    return msgspec.structs.replace(
        parent,
        level="extractive" if parent.native is not None else parent.level,
        native=None,
        tail=(*parent.tail, *without_standing(after)),
        standing=standing,
        leading=_leading(standing, material.parts, parent),
        pinned=tuple(dict.fromkeys((*parent.pinned, *material.request.pinned))),
        original_tokens=parent.original_tokens + new_tokens,
        tokens_after=material.tokens_before,
        item_tokens=item_tokens,
        room_tokens=parent.room_tokens + new_tokens if parent.room_tokens else 0,
        generation=parent.generation + 1 if material.parent is not None else 1,
    )


def _leading(standing: Sequence[Message], around: AtCompaction, parent: Payload) -> int:
    """How many system and developer messages open the conversation."""
    if parent.standing:
        return min(parent.leading, len(standing))
    opening = 0
    for item in around.after:
        if opening < len(standing) and item == standing[opening]:
            opening += 1
        else:
            break
    return opening


def _measured(payload: Payload, assembled: Assembled) -> Payload:
    return msgspec.structs.replace(
        payload, tokens_after=assembled.tokens, item_tokens=assembled.item_tokens
    )


def _check_smaller(payload: Payload, material: Material) -> None:
    """Raises LevelFailedError when a level made more of the conversation than it was."""
    if payload.tokens_after >= material.tokens_before:
        raise LevelFailedError("not_smaller")


def _worthwhile(previous: str, turns: Sequence[Turn]) -> int:
    """How long a summary may get that takes the place of these turns."""
    new_tokens = sum(estimate_text(full_text(turn)) for turn in turns)
    return estimate_text(previous) + int(_REPLACED_SHARE * new_tokens)


def _check_budget(request: CompactRequest, model: ModelSpec, usage: Usage) -> None:
    """Raises LevelFailedError when the calls may cost more than the caller allows."""
    if request.max_usd is None:
        return
    price = cost_usd(usage, model.prices)
    if request.max_usd <= 0 or (price is not None and price > request.max_usd):
        raise LevelFailedError("budget")


def _models(request: CompactRequest) -> tuple[ModelSpec, ...]:
    summariser = request.spec.summariser
    return (request.model,) if summariser is None else (request.model, summariser)
