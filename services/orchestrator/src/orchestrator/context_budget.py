"""Whether a conversation fits the models of a run, and what is done where it does not.

Once per run and for all its agents together: each reads the same items, so that a compaction is
paid for once. Sealed items of the client are opened here on the way.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import msgspec

from model_providers.token_estimate import estimate_items, estimate_request
from service_kit.logging import get_logger
from wire.compaction import CompactRequest, CompactResult, reader_of, threshold_tokens
from wire.conversation import Compacted, CompactionItem, ItemDone
from wire.endpoints import COMPACT, Endpoint
from wire.errors import CallerError, DeadlineExceededError, PlatformError, RemoteError

if TYPE_CHECKING:
    from orchestrator.metrics import OrchestratorMetrics
    from service_kit.call_context import CallContext
    from service_kit.clock import Clock
    from wire.coordination import CallRecord, StartRun
    from wire.specs import CompactionSpec, ModelSpec

# Of a panel's calls beside the conversation: persona, instruction, the ballot itself.
_PANEL_TOKENS = 2_000
# However much an answer may take: what is left must hold a compacted conversation.
_MOST_RESERVED_SHARE = 0.5
_NANO_USD = 1_000_000_000
_BAD_REQUEST = 400

log = get_logger(__name__)


class Compactor(Protocol):
    """What a run needs of the compactor: `service_kit.internal_client.InternalClient`."""

    async def call(
        self,
        endpoint: Endpoint[CompactRequest, CompactResult],
        request: CompactRequest,
        context: CallContext,
    ) -> CompactResult: ...


@dataclass(frozen=True, slots=True)
class Fitted:
    """A run whose conversation its models can read.

    `calls` were made for that and are the run's to book. `handed_out`: what the client is given
    before the answer, because it manages its context by sealed items. `took_s`: all of it.
    """

    start: StartRun
    calls: tuple[CallRecord, ...] = ()
    handed_out: tuple[ItemDone, ...] = ()
    took_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Terms:
    """What a conversation must fit. `reader`: the model with the narrowest window."""

    reader: ModelSpec
    spec: CompactionSpec
    reserved_tokens: int

    @property
    def most_tokens(self) -> int:
        """More than this is compacted, or cannot be answered."""
        window = self.reader.context_window_tokens
        return min(threshold_tokens(self.spec, window), window - self.reserved_tokens)


class ContextBudget:
    """Fits conversations with the compactor's help."""

    def __init__(self, compactor: Compactor, metrics: OrchestratorMetrics, clock: Clock) -> None:
        self._compactor = compactor
        self._clock = clock
        self._metrics = metrics

    async def fit(self, start: StartRun, context: CallContext) -> Fitted:
        """The run as its models can read it; unchanged where there is nothing to do.

        Without the compactor a conversation goes on as it is, unless a part of it is sealed.

        Raises:
            PlatformError: a sealed item cannot be opened, 400 `invalid_encrypted_content` where
                that is the item's fault.
        """
        terms = terms_of(start)
        is_sealed = any(isinstance(item, CompactionItem) for item in start.request.items)
        if not (is_sealed or _is_due(start, terms)):
            return Fitted(start)
        began_s = self._clock.monotonic_s()
        try:
            result = await self._ask(start, terms, context, force=False)
        except (CallerError, DeadlineExceededError):
            raise
        except PlatformError as error:
            if is_sealed or _is_callers(error):
                raise
            log.warning("not_compacted", error=error, run_id=start.run_id)
            self._metrics.compactions.of(start.panel.name, "unavailable").inc()
            return Fitted(start)
        self._count(start, result)
        fitted = _fitted(start, result)
        return dataclasses.replace(fitted, took_s=self._clock.monotonic_s() - began_s)

    async def shrink(self, start: StartRun, context: CallContext) -> Fitted | None:
        """After a model's backend said that the conversation is too long: smaller, if it can be.

        Raises:
            PlatformError: the compactor failed.
        """
        terms = terms_of(start)
        if not terms.spec.enabled or start.compacted is not None:
            return None
        result = await self._ask(start, _narrowed(start, terms), context, force=True)
        if result.noop is not None:
            return None
        self._metrics.compactions.of(start.panel.name, "overflow").inc()
        return _fitted(start, result)

    async def _ask(
        self, start: StartRun, terms: Terms, context: CallContext, *, force: bool
    ) -> CompactResult:
        request = CompactRequest(
            items=start.request.items,
            model=terms.reader,
            spec=terms.spec,
            reserved_tokens=terms.reserved_tokens,
            force=force,
            max_usd=_cap_usd(start),
            expand=True,
        )
        return await self._compactor.call(COMPACT, request, context)

    def _count(self, start: StartRun, result: CompactResult) -> None:
        compacted = _compacted(result)
        if compacted is None:
            outcome = "opened" if result.compaction is not None else "unchanged"
        else:
            outcome = "reused" if compacted.reused else "made"
        self._metrics.compactions.of(start.panel.name, outcome).inc()


