"""Whether to compact, whether it was done before, and what the caller gets."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import msgspec

from compactor import policy
from compactor.assembly import standing_of
from compactor.guarantees import at_turn_boundary, last_user_message, standing_messages
from compactor.making import Made, Material
from compactor.opening import question_of
from compactor.sections import split_at_compaction
from model_providers.token_estimate import estimate_items
from wire.compaction import CompactResult, OpenRequest
from wire.errors import InvalidRequestError, OverloadedError

if TYPE_CHECKING:
    from compactor.flights import Flights
    from compactor.making import Maker
    from compactor.metrics import CompactorMetrics
    from compactor.opening import Opener
    from compactor.result_cache import ResultCache
    from compactor.sections import AtCompaction
    from compactor.vault import OpenedItem
    from service_kit.call_context import CallContext
    from service_kit.clock import Clock
    from wire.compaction import CompactRequest, NoopReason
    from wire.conversation import CompactionItem, Item, Message

# Part of every key: a new way of compacting makes remembered results stale.
_VERSION = b"compaction 2"
_NO_HASH = b""

Source = Literal["made", "cached", "joined", "reused", "noop"]


@dataclass(frozen=True, slots=True)
class _Prepared:
    """`items` are the request's, or the same behind an earlier compaction of their beginning."""

    items: tuple[Item, ...]
    parts: AtCompaction
    opened: OpenedItem | None
    tokens: int
    reused: bool


@dataclass(frozen=True, slots=True)
class Remembered:
    """Compactions under way, made, and by the beginning of a conversation that they stand for."""

    flights: Flights[Made]
    results: ResultCache[Made]
    beginnings: ResultCache[CompactionItem]


