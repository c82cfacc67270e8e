"""The one door to all vendors: retries, fallbacks, circuits, limits, and an observer on each call.

Everything here happens before the first event (or byte) is handed on; from then on a failure is
the caller's to tell.
"""

from __future__ import annotations

import asyncio
import dataclasses
import random
from contextlib import aclosing
from typing import TYPE_CHECKING

from model_providers.anthropic_messages.client import anthropic_messages_provider
from model_providers.anthropic_messages.encode import output_cap
from model_providers.attempt_record import AnswerRecorder, AttemptRecord, OutputTally
from model_providers.calls import CallObserver, CallOpened, Observers
from model_providers.http_exchange import HttpExchanges, VendorRequest, VendorResponse
from model_providers.openai_chat.client import openai_chat_provider
from model_providers.openai_responses.client import openai_responses_provider
from model_providers.provider import Clock, ModelCall, Provider, RawCall, SendProgress
from model_providers.proxies import environment_proxy
from model_providers.raw_exchange import RawExchange, RawTally, first_bytes
from model_providers.resilience.admission import Doorkeeper, outcome_of
from model_providers.resilience.attempts import Attempts, Resilience
from model_providers.token_estimate import estimate_request
from wire.conversation import OtherItem
from wire.errors import PlatformError, PlatformFaultError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    import aiohttp

    from wire.conversation import AnswerEvent, GenerationRequest
    from wire.deadline import Deadline
    from wire.specs import ModelSpec, ProviderSpec