def terms_of(start: StartRun) -> Terms:
    """What the run's conversation must fit."""
    reader, spec = reader_of(start.panel)
    most = int(_MOST_RESERVED_SHARE * reader.context_window_tokens)
    reserved = min(_reserved_tokens(start), most)
    return Terms(reader, _with_clients_threshold(spec, start), reserved)


def _with_clients_threshold(spec: CompactionSpec, start: StartRun) -> CompactionSpec:
    """A client that manages its context says when; how is the operator's to say."""
    if start.compact_threshold_tokens is None:
        return spec
    return msgspec.structs.replace(
        spec, enabled=True, threshold_tokens=start.compact_threshold_tokens, threshold_ratio=None
    )


def _reserved_tokens(start: StartRun) -> int:
    """Tools, schemas, answers: a ballot shows a panel's voter all of them."""
    panel, request = start.panel, start.request
    around = estimate_request(msgspec.structs.replace(request, items=()))
    wished = request.sampling.max_output_tokens
    if panel.kind == "model":
        own = panel.agents[0].model.max_output_tokens
        return around + (wished or min(own or panel.max_answer_tokens, panel.max_answer_tokens))
    answer = min(wished or panel.max_answer_tokens, panel.max_answer_tokens)
    return around + _PANEL_TOKENS + (len(panel.agents) + 1) * answer


def _is_due(start: StartRun, terms: Terms) -> bool:
    return terms.spec.enabled and estimate_items(start.request.items) > terms.most_tokens


def _narrowed(start: StartRun, terms: Terms) -> Terms:
    """The window is smaller than we were told: what was found too long is more than it holds."""
    found_too_long = max(1, estimate_items(start.request.items))
    window = min(terms.reader.context_window_tokens, found_too_long)
    reader = msgspec.structs.replace(terms.reader, context_window_tokens=window)
    reserved = min(terms.reserved_tokens, int(_MOST_RESERVED_SHARE * window))
    return Terms(reader, terms.spec, reserved)


def _is_callers(error: PlatformError) -> bool:
    return isinstance(error, RemoteError) and error.status == _BAD_REQUEST


def _cap_usd(start: StartRun) -> float | None:
    caps = [cap for cap in (start.max_usd, start.panel.limits.max_usd) if cap is not None]
    return min(caps) if caps else None


def _fitted(start: StartRun, result: CompactResult) -> Fitted:
    compacted = _compacted(result)
    fitted = msgspec.structs.replace(
        start,
        request=msgspec.structs.replace(start.request, items=result.window or result.items),
        max_usd=_left_usd(start, result),
        compacted=compacted,
    )
    return Fitted(fitted, result.calls, _handed_out(start, result))


def _handed_out(start: StartRun, result: CompactResult) -> tuple[ItemDone, ...]:
    """Only an item that stands for all that was said: the client may drop what came before it."""
    wants = start.compact_threshold_tokens is not None
    if not wants or result.noop is not None or result.compaction is None:
        return ()
    return (ItemDone(result.compaction),)


def _compacted(result: CompactResult) -> Compacted | None:
    """None where an item that the client holds was merely opened."""
    if result.compaction is None or not (result.noop is None or result.reused):
        return None
    return Compacted(result.level, result.tokens_before, result.tokens_after, result.reused)


def _left_usd(start: StartRun, result: CompactResult) -> float | None:
    """What the run itself may still spend."""
    cap = _cap_usd(start)
    if cap is None or not result.calls:
        return start.max_usd
    spent = sum(call.cost_nano_usd or 0 for call in result.calls) / _NANO_USD
    return max(0.0, cap - spent)
