"""`Idempotency-Key`: what a client sends twice under one key is done once, and answered alike.

Only requests with the header pay for it. A refusal that did nothing gives the key back, so that a
client's next attempt counts; whatever may have been charged for is kept, failures included.
"""

from __future__ import annotations

import asyncio
import hashlib
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Protocol

from api_gateway.stores.errors import StoreUnavailableError
from api_gateway.stores.idempotency import IdempotencyKey, KeptAnswer
from service_kit.logging import get_logger
from wire.conversation import Usage
from wire.errors import InvalidRequestError, PlatformError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from api_gateway.routes.exchange import Exchange
    from service_kit.http import Message

MAX_KEY_CHARACTERS = 255
# A larger answer is delivered, and told to be lost to whoever asks again.
MAX_ANSWER_BYTES = 8 * 1024 * 1024
# A process that dies leaves its keys in use for so long.
LEASE_S = 30.0
_HEADER = b"idempotency-key"
_OK = 200
_SERVER_ERROR = 500
# Refused before anything was bought, unless usage says otherwise.
_NOTHING_DONE = frozenset({400, 401, 403, 404, 405, 408, 409, 413, 422, 429, 503})

log = get_logger(__name__)


class FirstAnswers(Protocol):
    """See `SqlIdempotency`."""

    async def claim(
        self, key: IdempotencyKey, holder: str, *, lease_s: float
    ) -> KeptAnswer | None: ...

    async def extend(self, key: IdempotencyKey, holder: str, *, lease_s: float) -> None: ...

    async def keep(self, key: IdempotencyKey, holder: str, answer: KeptAnswer) -> None: ...

    async def abandon(self, key: IdempotencyKey, holder: str) -> None: ...

    async def release(self, key: IdempotencyKey, holder: str) -> None: ...


class OnlyOnce:
    def __init__(self, answers: FirstAnswers, *, lease_s: float = LEASE_S) -> None:
        self._answers = answers
        self._lease_s = lease_s

    def guard(
        self, handler: Callable[[Exchange], Awaitable[None]]
    ) -> Callable[[Exchange], Awaitable[None]]:
        """The handler, but once per key."""

        async def once(exchange: Exchange) -> None:
            key = exchange.header(_HEADER)
            if key is None:
                await handler(exchange)
            else:
                await self._once(exchange, key, handler)

        return once

    async def _once(
        self, exchange: Exchange, text: str, handler: Callable[[Exchange], Awaitable[None]]
    ) -> None:
        if not 1 <= len(text) <= MAX_KEY_CHARACTERS:
            raise InvalidRequestError(
                f"Invalid 'Idempotency-Key': 1 to {MAX_KEY_CHARACTERS} characters, got {len(text)}."
            )
        asked = exchange.route.encode() + b"\0" + await exchange.keep_body()
        key = IdempotencyKey(exchange.tenant_id, text, hashlib.sha256(asked).digest())
        answer = await self._answers.claim(key, exchange.request_id, lease_s=self._lease_s)
        if answer is None:
            await self._first(exchange, key, handler)
        else:
            await _repeat(exchange, answer)

    async def _first(
        self,
        exchange: Exchange,
        key: IdempotencyKey,
        handler: Callable[[Exchange], Awaitable[None]],
    ) -> None:
        """The end of the answer waits until it is kept: who asks again finds it."""
        record = _Record()
        send = exchange.watch(record.take)
        try:
            async with self._held(key, exchange.request_id):
                try:
                    await handler(exchange)
                except PlatformError as error:
                    await exchange.fail(error.info())
        finally:
            await self._settle(exchange, key, record)
            if record.last is not None:
                await send(record.last)

    async def _settle(self, exchange: Exchange, key: IdempotencyKey, record: _Record) -> None:
        """Whatever became of it, also of its client."""
        holder, answer = exchange.request_id, record.answer()
        try:
            if answer is None:
                await asyncio.shield(self._answers.abandon(key, holder))
            elif answer.status in _NOTHING_DONE and exchange.usage == Usage():
                await self._answers.release(key, holder)
            else:
                await self._answers.keep(key, holder, answer)
        except StoreUnavailableError as error:
            log.warning("idempotent_answer_not_kept", request_id=holder, error=error)

    @asynccontextmanager
    async def _held(self, key: IdempotencyKey, holder: str) -> AsyncGenerator[None]:
        try:
            async with asyncio.TaskGroup() as group:
                keeper = group.create_task(self._prolong(key, holder), name=f"key of {holder}")
                try:
                    yield
                finally:
                    keeper.cancel()
        except BaseExceptionGroup as errors:
            if len(errors.exceptions) == 1:  # the body's own; the keeper raises nothing
                raise errors.exceptions[0] from None
            raise

    async def _prolong(self, key: IdempotencyKey, holder: str) -> None:
        while True:
            await asyncio.sleep(self._lease_s / 3)
            try:
                await self._answers.extend(key, holder, lease_s=self._lease_s)
            except StoreUnavailableError as error:
                log.warning("idempotency_key_not_prolonged", request_id=holder, error=error)


class _Record:
    """What goes out to the client, as long as it is not too much; its end is held back."""

    def __init__(self) -> None:
        self.last: Message | None = None
        self._status = 0
        self._streamed = False
        self._pieces: list[bytes] = []
        self._size_bytes = 0
        self._settled = False

    def take(self, message: Message) -> bool:
        """Whether to send it on now."""
        if self._settled:
            return True
        if message["type"] == "http.response.start":
            self._status = message["status"]
            self._streamed = any(
                name == b"content-type" and value.startswith(b"text/event-stream")
                for name, value in message["headers"]
            )
            return True
        piece: bytes = message.get("body", b"")
        self._size_bytes += len(piece)
        if self._size_bytes <= MAX_ANSWER_BYTES:
            self._pieces.append(piece)
        else:
            self._pieces.clear()
        if message.get("more_body", False):
            return True
        self.last = message
        return False

    def answer(self) -> KeptAnswer | None:
        """From here on everything passes. None: it is not whole, or too large."""
        self._settled = True
        if self.last is None or self._size_bytes > MAX_ANSWER_BYTES:
            return None
        return KeptAnswer(self._status, self._streamed, b"".join(self._pieces))


async def _repeat(exchange: Exchange, answer: KeptAnswer) -> None:
    exchange.more_headers.append((b"idempotent-replayed", b"true"))
    if answer.status >= _SERVER_ERROR:
        exchange.more_headers.append((b"x-should-retry", b"false"))
    if answer.streamed and answer.status == _OK:
        await exchange.finish(answer.body)
    else:
        await exchange.respond(answer.body, status=answer.status)
