"""POST /v1/responses."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from api_gateway import openai_errors
from api_gateway.dialects.responses.head import decode_head
from api_gateway.dialects.responses.items import replayed_from
from api_gateway.dialects.responses.response_object import echo_of
from api_gateway.lanes.answers import Turn
from api_gateway.lanes.background import BackgroundRequest
from api_gateway.lanes.choice import Run, Splice, Translate, panel_of
from api_gateway.lanes.compaction import Compact, CompactionSource
from api_gateway.lanes.context_window import overflow_told
from api_gateway.lanes.responses_choice import choose_responses_lane
from api_gateway.lanes.responses_splice import open_spliced_response
from api_gateway.lanes.run import RUN_MARGIN_S, RunSource, panel_of_one, run_id
from api_gateway.lanes.translate import ModelSource
from api_gateway.routes.background_delivery import (
    context_of,
    detached,
    new_background_response,
    stream_background,
)
from api_gateway.routes.responses_delivery import ResponseDelivery
from api_gateway.routes.responses_keeping import ResponseKeeper
from api_gateway.routes.responses_plan import (
    History,
    ResponsePlan,
    history_of,
    read_body,
    without_sealed_reasoning,
)
from api_gateway.routes.small_requests import routed_panel
from api_gateway.routes.streaming import StreamPace
from api_gateway.stores.conversation_claims import held
from api_gateway.stores.errors import PreviousResponseUnfinishedError
from service_kit.http import ClientDisconnectedError, cancel_on_disconnect
from wire.compaction import reader_of, threshold_tokens
from wire.deadline import Deadline
from wire.errors import (
    ContextLengthExceededError,
    ModelNotFoundError,
    PlatformError,
    UpstreamRejectedError,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence

    from api_gateway.dialects.responses.head import ResponsesHead
    from api_gateway.lanes.background import BackgroundResponses
    from api_gateway.lanes.responses_choice import ResponsesLane
    from api_gateway.routes.chat import ChatLimits
    from api_gateway.routes.exchange import Exchange
    from api_gateway.stores.protocols import ConversationTurns, ResponseHistory, ResponseStore
    from api_gateway.stores.records import StoredItem
    from catalogue import Catalogue, Entry
    from model_providers.registry import ModelClient
    from service_kit.clock import Clock
    from service_kit.internal_client import InternalClient
    from wire.specs import ModelSpec, PanelSpec

_SEALED_BY_ANOTHER = "invalid_encrypted_content"
# A vendor's or the orchestrator's word for a part of the request, and the client's own.
_PARAMS = {
    "messages": "input",
    "response_format": "text.format.schema",
    "max_tokens": "max_output_tokens",
    "max_completion_tokens": "max_output_tokens",
    "reasoning_effort": "reasoning.effort",
}


@dataclass(frozen=True, slots=True)
class ResponseStores:
    """What of the stores these routes use."""

    responses: ResponseStore
    history: ResponseHistory
    turns: ConversationTurns


class ResponsesRoute:
    """Decodes, fetches what is continued, chooses the lane, delivers and keeps."""

    def __init__(
        self,
        catalogue: Callable[[], Catalogue],
        models: ModelClient,
        orchestrator: InternalClient,
        compactor: InternalClient,
        stores: ResponseStores,
        *,
        clock: Clock,
        limits: ChatLimits,
        background: BackgroundResponses,
    ) -> None:
        self._catalogue = catalogue
        self._models = models
        self._orchestrator = orchestrator
        self._compactor = compactor
        self._stores = stores
        self._keeper = ResponseKeeper(stores.responses, stores.turns)
        self._background = background
        self._clock = clock
        self._limits = limits

    async def create(self, exchange: Exchange) -> None:
        """Answer one request.

        Raises:
            PlatformError: before or after the first byte; the application tells the client.
            ClientDisconnectedError: the client left.
        """
        try:
            await self._create(exchange)
        except PlatformError as error:
            name_in_responses_terms(error)
            raise

    async def _create(self, exchange: Exchange) -> None:
        head = decode_head(await exchange.body())
        entry = self._catalogue().resolve(head.parameters.model)
        if entry is None:
            raise ModelNotFoundError(head.parameters.model)
        exchange.model = head.parameters.model
        delivery: ResponseDelivery | None = None
        try:
            async with (
                cancel_on_disconnect(exchange.receive),
                self._planned(exchange, head, entry) as (plan, lane),
            ):
                if head.in_background:
                    await self._in_background(exchange, plan, lane)
                    return
                delivery = ResponseDelivery(exchange, plan, self._keeper, self._clock)
                await self._deliver(exchange, plan, lane, delivery)
        except ClientDisconnectedError:
            if delivery is not None:
                await delivery.client_left()
            raise

    # ---------------------------------------------------------------------------------- the plan

    @asynccontextmanager
    async def _planned(
        self, exchange: Exchange, head: ResponsesHead, entry: Entry
    ) -> AsyncGenerator[tuple[ResponsePlan, ResponsesLane]]:
        """What is to be done. A conversation is held until the context is left."""
        body = await read_body(head, self._stores.history, exchange.tenant_id)
        async with self._history(exchange, head) as history:
            size_bytes = len(bytes(head.parameters.input)) + history.size_bytes
            before = history.decoded()
            lane, request = choose_responses_lane(entry, body, body.request(before), size_bytes)
            echo = echo_of(
                body,
                response_id=response_id_of(exchange),
                created_unix_s=int(self._clock.unix_s()),
                shows_reasoning=head.wants_summary or _wants_progress(exchange, head),
            )
            plan = ResponsePlan(
                tenant_id=exchange.tenant_id,
                body=body,
                echo=echo,
                history=history.items if replayed_from(before.items, body.own.items) else (),
                request=request,
                compact_threshold_tokens=_threshold(entry, head),
            )
            yield plan, lane

    @asynccontextmanager
    async def _history(self, exchange: Exchange, head: ResponsesHead) -> AsyncGenerator[History]:
        tenant_id, previous_id = exchange.tenant_id, head.parameters.previous_response_id
        if previous_id is not None:
            items = await self._chain(exchange, previous_id)
            yield history_of(items, "previous_response_id")
        elif head.conversation_id is not None:
            holder = response_id_of(exchange)
            async with held(self._stores.turns, tenant_id, head.conversation_id, holder) as items:
                yield history_of(items, "conversation")
        else:
            yield History()

    async def _chain(self, exchange: Exchange, previous_id: str) -> Sequence[StoredItem]:
        """A background response may have ended without anybody having asked since."""
        tenant_id = exchange.tenant_id
        try:
            return await self._stores.history.chain(tenant_id, previous_id)
        except PreviousResponseUnfinishedError:
            stored = await self._stores.responses.get(tenant_id, previous_id)
            if stored is None:
                raise
            await self._background.refreshed(stored, context_of(exchange, self._deadline(30.0)))
            return await self._stores.history.chain(tenant_id, previous_id)

    # --------------------------------------------------------------------------------- the lanes

    async def _deliver(
        self,
        exchange: Exchange,
        plan: ResponsePlan,
        lane: ResponsesLane,
        delivery: ResponseDelivery,
    ) -> None:
        match lane:
            case Splice() | Translate():
                await self._ask(exchange, plan, lane, delivery)
            case Run(panel):
                await self._run(exchange, plan, panel, delivery)
            case Compact(panel):
                await self._compact(exchange, plan, panel, delivery)

    async def _ask(
        self,
        exchange: Exchange,
        plan: ResponsePlan,
        lane: Splice | Translate,
        delivery: ResponseDelivery,
    ) -> None:
        """One exchange; a run where the model finds the conversation longer than we did."""
        model = lane.model
        try:
            await self._ask_understood(exchange, plan, lane, delivery)
        except ContextLengthExceededError as overflow:
            if exchange.began or not model.compaction.enabled:
                raise
            with overflow_told(overflow):
                await self._run(exchange, plan, panel_of_one(model), delivery)

    async def _ask_understood(
        self,
        exchange: Exchange,
        plan: ResponsePlan,
        lane: Splice | Translate,
        delivery: ResponseDelivery,
    ) -> None:
        """Once more without earlier thoughts, where another vendor had sealed them."""
        ask = self._splice if isinstance(lane, Splice) else self._translate
        try:
            await ask(exchange, plan, lane.model, delivery)
        except UpstreamRejectedError as rejected:
            lighter = without_sealed_reasoning(plan)
            if exchange.began or lighter is None or rejected.code != _SEALED_BY_ANOTHER:
                raise
            await ask(exchange, lighter, lane.model, delivery)

    async def _in_background(
        self, exchange: Exchange, plan: ResponsePlan, lane: ResponsesLane
    ) -> None:
        """Start it, and answer at once, or with its stream as long as the client listens."""
        if isinstance(lane, Compact):
            raise openai_errors.unsupported_parameter(
                "background", "A compaction is not made in the background."
            )
        exchange.lane = "run"
        panel = lane.panel if isinstance(lane, Run) else panel_of_one(lane.model)
        panel = routed_panel(exchange, self._catalogue(), panel, plan.request)
        progress = panel.progress and plan.streams and _wants_progress(exchange, plan.body.head)
        turn = self._turn(exchange, plan, panel.limits.wall_s + RUN_MARGIN_S, progress=progress)
        stored = await self._background.begin(
            new_background_response(plan),
            BackgroundRequest(plan.echo, sums_usage=panel.usage_report == "summed"),
            detached(RunSource(self._orchestrator, panel).start(turn)),
            context_of(exchange, turn.deadline),
        )
        if plan.streams:
            await stream_background(exchange, self._background, stored, self._pace(0.0))
        else:
            await exchange.respond(stored.body)

    async def _compact(
        self,
        exchange: Exchange,
        plan: ResponsePlan,
        panel: PanelSpec,
        delivery: ResponseDelivery,
    ) -> None:
        exchange.lane = "compact"
        turn = self._turn(exchange, plan, panel.limits.wall_s + RUN_MARGIN_S, progress=False)
        pace = self._pace(self._limits.first_frame_hold_s)
        await delivery.generate(CompactionSource(self._compactor, panel), turn, pace)

    async def _splice(
        self,
        exchange: Exchange,
        plan: ResponsePlan,
        model: ModelSpec,
        delivery: ResponseDelivery,
    ) -> None:
        exchange.lane = "splice"
        raw = await open_spliced_response(
            self._models,
            model,
            plan.body,
            plan.history,
            plan.request,
            deadline=self._deadline(self._limits.model_deadline_s),
            traceparent=exchange.traceparent,
        )
        await delivery.splice(raw, self._limits.heartbeat_s)

    async def _translate(
        self,
        exchange: Exchange,
        plan: ResponsePlan,
        model: ModelSpec,
        delivery: ResponseDelivery,
    ) -> None:
        exchange.lane = "translate"
        turn = self._turn(exchange, plan, self._limits.model_deadline_s, progress=False)
        # Until its first word nothing is known of a single model; its failure is a status.
        pace = self._pace(self._limits.heartbeat_s)
        await delivery.generate(ModelSource(self._models, model), turn, pace)

    async def _run(
        self,
        exchange: Exchange,
        plan: ResponsePlan,
        panel: PanelSpec,
        delivery: ResponseDelivery,
    ) -> None:
        exchange.lane = "run"
        panel = routed_panel(exchange, self._catalogue(), panel, plan.request)
        progress = panel.progress and plan.streams and _wants_progress(exchange, plan.body.head)
        turn = self._turn(exchange, plan, panel.limits.wall_s + RUN_MARGIN_S, progress=progress)
        is_panel = panel.kind == "panel"
        pace = self._pace(self._limits.first_frame_hold_s if is_panel else self._limits.heartbeat_s)
        await delivery.generate(RunSource(self._orchestrator, panel), turn, pace)

    def _turn(
        self, exchange: Exchange, plan: ResponsePlan, timeout_s: float, *, progress: bool
    ) -> Turn:
        return Turn(
            request=plan.request,
            request_id=exchange.request_id,
            run_id=run_id(exchange.request_id, 0),
            caller=exchange.authenticated,
            public_model=exchange.model,
            deadline=self._deadline(timeout_s),
            traceparent=exchange.traceparent,
            wants_progress=progress,
            wants_details=exchange.asks(b"x-conclave-details", default=False),
            compact_threshold_tokens=plan.compact_threshold_tokens,
        )

    def _pace(self, hold_s: float) -> StreamPace:
        return StreamPace(self._clock, hold_s, self._limits.heartbeat_s)

    def _deadline(self, timeout_s: float) -> Deadline:
        return Deadline.after(timeout_s, now_s=self._clock.monotonic_s())


def _threshold(entry: Entry, head: ResponsesHead) -> int | None:
    """From where on the client wants its conversation compacted; it may leave where to us."""
    if not head.compacts:
        return None
    if head.compact_threshold_tokens is not None:
        return head.compact_threshold_tokens
    reader, spec = reader_of(panel_of(entry))
    return threshold_tokens(spec, reader.context_window_tokens)


def response_id_of(exchange: Exchange) -> str:
    """A request, its response and its run are found by each other's ids."""
    return "resp_" + exchange.request_id.removeprefix("req_")


def _wants_progress(exchange: Exchange, head: ResponsesHead) -> bool:
    """A panel's progress is a summary of its reasoning, shown to those who ask for one."""
    return exchange.asks(b"x-conclave-progress", default=head.wants_summary)


def name_in_responses_terms(error: PlatformError) -> None:
    """The client has to find what is blamed in its own request."""
    if error.code == "context_length_exceeded":
        error.param = "input"
    elif error.param is not None:
        name = error.param.partition("[")[0]
        error.param = _PARAMS.get(name, error.param)
