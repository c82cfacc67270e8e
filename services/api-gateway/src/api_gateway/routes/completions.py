"""POST /v1/completions, the endpoint before chat, which editors still complete code with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from api_gateway.dialects.chat.encode import Identity
from api_gateway.dialects.chat.splice import failure_frame
from api_gateway.dialects.completions.decode import decode_request
from api_gateway.dialects.completions.encode import TextChunkEncoder, TextCompletionBuilder
from api_gateway.lanes.answers import Turn, answering
from api_gateway.lanes.choice import Run, Splice, Translate, choose_completions_lane
from api_gateway.lanes.run import RUN_MARGIN_S, RunSource, run_id
from api_gateway.lanes.splice import open_spliced_completions
from api_gateway.lanes.translate import ModelSource
from api_gateway.routes.small_requests import routed_panel
from api_gateway.routes.streaming import AnswerAccount, StreamDelivery, StreamPace, collect
from service_kit.http import cancel_on_disconnect
from wire.deadline import Deadline
from wire.errors import ModelNotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable

    from api_gateway.dialects.completions.decode import CompletionsRequest
    from api_gateway.lanes.answers import AnswerSource
    from api_gateway.routes.chat import ChatLimits
    from api_gateway.routes.exchange import Exchange
    from catalogue import Catalogue
    from model_providers.registry import ModelClient
    from service_kit.clock import Clock
    from service_kit.internal_client import InternalClient
    from wire.conversation import GenerationRequest
    from wire.specs import ModelSpec, PanelSpec


class CompletionsRoute:
    """Decodes, chooses the lane, delivers."""

    def __init__(
        self,
        catalogue: Callable[[], Catalogue],
        models: ModelClient,
        orchestrator: InternalClient,
        *,
        clock: Clock,
        limits: ChatLimits,
    ) -> None:
        self._catalogue = catalogue
        self._models = models
        self._orchestrator = orchestrator
        self._clock = clock
        self._limits = limits

    async def create(self, exchange: Exchange) -> None:
        """Answer one request.

        Raises:
            PlatformError: before or after the first byte; the application tells the client.
            ClientDisconnectedError: the client left.
        """
        request = decode_request(await exchange.body())
        catalogue = self._catalogue()
        entry = catalogue.resolve(request.parameters.model)
        if entry is None:
            raise ModelNotFoundError(request.parameters.model)
        exchange.model = request.parameters.model
        lane = choose_completions_lane(entry, request, panel_choices=self._limits.panel_choices)
        async with cancel_on_disconnect(exchange.receive):
            match lane:
                case Splice(model):
                    await self._splice(exchange, request, model)
                case Translate(model):
                    await self._translate(exchange, request, model)
                case Run(panel):
                    await self._run(exchange, request, panel, catalogue)

    async def _splice(
        self, exchange: Exchange, request: CompletionsRequest, model: ModelSpec
    ) -> None:
        exchange.lane = "splice"
        deadline = self._deadline(self._limits.model_deadline_s)
        spliced = await open_spliced_completions(
            self._models, request, model, deadline, exchange.traceparent
        )
        try:
            if request.streams:
                exchange.failure_frame = failure_frame
                await exchange.finish(await spliced.forward(exchange.write))
            else:
                await exchange.respond(await spliced.read())
        finally:
            if spliced.usage is not None:
                exchange.usage = spliced.usage

    async def _translate(
        self, exchange: Exchange, request: CompletionsRequest, model: ModelSpec
    ) -> None:
        exchange.lane = "translate"
        deadline = self._deadline(self._limits.model_deadline_s)
        turns = self._turns(exchange, request.as_chat(), deadline)
        source = ModelSource(self._models, model)
        await self._deliver(exchange, request, source, turns, self._limits.heartbeat_s)

    async def _run(
        self,
        exchange: Exchange,
        request: CompletionsRequest,
        panel: PanelSpec,
        catalogue: Catalogue,
    ) -> None:
        exchange.lane = "run"
        requests = request.as_chat()
        panel = routed_panel(exchange, catalogue, panel, requests[0])
        deadline = self._deadline(panel.limits.wall_s + RUN_MARGIN_S)
        turns = self._turns(exchange, requests, deadline)
        is_panel = panel.kind == "panel"
        hold_s = self._limits.first_frame_hold_s if is_panel else self._limits.heartbeat_s
        source = RunSource(self._orchestrator, panel)
        await self._deliver(exchange, request, source, turns, hold_s)

    async def _deliver(
        self,
        exchange: Exchange,
        request: CompletionsRequest,
        source: AnswerSource,
        turns: list[Turn],
        hold_s: float,
    ) -> None:
        account, identity = AnswerAccount(len(turns)), self._identity(exchange)
        echoes = request.echoes()
        try:
            async with answering(source, turns) as answers:
                if request.streams:
                    encoder = TextChunkEncoder(
                        identity, echoes=echoes, include_usage=request.includes_usage
                    )
                    pace = StreamPace(self._clock, hold_s, self._limits.heartbeat_s)
                    delivery = StreamDelivery(exchange, encoder, account, pace)
                    await exchange.finish(await delivery.deliver(answers))
                else:
                    builder = TextCompletionBuilder(identity, echoes=echoes)
                    await collect(answers, account, builder.add)
                    await exchange.respond(builder.encode(account.details))
        finally:
            exchange.usage = account.usage

    def _turns(
        self, exchange: Exchange, requests: list[GenerationRequest], deadline: Deadline
    ) -> list[Turn]:
        """One per choice, without progress: the form has no place for it."""
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
                wants_details=details,
            )
            for choice, request in enumerate(requests)
        ]

    def _identity(self, exchange: Exchange) -> Identity:
        return Identity(
            completion_id="cmpl-" + exchange.request_id.removeprefix("req_"),
            created_unix_s=int(self._clock.unix_s()),
            model=exchange.model,
            fingerprint="fp_" + exchange.config_version,
        )

    def _deadline(self, timeout_s: float) -> Deadline:
        return Deadline.after(timeout_s, now_s=self._clock.monotonic_s())