class Compactor:
    def __init__(
        self,
        maker: Maker,
        opener: Opener,
        remembered: Remembered,
        metrics: CompactorMetrics,
        clock: Clock,
        *,
        max_concurrent: int,
    ) -> None:
        self._maker = maker
        self._opener = opener
        self._flights = remembered.flights
        self._results = remembered.results
        self._beginnings = remembered.beginnings
        self._metrics = metrics
        self._clock = clock
        self._max_concurrent = max_concurrent

    async def compact(self, request: CompactRequest, context: CallContext) -> CompactResult:
        """Compact, or say why not.

        Raises:
            InvalidRequestError: no items, or 400 `invalid_encrypted_content`.
            OverloadedError: too many compactions are being made.
        """
        if not request.items:
            raise InvalidRequestError("There is nothing to compact.", param="input")
        prepared = await self._prepare(request, context.tenant_id)
        noop = _why_not(request, prepared)
        if noop is not None:
            source: Source = "reused" if prepared.reused else "noop"
            self._metrics.compactions.of(_sealed_level(prepared), source).inc()
            return await self._unchanged(request, prepared, noop, context)
        made, source = await self._obtain(request, prepared, context)
        self._count(request, prepared, made, source)
        return await self._result(request, prepared, made, source, context)

    # ------------------------------------------------------------------------------- before making

    async def _prepare(self, request: CompactRequest, tenant_id: str) -> _Prepared:
        parts = split_at_compaction(request.items)
        if parts.sealed is not None:
            opened = await self._opener.unseal(parts.sealed, tenant_id=tenant_id)
            tokens = opened.payload.tokens_after + estimate_items(parts.after)
            return _Prepared(request.items, parts, opened, tokens, reused=False)
        tokens = estimate_items(parts.after)
        rewritten = self._behind_a_beginning(request, tenant_id)
        if rewritten is None:
            return _Prepared(request.items, parts, None, tokens, reused=False)
        parts = split_at_compaction(rewritten)
        assert parts.sealed is not None  # noqa: S101 - it was just put there
        opened = await self._opener.unseal(parts.sealed, tenant_id=tenant_id)
        return _Prepared(rewritten, parts, opened, tokens, reused=True)

    def _behind_a_beginning(
        self, request: CompactRequest, tenant_id: str
    ) -> tuple[Item, ...] | None:
        """The longest beginning of the conversation that was compacted before, replaced by it.

        Clients without state send everything again each time; this is where that ends.
        """
        if request.mode != "automatic":
            return None
        hashes = _running_hashes(request, tenant_id)
        for length in range(len(request.items) - 1, 0, -1):
            found = self._beginnings.get(hashes[length - 1])
            if found is not None:
                beginning = request.items[:length]
                last = last_user_message(beginning)
                kept = (*standing_messages(beginning), *((last,) if last is not None else ()))
                return (*kept, found, *request.items[length:])
        return None

    # -------------------------------------------------------------------------------------- making

    async def _obtain(
        self, request: CompactRequest, prepared: _Prepared, context: CallContext
    ) -> tuple[Made, Source]:
        key = _key(request, context.tenant_id)
        cached = self._results.get(key)
        if cached is not None:
            return cached, "cached"
        if self._flights.under_way >= self._max_concurrent and not self._flights.has(key):
            raise OverloadedError(
                "The compactor is making too many compactions.", retry_after_s=1.0
            )
        material = _material(request, prepared, context)
        made, leads = await self._flights.join(key, lambda: self._make(key, material))
        return made, "made" if leads else "joined"

    async def _make(self, key: bytes, material: Material) -> Made:
        began_s = self._clock.monotonic_s()
        made = await self._maker.make(material)
        self._metrics.duration_s.of(made.level).observe(self._clock.monotonic_s() - began_s)
        size_bytes = 4 * len(made.compaction.encrypted_content) if made.compaction else 1024
        self._results.put(key, made, size_bytes=size_bytes)
        request = material.request
        if made.compaction is not None and request.mode == "automatic":
            whole = _running_hashes(request, material.context.tenant_id)[-1]
            self._beginnings.put(
                whole, made.compaction, size_bytes=len(made.compaction.encrypted_content)
            )
        return made

    # ------------------------------------------------------------------------------------- results

    async def _unchanged(
        self,
        request: CompactRequest,
        prepared: _Prepared,
        noop: NoopReason,
        context: CallContext,
    ) -> CompactResult:
        return CompactResult(
            items=prepared.items,
            level=_sealed_level(prepared) if prepared.parts.sealed is not None else "none",
            tokens_before=prepared.tokens,
            tokens_after=_tokens_as_opened(prepared),
            budget_tokens=_budget(request, prepared),
            item_tokens=0 if prepared.opened is None else prepared.opened.payload.item_tokens,
            noop=noop,
            compaction=prepared.parts.sealed,
            reused=prepared.reused,
            window=await self._window(request, prepared.items, context),
        )

    async def _result(
        self,
        request: CompactRequest,
        prepared: _Prepared,
        made: Made,
        source: Source,
        context: CallContext,
    ) -> CompactResult:
        items = prepared.items if made.compaction is None else (*made.kept, made.compaction)
        return CompactResult(
            items=items,
            level=made.level,
            tokens_before=prepared.tokens,
            tokens_after=made.tokens_after,
            budget_tokens=_budget(request, prepared),
            item_tokens=made.item_tokens,
            noop=made.noop,
            compaction=made.compaction,
            reused=source != "made",
            calls=made.bill.take(),
            usage=made.usage,
            signals=made.signals,
            fallbacks=made.fallbacks,
            window=await self._window(request, items, context),
        )

    async def _window(
        self, request: CompactRequest, items: tuple[Item, ...], context: CallContext
    ) -> tuple[Item, ...]:
        if not request.expand:
            return ()
        opened = await self._opener.open(
            OpenRequest(
                items=items,
                model=request.model,
                spec=request.spec,
                reserved_tokens=request.reserved_tokens,
                question=question_of(request.items),
                merge_roles=request.merge_roles,
            ),
            tenant_id=context.tenant_id,
        )
        return opened.items

    def _count(
        self, request: CompactRequest, prepared: _Prepared, made: Made, source: Source
    ) -> None:
        metrics = self._metrics
        metrics.compactions.of(made.level, source).inc()
        if source != "made":
            return
        for failure in made.fallbacks:
            metrics.vendors.level_failures.of(failure.level, failure.reason).inc()
        metrics.vendors.tokens.of(made.level, "in").inc(made.usage.input_tokens)
        metrics.vendors.tokens.of(made.level, "out").inc(made.usage.output_tokens)
        metrics.vendors.spent_usd.inc(
            sum(call.cost_nano_usd or 0 for call in made.bill.calls) * 1e-9
        )
        if made.compaction is None:
            return
        metrics.sealed_bytes.observe(len(made.compaction.encrypted_content))
        saved = max(0, prepared.tokens - made.tokens_after)
        metrics.tokens_in.of(made.level).inc(prepared.tokens)
        metrics.tokens_out.of(made.level).inc(made.tokens_after)
        metrics.tokens_saved.of(made.level).inc(saved)
        price = request.model.prices.input_usd_per_mtok
        if price is not None:
            metrics.saved_usd.inc(saved * price * 1e-6)


