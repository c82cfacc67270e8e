"""One exchange: what is sent, how long is waited, and what each kind of failure becomes."""

import asyncio
import socket
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from model_providers.http_exchange import (
    LARGE_BODY_BYTES,
    HttpExchanges,
    VendorRequest,
    VendorResponse,
    connection_error,
)
from model_providers.provider import SendProgress
from model_providers.testing import (
    LAST_CHUNK,
    SSE_HEAD,
    WAIT_S,
    MonotonicClock,
    ScriptedVendor,
    VendorConnection,
    scripted_vendor,
)
from wire.deadline import Deadline
from wire.errors import (
    DeadlineExceededError,
    PlatformError,
    UpstreamAuthError,
    UpstreamError,
    UpstreamProtocolError,
    UpstreamTimeoutError,
)
from wire.ids import CallId

CLOCK = MonotonicClock()


@pytest.fixture
def exchanges(session: aiohttp.ClientSession) -> HttpExchanges:
    return HttpExchanges(session, CLOCK, lambda _: "k", lambda _: None)


def request_to(
    vendor: ScriptedVendor,
    body: bytes = b"{}",
    *,
    timeout_s: float = WAIT_S,
    **provider: float | str | bool | dict[str, str],
) -> VendorRequest:
    return VendorRequest(
        upstream_model="sim",
        provider=vendor.model("m", **provider).provider,
        path="/chat/completions",
        body=body,
        accept="application/json",
        call_id=CallId("ccall_1"),
        attempt=1,
        deadline=Deadline.after(timeout_s, now_s=CLOCK.monotonic_s()),
        traceparent="00-aa-bb-01",
    )


@asynccontextmanager
async def opened(
    exchanges: HttpExchanges, request: VendorRequest
) -> AsyncGenerator[VendorResponse]:
    response = await exchanges.open(request)
    try:
        yield response
    finally:
        response.close()


async def read_to_end(exchanges: HttpExchanges, request: VendorRequest) -> bytes:
    async with opened(exchanges, request) as response:
        return await response.read_all()


async def say_ok(connection: VendorConnection) -> None:
    await connection.answer(200, b'{"ok":true}')


async def test_an_answer_comes_back_whole_and_its_connection_is_used_again(
    exchanges: HttpExchanges, session: aiohttp.ClientSession
) -> None:
    async with scripted_vendor(say_ok) as vendor:
        async with opened(exchanges, request_to(vendor)) as response:
            body = await response.read_all()

        pooled = sum(len(idle) for idle in session.connector._conns.values())  # pyright: ignore[reportOptionalMemberAccess, reportPrivateUsage]

    assert (response.status, response.content_type, body) == (
        200,
        "application/json",
        b'{"ok":true}',
    )
    assert pooled == 1


async def test_the_providers_headers_are_sent_and_the_trace_only_where_wanted(
    exchanges: HttpExchanges,
) -> None:
    async with scripted_vendor(say_ok) as vendor:
        headers = {"OpenAI-Organization": "org", "User-Agent": "ours"}
        for forward in (False, True):
            request = request_to(vendor, headers=headers, forward_traceparent=forward)
            async with opened(exchanges, request):
                pass

    first, second = vendor.requests
    assert first.header("openai-organization") == "org"
    assert first.header("user-agent") == "ours"
    assert first.header("traceparent") is None
    assert second.header("traceparent") == "00-aa-bb-01"


