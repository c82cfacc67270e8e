"""For tests, ours and others': an observer that remembers, a vendor with every byte scripted."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from model_providers.provider import ModelCall
from wire.conversation import GenerationRequest, user_text
from wire.deadline import Deadline
from wire.ids import new_call_id
from wire.specs import ModelSpec, ProviderSpec

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from model_providers.calls import CallClosed, CallOpened

WAIT_S = 5.0
SSE_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
)
LAST_CHUNK = b"0\r\n\r\n"
DONE = b"data: [DONE]\n\n"


class MonotonicClock:
    def monotonic_s(self) -> float:
        return time.monotonic()


class RecordingObserver:
    """Remembers every attempt; `open_calls` are those not closed yet."""

    def __init__(self) -> None:
        self.opened_calls: list[CallOpened] = []
        self.first_tokens: list[tuple[CallOpened, float]] = []
        self.closed_calls: list[CallClosed] = []

    async def opened(self, call: CallOpened, /) -> None:
        self.opened_calls.append(call)

    def first_token(self, call: CallOpened, at_s: float, /) -> None:
        self.first_tokens.append((call, at_s))

    async def closed(self, call: CallClosed, /) -> None:
        self.closed_calls.append(call)

    @property
    def open_calls(self) -> list[CallOpened]:
        ended = [call.opened for call in self.closed_calls]
        return [call for call in self.opened_calls if call not in ended]


@dataclass(frozen=True, slots=True)
class ReceivedRequest:
    head: bytes
    body: bytes

    def header(self, name: str) -> str | None:
        """The header's value; None when it was not sent."""
        for line in self.head.split(b"\r\n")[1:]:
            key, _, value = line.partition(b":")
            if key.lower() == name.encode():
                return value.strip().decode()
        return None


class VendorConnection:
    """One request on one connection, and the answer's bytes as the script sends them."""

    def __init__(
        self, request: ReceivedRequest, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.request = request
        self._reader = reader
        self._writer = writer

    async def send(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def send_chunk(self, data: bytes) -> None:
        """One chunk of a chunked body."""
        await self.send(b"%x\r\n%b\r\n" % (len(data), data))

    async def answer(
        self,
        status: int,
        body: bytes,
        *,
        content_type: str = "application/json",
        extra: bytes = b"",
    ) -> None:
        """A whole answer with a content length; `extra` are header lines."""
        head = f"HTTP/1.1 {status} Scripted\r\ncontent-type: {content_type}\r\n"
        length = f"content-length: {len(body)}\r\n"
        await self.send(head.encode() + length.encode() + extra + b"\r\n" + body)

    def close(self) -> None:
        """End the connection with FIN."""
        self._writer.close()

    def reset(self) -> None:
        """End the connection with RST instead of FIN."""
        self._writer.transport.abort()

    async def hung_up(self) -> None:
        """Return once the other side has closed."""
        with suppress(ConnectionError):
            await self._reader.read()


@dataclass(slots=True)
class ScriptedVendor:
    base_url: str
    requests: list[ReceivedRequest] = field(default_factory=list[ReceivedRequest])

    def model(
        self, name: str = "sim", **provider: float | str | bool | dict[str, str]
    ) -> ModelSpec:
        """A model of this vendor; `provider` are fields of its ProviderSpec."""
        fields = {"name": "vendor", "kind": "openai", "base_url": self.base_url, **provider}
        spec = msgspec.convert(fields, ProviderSpec)
        return ModelSpec(name=name, provider=spec, upstream_model=f"upstream-{name}")


@asynccontextmanager
async def scripted_vendor(
    script: Callable[[VendorConnection], Awaitable[None]],
) -> AsyncGenerator[ScriptedVendor]:
    """A server on a free port that runs the script for each request, then closes the connection.

    A script that returns without having hung up itself leaves the connection to the next request.
    """
    vendor = ScriptedVendor("")
    handlers: set[asyncio.Task[None] | None] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        handlers.add(asyncio.current_task())
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while not writer.is_closing():
                request = await _read_request(reader)
                vendor.requests.append(request)
                await script(VendorConnection(request, reader, writer))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    vendor.base_url = f"http://127.0.0.1:{port}/v1"
    try:
        yield vendor
    finally:
        server.close()
        running = [handler for handler in handlers if handler is not None]
        for handler in running:
            handler.cancel()
        await asyncio.gather(*running, return_exceptions=True)


def chat_chunk(text: str | None = None, *, finish_reason: str | None = None) -> bytes:
    """One event of a chat stream."""
    delta = {} if text is None else {"content": text}
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    return _event({"id": "chatcmpl-1", "choices": [choice]})


def usage_chunk(prompt_tokens: int, completion_tokens: int) -> bytes:
    """The event that follows the last choice when usage was asked for."""
    usage = {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "total_tokens": prompt_tokens + completion_tokens,
    }
    return _event({"id": "chatcmpl-1", "choices": [], "usage": usage})


def model_call(model: ModelSpec, text: str = "hi", *, timeout_s: float = WAIT_S) -> ModelCall:
    """A streamed call with one user message."""
    return ModelCall(
        call_id=new_call_id(),
        model=model,
        request=GenerationRequest((user_text(text),)),
        deadline=Deadline.after(timeout_s, now_s=time.monotonic()),
    )


def _event(value: object) -> bytes:
    return b"data: " + msgspec.json.encode(value) + b"\n\n"


async def _read_request(reader: asyncio.StreamReader) -> ReceivedRequest:
    head = await reader.readuntil(b"\r\n\r\n")
    request = ReceivedRequest(head, b"")
    length = int(request.header("content-length") or 0)
    return ReceivedRequest(head, await reader.readexactly(length))