def _why_not(request: CompactRequest, prepared: _Prepared) -> NoopReason | None:
    opened = prepared.opened
    if request.mode == "explicit":
        nothing_new = opened is not None and not prepared.parts.after
        return "nothing_new" if nothing_new else None
    decision = policy.decide(
        request.spec,
        policy.Situation(
            tokens=_tokens_as_opened(prepared),
            window_tokens=request.model.context_window_tokens,
            reserved_tokens=request.reserved_tokens,
            compacted_to=None if opened is None else opened.payload.tokens_after,
            at_turn_boundary=at_turn_boundary(prepared.parts.after),
            force=request.force,
        ),
    )
    if decision == "compact" and opened is not None and not prepared.parts.after:
        return "nothing_new"
    return None if decision == "compact" else decision


def _tokens_as_opened(prepared: _Prepared) -> int:
    if prepared.opened is None:
        return prepared.tokens
    return prepared.opened.payload.tokens_after + estimate_items(prepared.parts.after)


def _sealed_level(prepared: _Prepared) -> Literal["none", "native", "summary", "extractive"]:
    return "none" if prepared.opened is None else prepared.opened.payload.level


def _budget(request: CompactRequest, prepared: _Prepared) -> int:
    if request.target_tokens is not None:
        return max(1, request.target_tokens)
    window = request.model.context_window_tokens
    if request.mode == "explicit":
        tokens, standing = _tokens_as_opened(prepared), estimate_items(_standing(prepared))
        return policy.explicit_target_tokens(request.spec, window, tokens, standing)
    return policy.target_tokens(request.spec, window)


def _standing(prepared: _Prepared) -> tuple[Message, ...]:
    """System and developer messages of the whole conversation, also of what is sealed."""
    parts = prepared.parts
    if prepared.opened is None:
        return standing_messages(parts.after)
    return standing_messages((*standing_of(prepared.opened.payload, parts.before), *parts.after))


def _material(request: CompactRequest, prepared: _Prepared, context: CallContext) -> Material:
    opened = prepared.opened
    return Material(
        request=request,
        parts=prepared.parts,
        parent=None if opened is None else opened.payload,
        parent_hash=_NO_HASH if opened is None else opened.header.content_hash,
        tokens_before=_tokens_as_opened(prepared),
        budget_tokens=_budget(request, prepared),
        context=context,
    )


# ------------------------------------------------------------------------------------------- keys

_encode = msgspec.json.Encoder().encode


def _key(request: CompactRequest, tenant_id: str) -> bytes:
    """The same request of the same team, however the result is wanted."""
    plain = msgspec.structs.replace(request, expand=False, merge_roles=False)
    return hashlib.sha256(_VERSION + _encode((tenant_id, plain))).digest()


def _running_hashes(request: CompactRequest, tenant_id: str) -> list[bytes]:
    """One hash per item, of everything up to it and of what decides how it is compacted."""
    bare = msgspec.structs.replace(
        request, items=(), expand=False, merge_roles=False, force=False, max_usd=None
    )
    running = hashlib.sha256(_VERSION + b" beginning" + _encode((tenant_id, bare))).digest()
    hashes: list[bytes] = []
    for item in request.items:
        running = hashlib.sha256(running + _encode(item)).digest()
        hashes.append(running)
    return hashes
