"""POST /v1/embeddings: passed through to the model's backend."""

from __future__ import annotations

from typing import TYPE_CHECKING

from api_gateway.dialects import embeddings
from catalogue import ModelEntry
from model_providers.provider import RawCall
from service_kit.http import cancel_on_disconnect
from wire.deadline import Deadline
from wire.errors import InvalidRequestError, ModelNotFoundError
from wire.ids import new_call_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from api_gateway.dialects.embeddings import EmbeddingsRequest
    from api_gateway.routes.exchange import Exchange
    from catalogue import Catalogue
    from model_providers.registry import ModelClient
    from service_kit.clock import Clock
    from wire.specs import ModelSpec


# Whose models' token ids clients know how to make.
_OPENAI_TOKENIZER = ("openai", "azure-openai")


class EmbeddingsRoute:
    def __init__(
        self,
        catalogue: Callable[[], Catalogue],
        models: ModelClient,
        *,
        clock: Clock,
        deadline_s: float,
    ) -> None:
        self._catalogue = catalogue
        self._models = models
        self._clock = clock
        self._deadline_s = deadline_s

    async def create(self, exchange: Exchange) -> None:
        """Answer one request.

        Raises:
            PlatformError: the request is wrong, or the backend failed.
        """
        request = embeddings.decode_request(await exchange.body())
        model = self._model(request.model)
        if any(one.provider.kind not in _OPENAI_TOKENIZER for one in (model, *model.fallbacks)):
            request.require_text()
        exchange.model, exchange.lane = request.model, "splice"
        async with cancel_on_disconnect(exchange.receive):
            call = self._call(request, model, exchange.traceparent)
            async with await self._models.open_raw(call) as raw:
                answer, usage = embeddings.splice_answer(
                    await raw.read(), request, raw.model.provider.name
                )
                if usage is not None:
                    raw.report_usage(usage)
                    exchange.usage = usage
            await exchange.respond(answer)

    def _model(self, name: str) -> ModelSpec:
        entry = self._catalogue().resolve(name)
        if entry is None:
            raise ModelNotFoundError(name)
        if not isinstance(entry, ModelEntry) or not entry.spec.capabilities.embeddings:
            raise InvalidRequestError(
                f"'{name}' makes no embeddings.", param="model", code="unsupported_value"
            )
        return entry.spec

    def _call(self, request: EmbeddingsRequest, model: ModelSpec, traceparent: str) -> RawCall:
        return RawCall(
            call_id=new_call_id(),
            model=model,
            body=request.spliced(model.upstream_model),
            body_for=lambda fallback: request.spliced(fallback.upstream_model),
            deadline=Deadline.after(self._deadline_s, now_s=self._clock.monotonic_s()),
            path="/embeddings",
            phase="embed",
            traceparent=traceparent,
            input_tokens_estimate=request.input_tokens_estimate,
            reserved_output_tokens=0,
        )