class ModelClient:
    """Shared by all requests of a process; holds circuits and limits, and no task of its own.

    `secrets` is asked once per attempt, so a rotated key takes effect at once. Retries wait with
    `sleep` and spread with `random_unit` (a float in [0, 1)). Give it a session without
    `trust_env`: `proxy_for` finds the outbound proxy of a base URL once, not once a request.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        *,
        clock: Clock,
        secrets: Callable[[ProviderSpec], str | None],
        observer: CallObserver,
        resilience: Resilience | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        random_unit: Callable[[], float] = random.random,
        proxy_for: Callable[[str], str | None] = environment_proxy,
    ) -> None:
        self._clock = clock
        self._observer = observer
        self._resilience = resilience or Resilience()
        self._sleep = sleep
        self._random_unit = random_unit
        self._exchanges = HttpExchanges(session, clock, secrets, proxy_for)
        self._doorkeeper = Doorkeeper(clock, self._resilience.breaker)
        self._messages = anthropic_messages_provider(self._exchanges)
        self._chat = openai_chat_provider(self._exchanges)
        self._responses = openai_responses_provider(self._exchanges)

    async def stream(
        self, call: ModelCall, *, observer: CallObserver | None = None
    ) -> AsyncGenerator[AnswerEvent]:
        """The answer's events; use with `aclosing`.

        `observer` hears of the attempts besides the client's own. A fallback's events look like
        the model's; `CallOpened.model` tells them apart.

        Raises:
            PlatformError: the last attempt's failure, or one after the first event.
        """
        attempts = self._attempts(call.model, call.deadline)
        observers = self._observers(observer)
        while True:
            handed_on = False
            try:
                async with aclosing(self._attempt(call, attempts, observers)) as events:
                    async for event in events:
                        handed_on = True
                        yield event
            except PlatformError as error:
                if handed_on:
                    raise
                delay_s = attempts.after(error)
            else:
                return
            await self._sleep(delay_s)

    async def open_raw(self, call: RawCall, *, observer: CallObserver | None = None) -> RawExchange:
        """Send bytes, and return once the answer's first bytes are here; use with `async with`.

        Raises:
            PlatformError: the last attempt's failure: an error status, an error object in a 200,
                an empty answer, a broken or silent connection.
        """
        attempts = self._attempts(
            call.model, call.deadline, may_fall_back=call.body_for is not None
        )
        observers = self._observers(observer)
        while True:
            try:
                return await self._open_attempt(call, attempts, observers)
            except PlatformError as error:
                delay_s = attempts.after(error)
            await self._sleep(delay_s)

    async def _attempt(
        self, call: ModelCall, attempts: Attempts, observer: CallObserver
    ) -> AsyncGenerator[AnswerEvent]:
        model = attempts.model
        provider = self._provider(model, call.request)
        call = call if model is call.model else dataclasses.replace(call, model=model)
        admission = await self._doorkeeper.admit(model, call.deadline)
        number, progress, tally = attempts.begin(), SendProgress(), OutputTally()
        record = AttemptRecord(
            self._opened(call, model, number),
            observer,
            self._clock,
            progress,
            estimate_input=lambda: estimate_request(call.request),
            estimate_output=tally.tokens,
        )
        recorder = AnswerRecorder(record, tally)
        ended: BaseException | None = None
        try:
            await record.open()
            async with aclosing(provider.stream(call, number, progress)) as events:
                async for event in events:
                    recorder.saw(event)
                    yield event
        except BaseException as error:
            ended = error
            raise
        finally:
            admission.leave(outcome_of(ended))
            await record.close(ended)
            del ended  # it refers to this frame, and so to the whole request

    async def _open_attempt(
        self, call: RawCall, attempts: Attempts, observer: CallObserver
    ) -> RawExchange:
        model = attempts.model
        admission = await self._doorkeeper.admit(model, call.deadline)
        number, progress, tally = attempts.begin(), SendProgress(), RawTally()
        record = AttemptRecord(
            self._opened(call, model, number),
            observer,
            self._clock,
            progress,
            estimate_input=lambda: _input_tokens(call),
            estimate_output=tally.tokens,
        )
        try:
            await record.open()
            response, first = await self._send_raw(call, model, number, progress)
        except BaseException as error:
            admission.leave(outcome_of(error))
            await record.close(error)
            raise
        return RawExchange(response, first, model, record=record, admission=admission, tally=tally)

    async def _send_raw(
        self, call: RawCall, model: ModelSpec, number: int, progress: SendProgress
    ) -> tuple[VendorResponse, bytes]:
        response = await self._exchanges.open(_vendor_request(call, model, number), progress)
        try:
            return response, await first_bytes(response, model.provider.name)
        except BaseException:
            response.close()
            raise

    def _attempts(
        self, model: ModelSpec, deadline: Deadline, *, may_fall_back: bool = True
    ) -> Attempts:
        return Attempts(
            model,
            deadline,
            clock=self._clock,
            policy=self._resilience.retry,
            random_unit=self._random_unit,
            may_fall_back=may_fall_back,
        )

    def _observers(self, observer: CallObserver | None) -> CallObserver:
        return self._observer if observer is None else Observers((self._observer, observer))

    def _provider(self, model: ModelSpec, request: GenerationRequest) -> Provider:
        if model.provider.kind == "anthropic":
            return self._messages
        if model.provider.kind == "fara":
            raise PlatformFaultError(
                f"{model.provider.name} is of kind 'fara', which this version cannot call"
            )
        if "responses" in model.dialects and (
            "chat" not in model.dialects or _holds_vendors_compaction(request)
        ):
            return self._responses
        return self._chat

    def _opened(self, call: ModelCall | RawCall, model: ModelSpec, number: int) -> CallOpened:
        return CallOpened(
            call_id=call.call_id,
            attempt=number,
            provider=model.provider.name,
            model=model.name,
            upstream_model=model.upstream_model,
            agent_id=call.agent_id,
            phase=call.phase,
            reserved_output_tokens=_reserved(call, model),
            opened_at_s=self._clock.monotonic_s(),
        )


def _holds_vendors_compaction(request: GenerationRequest) -> bool:
    """A vendor's own sealed item, which it reads back in Responses only."""
    return any(
        isinstance(item, OtherItem) and item.item_type == "compaction" for item in request.items
    )


def _input_tokens(call: RawCall) -> int:
    estimate = call.input_tokens_estimate
    return estimate if isinstance(estimate, int) else estimate()


def _reserved(call: ModelCall | RawCall, model: ModelSpec) -> int | None:
    if isinstance(call, RawCall):
        return call.reserved_output_tokens
    if model.provider.kind == "anthropic":
        return output_cap(call)
    return call.request.sampling.max_output_tokens or model.max_output_tokens


def _vendor_request(call: RawCall, model: ModelSpec, number: int) -> VendorRequest:
    body = call.body
    if model is not call.model and call.body_for is not None:
        body = call.body_for(model)
    return VendorRequest(
        provider=model.provider,
        path=call.path,
        upstream_model=model.upstream_model,
        body=body,
        accept=call.accept,
        call_id=call.call_id,
        attempt=number,
        deadline=call.deadline,
        traceparent=call.traceparent,
    )
