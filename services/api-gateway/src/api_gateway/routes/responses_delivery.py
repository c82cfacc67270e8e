"""One response on its way to the client: by whichever lane, kept before its last event leaves."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Protocol

from api_gateway.dialects.responses.encode import ResponseEncoder
from api_gateway.dialects.responses.splice import SplicedResponse
from api_gateway.lanes.answers import answering
from api_gateway.lanes.responses_splice import forward_spliced, read_spliced
from api_gateway.routes.streaming import HEARTBEAT, AnswerAccount, StreamDelivery, collect
from wire.errors import PlatformError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence

    from api_gateway.dialects.responses.output_items import OutputItem
    from api_gateway.dialects.responses.response_object import FinalResponse
    from api_gateway.lanes.answers import AnswerSource, Turn
    from api_gateway.routes.exchange import Exchange
    from api_gateway.routes.responses_keeping import ResponseKeeper
    from api_gateway.routes.responses_plan import ResponsePlan
    from api_gateway.routes.streaming import StreamPace
    from model_providers.raw_exchange import RawExchange
    from service_kit.clock import Clock
    from wire.errors import ErrorInfo


class Answer(Protocol):
    """A response that is being made."""

    @property
    def output(self) -> Sequence[OutputItem]: ...

    def complete(self, completed_unix_s: int, *, stored: bool) -> FinalResponse: ...

    def cancelled(self) -> FinalResponse: ...

    def fail(self, info: ErrorInfo) -> FinalResponse: ...


class ResponseDelivery:
    """Delivers one response, and keeps it however it ends.

    A response whose first byte has not left leaves nothing behind: its client knows no id.
    """

    def __init__(
        self, exchange: Exchange, plan: ResponsePlan, keeper: ResponseKeeper, clock: Clock
    ) -> None:
        self._exchange = exchange
        self._plan = plan
        self._keeper = keeper
        self._clock = clock
        self._answer: Answer | None = None
        self._is_decided = False

    async def generate(self, source: AnswerSource, turn: Turn, pace: StreamPace) -> None:
        """An answer in the neutral form.

        Raises:
            PlatformError: it failed, before or after its first frame.
        """
        account = AnswerAccount(1)
        encoder = self._answer = ResponseEncoder(self._plan.echo)
        try:
            async with answering(source, [turn]) as answers:
                if self._plan.streams:
                    delivery = StreamDelivery(self._exchange, encoder, account, pace)
                    await delivery.deliver(answers)
                else:
                    await collect(answers, account, encoder.encode)
                    encoder.finish(account.details)
            await self._complete(encoder)
        except PlatformError as error:
            await self._failed(encoder, error)
            raise
        finally:
            self._exchange.usage = account.usage

    async def splice(self, raw: RawExchange, heartbeat_s: float) -> None:
        """An answer in the vendor's own bytes, its silences filled.

        Raises:
            PlatformError: it failed, before or after its first frame.
        """
        spliced = SplicedResponse(self._plan.echo, raw.model.provider.name)
        self._answer = spliced
        self._exchange.failure_frame = spliced.failure
        try:
            if self._plan.streams:
                async with kept_alive(self._exchange, self._clock, heartbeat_s) as write:
                    await forward_spliced(raw, spliced, write)
            else:
                await read_spliced(raw, spliced)
            await self._complete(spliced)
        except PlatformError as error:
            await self._failed(spliced, error)
            raise
        finally:
            if spliced.usage is not None:
                self._exchange.usage = spliced.usage

    async def client_left(self) -> None:
        """What a client that hung up can still fetch: the response, cancelled."""
        if self._answer is not None and self._exchange.began and not self._is_decided:
            final = self._answer.cancelled()
            await self._keeper.keep(self._plan, final, self._answer.output)

    async def _complete(self, answer: Answer) -> None:
        self._is_decided = True
        completed_unix_s = int(self._clock.unix_s())
        final = answer.complete(completed_unix_s, stored=True)
        if not await self._keeper.keep(self._plan, final, answer.output):
            final = answer.complete(completed_unix_s, stored=False)
        if self._plan.streams:
            await self._exchange.finish(final.frames)
        else:
            await self._exchange.respond(final.body)

    async def _failed(self, answer: Answer, error: PlatformError) -> None:
        if self._exchange.began and not self._is_decided:
            self._is_decided = True
            await self._keeper.keep(self._plan, answer.fail(error.info()), answer.output)


@asynccontextmanager
async def kept_alive(
    exchange: Exchange, clock: Clock, heartbeat_s: float
) -> AsyncGenerator[Callable[[bytes], Awaitable[None]]]:
    """Writes to the client; once the stream has begun, silences are filled with comments."""
    written_at_s = clock.monotonic_s()

    async def write(frames: bytes) -> None:
        nonlocal written_at_s
        await exchange.write(frames)
        written_at_s = clock.monotonic_s()

    async def fill_silences() -> None:
        while True:
            silent_s = clock.monotonic_s() - written_at_s
            if silent_s >= heartbeat_s and exchange.began:
                await write(HEARTBEAT)
            await asyncio.sleep(max(heartbeat_s - silent_s, heartbeat_s / 10))

    try:
        async with asyncio.TaskGroup() as group:
            filler = group.create_task(fill_silences())
            try:
                yield write
            finally:
                filler.cancel()
    except BaseExceptionGroup as errors:
        if len(errors.exceptions) == 1:  # the body's own
            raise errors.exceptions[0] from None
        raise
