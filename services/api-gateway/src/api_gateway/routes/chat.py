"""POST /v1/chat/completions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from api_gateway.dialects.chat.completion import CompletionBuilder
from api_gateway.dialects.chat.decode import decode_body
from api_gateway.dialects.chat.encode import ChunkEncoder, Identity
from api_gateway.dialects.chat.head import decode_head
from api_gateway.dialects.chat.splice import failure_frame
from api_gateway.lanes.answers import Turn, answering
from api_gateway.lanes.choice import Run, Splice, Translate, choose_lane
from api_gateway.lanes.context_window import overflow_told
from api_gateway.lanes.run import RUN_MARGIN_S, RunSource, panel_of_one, run_id
from api_gateway.lanes.splice import open_spliced
from api_gateway.lanes.translate import ModelSource
from api_gateway.routes.chat_keeping import RememberingEncoder, not_stored
from api_gateway.routes.small_requests import routed_panel
from api_gateway.routes.streaming import AnswerAccount, StreamDelivery, StreamPace, collect
from service_kit.http import cancel_on_disconnect
from wire.deadline import Deadline
from wire.errors import ContextLengthExceededError, ModelNotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable

    from api_gateway.dialects.chat.decode import ChatBody
    from api_gateway.dialects.chat.head import ChatHead
    from api_gateway.lanes.answers import Answers, AnswerSource
    from api_gateway.routes.chat_keeping import ChatKeeper
    from api_gateway.routes.exchange import Exchange
    from catalogue import Catalogue
    from model_providers.registry import ModelClient
    from service_kit.clock import Clock
    from service_kit.internal_client import InternalClient
    from wire.conversation import GenerationRequest
    from wire.specs import ModelSpec, PanelSpec


@dataclass(frozen=True, slots=True)
class ChatLimits:
    """See the settings of the same names."""

    model_deadline_s: float
    first_frame_hold_s: float
    heartbeat_s: float
    panel_choices: int


@dataclass(frozen=True, slots=True)
class _Wanted:
    """An answer in the making: who wants it, how, and what it amounts to so far."""

    exchange: Exchange
    head: ChatHead
    identity: Identity
    account: AnswerAccount


class ChatRoute:
    """Decodes, chooses the lane, delivers."""

    def __init__(
        self,
        catalogue: Callable[[], Catalogue],
        models: ModelClient,
        orchestrator: InternalClient,
        keeper: ChatKeeper,
        *,
        clock: Clock,
        limits: ChatLimits,
    ) -> None:
        self._catalogue = catalogue
        self._models = models
        self._orchestrator = orchestrator
        self._keeper = keeper
        self._clock = clock
        self._limits = limits

    async def create(self, exchange: Exchange) -> None:
        """Answer one request.

        Raises:
            PlatformError: before or after the first byte; the application tells the client.
            ClientDisconnectedError: the client left.
        """
        head = decode_head(await exchange.body())
        entry = self._catalogue().resolve(head.parameters.model)
        if entry is None:
            raise ModelNotFoundError(head.parameters.model)
        exchange.model = head.parameters.model
        body = decode_body(head)
        lane = choose_lane(entry, body, panel_choices=self._limits.panel_choices)
        async with cancel_on_disconnect(exchange.receive):
            match lane:
                case Splice() | Translate():
                    await self._ask(exchange, body, lane)
                case Run(panel):
                    await self._run(exchange, body, panel)

    async def _ask(self, exchange: Exchange, body: ChatBody, lane: Splice | Translate) -> None:
        """One exchange; a run where the model finds the conversation longer than we did."""
        try:
            if isinstance(lane, Splice):
                await self._splice(exchange, body, lane.model)
            else:
                await self._translate(exchange, body, lane.model)
        except ContextLengthExceededError as overflow:
            one_run = body.head.choices == 1
            if exchange.began or not (lane.model.compaction.enabled and one_run):
                raise
            with overflow_told(overflow):
                await self._run(exchange, body, panel_of_one(lane.model))

    async def _splice(self, exchange: Exchange, body: ChatBody, model: ModelSpec) -> None:
        exchange.lane = "splice"
        deadline = self._deadline(self._limits.model_deadline_s)
        spliced = await open_spliced(self._models, body.head, model, deadline, exchange.traceparent)
        try:
            if body.head.streams:
                exchange.failure_frame = failure_frame
                await exchange.finish(await spliced.forward(exchange.write))
            else:
                await exchange.respond(await spliced.read())
        finally:
            if spliced.usage is not None:
                exchange.usage = spliced.usage

    async def _translate(self, exchange: Exchange, body: ChatBody, model: ModelSpec) -> None:
        exchange.lane = "translate"
        deadline = self._deadline(self._limits.model_deadline_s)
        turns = self._turns(exchange, body, body.request(), deadline, progress=False)
        # Until its first word nothing is known of a single model; its failure is a status.
        await self._deliver(
            exchange, body, ModelSource(self._models, model), turns, self._limits.heartbeat_s
        )

    async def _run(self, exchange: Exchange, body: ChatBody, panel: PanelSpec) -> None:
        exchange.lane = "run"
        request = body.request()
        panel = routed_panel(exchange, self._catalogue(), panel, request)
        deadline = self._deadline(panel.limits.wall_s + RUN_MARGIN_S)
        progress = panel.progress and body.head.streams
        progress = progress and exchange.asks(b"x-conclave-progress", default=True)
        turns = self._turns(exchange, body, request, deadline, progress=progress)
        is_panel = panel.kind == "panel"
        hold_s = self._limits.first_frame_hold_s if is_panel else self._limits.heartbeat_s
        await self._deliver(exchange, body, RunSource(self._orchestrator, panel), turns, hold_s)

    async def _deliver(
        self,
        exchange: Exchange,
        body: ChatBody,
        source: AnswerSource,
        turns: list[Turn],
        hold_s: float,
    ) -> None:
        account = AnswerAccount(len(turns))
        wanted = _Wanted(exchange, body.head, self._identity(exchange, body), account)
        try:
            async with answering(source, turns) as answers:
                if body.head.streams:
                    await self._stream(wanted, answers, hold_s)
                else:
                    await self._whole(wanted, answers)
        finally:
            exchange.usage = account.usage

    async def _stream(self, wanted: _Wanted, answers: Answers, hold_s: float) -> None:
        head, account = wanted.head, wanted.account
        encoder = ChunkEncoder(
            wanted.identity, choices=head.choices, include_usage=head.includes_usage
        )
        remembering = RememberingEncoder(encoder, wanted.identity) if head.stores else None
        delivery = StreamDelivery(
            wanted.exchange, remembering or encoder, account, self._pace(hold_s)
        )
        last = await delivery.deliver(answers)
        if remembering is not None:
            await self._keep(wanted, remembering.builder.encode(account.details))
        await wanted.exchange.finish(last)

    async def _whole(self, wanted: _Wanted, answers: Answers) -> None:
        builder = CompletionBuilder(wanted.identity)
        await collect(answers, wanted.account, builder.add)
        completion = builder.encode(wanted.account.details)
        if wanted.head.stores and not await self._keep(wanted, completion):
            completion = not_stored(completion)
        await wanted.exchange.respond(completion)

    async def _keep(self, wanted: _Wanted, completion: bytes) -> bool:
        return await self._keeper.keep(wanted.exchange, wanted.head, wanted.identity, completion)

    def _pace(self, hold_s: float) -> StreamPace:
        return StreamPace(self._clock, hold_s, self._limits.heartbeat_s)

    def _turns(
        self,
        exchange: Exchange,
        body: ChatBody,
        request: GenerationRequest,
        deadline: Deadline,
        *,
        progress: bool,
    ) -> list[Turn]:
        """One per choice. Only the first run tells its progress: they all do the same."""
        details = exchange.asks(b"x-conclave-details", default=False)
        return [
            Turn(
                request=request,
                request_id=exchange.request_id,
                run_id=run_id(exchange.request_id, choice),
                caller=exchange.authenticated,
                public_model=exchange.model,
                deadline=deadline,
                traceparent=exchange.traceparent,
                wants_progress=progress and choice == 0,
                wants_details=details,
            )
            for choice in range(body.head.choices)
        ]

    def _identity(self, exchange: Exchange, body: ChatBody) -> Identity:
        return Identity(
            completion_id="chatcmpl-" + exchange.request_id.removeprefix("req_"),
            created_unix_s=int(self._clock.unix_s()),
            model=exchange.model,
            fingerprint="fp_" + exchange.config_version,
            legacy_functions=body.is_legacy,
        )

    def _deadline(self, timeout_s: float) -> Deadline:
        return Deadline.after(timeout_s, now_s=self._clock.monotonic_s())