async def test_a_large_body_arrives_unchanged_with_its_length(exchanges: HttpExchanges) -> None:
    body = bytes(range(256)) * (LARGE_BODY_BYTES // 128)
    async with (
        scripted_vendor(say_ok) as vendor,
        opened(exchanges, request_to(vendor, body)) as response,
    ):
        await response.read_all()

    [received] = vendor.requests
    assert received.body == body
    assert received.header("content-length") == str(len(body))
    assert received.header("transfer-encoding") is None


@pytest.mark.requirement("providers:errors:typed")
async def test_a_redirect_is_not_followed(exchanges: HttpExchanges) -> None:
    async def redirect(connection: VendorConnection) -> None:
        await connection.answer(307, b"", extra=b"location: http://127.0.0.1:1/\r\n")

    async with scripted_vendor(redirect) as vendor:
        with pytest.raises(UpstreamProtocolError, match="307"):
            await exchanges.open(request_to(vendor))

    assert len(vendor.requests) == 1


@pytest.mark.requirement("providers:errors:typed")
async def test_a_compressed_answer_is_refused(exchanges: HttpExchanges) -> None:
    async def compressed(connection: VendorConnection) -> None:
        await connection.answer(200, b"\x1f\x8b", extra=b"content-encoding: gzip\r\n")

    async with scripted_vendor(compressed) as vendor:
        with pytest.raises(UpstreamProtocolError, match="compressed"):
            await exchanges.open(request_to(vendor))


@pytest.mark.requirement("providers:errors:typed")
async def test_an_endless_error_body_is_read_to_its_bound_only(exchanges: HttpExchanges) -> None:
    async def endless(connection: VendorConnection) -> None:
        await connection.send(b"HTTP/1.1 401 No\r\ntransfer-encoding: chunked\r\n\r\n")
        for _ in range(1000):
            await connection.send_chunk(b"x" * 65536)

    async with asyncio.timeout(WAIT_S), scripted_vendor(endless) as vendor:
        with pytest.raises(UpstreamAuthError):
            await exchanges.open(request_to(vendor))


@pytest.mark.requirement("providers:errors:typed")
async def test_an_answer_beyond_the_bound_is_refused(exchanges: HttpExchanges) -> None:
    async def long(connection: VendorConnection) -> None:
        await connection.answer(200, b"x" * 2000)

    async with (
        scripted_vendor(long) as vendor,
        opened(exchanges, request_to(vendor)) as response,
    ):
        with pytest.raises(UpstreamProtocolError, match="1000 bytes"):
            await response.read_all(max_bytes=1000)


@pytest.mark.requirement("providers:errors:typed")
async def test_a_refused_connection_was_never_sent(exchanges: HttpExchanges) -> None:
    async with scripted_vendor(say_ok) as vendor:
        pass
    progress = SendProgress()

    with pytest.raises(UpstreamError, match="no connection"):
        await exchanges.open(request_to(vendor), progress)

    assert not progress.may_be_billed


@pytest.mark.requirement("providers:errors:typed")
async def test_an_unknown_host_is_an_upstream_error(exchanges: HttpExchanges) -> None:
    vendor = ScriptedVendor("http://nowhere.invalid/v1")

    with pytest.raises(UpstreamError, match="cannot be resolved"):
        await exchanges.open(request_to(vendor))


@pytest.mark.requirement("providers:errors:typed")
async def test_a_server_without_tls_fails_the_handshake(exchanges: HttpExchanges) -> None:
    async def speak_plainly(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(speak_plainly, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        vendor = ScriptedVendor(f"https://127.0.0.1:{port}/v1")
        with pytest.raises(UpstreamError, match="TLS handshake"):
            await exchanges.open(request_to(vendor))


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ssl.SSLError("secret bytes"), "TLS handshake"),
        (aiohttp.ServerDisconnectedError("secret"), "closed the connection"),
        (aiohttp.ClientPayloadError("secret"), "closed the connection"),
        (aiohttp.InvalidURL("http://secret"), "malformed"),
        (ValueError("secret"), "malformed"),
    ],
)
def test_the_librarys_words_stay_out_of_the_message(error: Exception, words: str) -> None:
    message = connection_error("vendor", error).message

    assert words in message
    assert "secret" not in message


@pytest.mark.requirement("providers:errors:typed")
@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (b"", UpstreamError),
        (b"HTTP/1.1 2", UpstreamError),
        (b"ICY 200 OK\r\n\r\n", UpstreamProtocolError),
        (b"HTTP/1.1 200 OK\r\nx: " + b"y" * 20_000 + b"\r\n\r\n", UpstreamProtocolError),
    ],
)
async def test_a_broken_head_is_typed(
    exchanges: HttpExchanges, answer: bytes, expected: type[PlatformError]
) -> None:
    async def garble(connection: VendorConnection) -> None:
        await connection.send(answer)
        connection.close()

    async with scripted_vendor(garble) as vendor:
        with pytest.raises(PlatformError) as raised:
            await exchanges.open(request_to(vendor))

    assert type(raised.value) is expected


@pytest.mark.requirement("providers:errors:typed")
async def test_a_body_shorter_than_promised_is_an_upstream_error(
    exchanges: HttpExchanges,
) -> None:
    async def cut(connection: VendorConnection) -> None:
        await connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{")
        connection.reset()

    async with scripted_vendor(cut) as vendor:
        with pytest.raises(UpstreamError):
            async with opened(exchanges, request_to(vendor)) as response:
                await response.read_all()


@pytest.mark.requirement("providers:timeouts")
async def test_no_connection_in_time_names_the_setting(exchanges: HttpExchanges) -> None:
    # A listener whose backlog is full accepts nothing more; the kernel drops the SYN.
    loop = asyncio.get_running_loop()
    async with _deaf_listener() as port:
        vendor = ScriptedVendor(f"http://127.0.0.1:{port}/v1")
        started_s = loop.time()
        with pytest.raises(UpstreamTimeoutError, match="connect_timeout_s"):
            await exchanges.open(request_to(vendor, connect_timeout_s=0.1))

    assert loop.time() - started_s < WAIT_S


@asynccontextmanager
async def _deaf_listener() -> AsyncGenerator[int]:
    loop = asyncio.get_running_loop()
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = int(listener.getsockname()[1])
        fillers = [socket.socket() for _ in range(4)]
        try:
            for filler in fillers:
                filler.settimeout(0)
                try:
                    async with asyncio.timeout(0.2):
                        await loop.sock_connect(filler, ("127.0.0.1", port))
                except TimeoutError:
                    break
            yield port
        finally:
            for filler in fillers:
                filler.close()


@pytest.mark.requirement("providers:timeouts")
@pytest.mark.parametrize("headers_first", [False, True])
async def test_silence_before_the_first_byte_ends_at_its_timeout(
    exchanges: HttpExchanges, *, headers_first: bool
) -> None:
    async def hang(connection: VendorConnection) -> None:
        if headers_first:
            await connection.send(SSE_HEAD)
        await connection.hung_up()

    async with scripted_vendor(hang) as vendor:
        with pytest.raises(UpstreamTimeoutError, match="first_byte_timeout_s"):
            async with opened(exchanges, request_to(vendor, first_byte_timeout_s=0.05)) as response:
                await response.read_chunk()


@pytest.mark.requirement("providers:timeouts")
async def test_silence_between_chunks_ends_at_the_idle_timeout(exchanges: HttpExchanges) -> None:
    async def stall(connection: VendorConnection) -> None:
        await connection.send(SSE_HEAD)
        await connection.send_chunk(b"data: 1\n\n")
        await connection.hung_up()

    async with (
        scripted_vendor(stall) as vendor,
        opened(exchanges, request_to(vendor, idle_timeout_s=0.05)) as response,
    ):
        first = await response.read_chunk()
        with pytest.raises(UpstreamTimeoutError, match="fell silent"):
            await response.read_chunk()

    assert first == b"data: 1\n\n"


@pytest.mark.requirement("providers:timeouts")
@pytest.mark.parametrize("headers_first", [False, True])
async def test_the_requests_own_deadline_is_no_fault_of_the_vendor(
    exchanges: HttpExchanges, *, headers_first: bool
) -> None:
    async def trickle(connection: VendorConnection) -> None:
        if headers_first:
            await connection.send(SSE_HEAD)
            for _ in range(1000):
                await connection.send_chunk(b":")
                await asyncio.sleep(0.01)
        await connection.hung_up()

    async with asyncio.timeout(WAIT_S), scripted_vendor(trickle) as vendor:
        with pytest.raises(DeadlineExceededError):
            await read_to_end(exchanges, request_to(vendor, timeout_s=0.1))


async def test_finish_hands_the_connection_back_only_if_the_body_ends(
    exchanges: HttpExchanges, session: aiohttp.ClientSession
) -> None:
    ends = [LAST_CHUNK, b""]
    pooled: list[int] = []

    async def stream(connection: VendorConnection) -> None:
        await connection.send(SSE_HEAD)
        await connection.send_chunk(b"data: [DONE]\n\n")
        await connection.send(ends.pop(0))

    async with scripted_vendor(stream) as vendor:
        for _ in range(2):
            async with opened(exchanges, request_to(vendor)) as response:
                await response.read_chunk()
                await response.finish()
            pooled.append(sum(len(idle) for idle in session.connector._conns.values()))  # pyright: ignore[reportOptionalMemberAccess, reportPrivateUsage]

    assert pooled == [1, 0]


async def test_the_outbound_proxy_is_looked_up_once_and_used(
    session: aiohttp.ClientSession,
) -> None:
    asked: list[str] = []
    async with scripted_vendor(say_ok) as proxy:

        def proxy_for(base_url: str) -> str:
            asked.append(base_url)
            return proxy.base_url.removesuffix("/v1")

        exchanges = HttpExchanges(session, CLOCK, lambda _: None, proxy_for)
        vendor = ScriptedVendor("http://vendor.invalid/v1")
        for _ in range(2):
            async with opened(exchanges, request_to(vendor)) as response:
                await response.read_all()

    assert asked == ["http://vendor.invalid/v1"]
    assert proxy.requests[0].head.startswith(b"POST http://vendor.invalid/v1/chat/completions ")


async def test_no_key_means_no_authorization_header(session: aiohttp.ClientSession) -> None:
    exchanges = HttpExchanges(session, CLOCK, lambda _: None, lambda _: None)
    async with (
        scripted_vendor(say_ok) as vendor,
        opened(exchanges, request_to(vendor)),
    ):
        pass

    assert vendor.requests[0].header("authorization") is None


async def test_a_key_that_is_no_header_value_is_an_error_not_a_crash(
    session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    key_file = tmp_path / "key"
    key_file.write_text("two\nlines")
    exchanges = HttpExchanges(session, CLOCK, lambda _: key_file.read_text(), lambda _: None)

    async with scripted_vendor(say_ok) as vendor:
        with pytest.raises(UpstreamError, match="malformed"):
            await exchanges.open(request_to(vendor))

    assert vendor.requests == []
