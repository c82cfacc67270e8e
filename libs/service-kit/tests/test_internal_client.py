"""Calls between services, through a real server and through servers that misbehave."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager

import aiohttp
import msgspec
import pytest

from service_kit.call_context import CallContext
from service_kit.clock import SystemClock
from service_kit.http import ASGIApp, Receive, ResponseStream, Scope, Send, send_response
from service_kit.internal_client import InternalClient, new_session
from service_kit.internal_server import InternalApp
from service_kit.lifecycle import Lifecycle
from service_kit.testing import WAIT_S, running_service, within
from wire.deadline import Deadline
from wire.endpoints import Endpoint, StreamEndpoint
from wire.errors import (
    DeadlineExceededError,
    NotFoundError,
    RemoteError,
    ServiceUnavailableError,
)
from wire.sse import comment_frame, named_frame

TOKEN = "0123456789abcdef" * 4
CLOCK = SystemClock()


class Question(msgspec.Struct):
    text: str


class Word(msgspec.Struct, tag_field="type", tag="word"):
    text: str


class Done(msgspec.Struct, tag_field="type", tag="done"):
    words: int


ASK: Endpoint[Question, Word] = Endpoint(
    "ask", "POST", "/rooms/{room}/ask", Question, Word, idempotent=True
)
LOOK: Endpoint[None, Word] = Endpoint(
    "look", "GET", "/rooms/{room}", None, Word, idempotent=True, query=("lit",)
)
FOLLOW: StreamEndpoint[None, Word | Done] = StreamEndpoint(
    "follow", "GET", "/tell", None, Word | Done, idempotent=True, query=("after",)
)
BUY: Endpoint[Question, Word] = Endpoint("buy", "POST", "/buy", Question, Word, idempotent=False)
TELL: StreamEndpoint[Question, Word | Done] = StreamEndpoint(
    "tell", "POST", "/tell", Question, Word | Done, idempotent=True
)


def context(left_s: float = 30, tenant_id: str = "team_a") -> CallContext:
    return CallContext(tenant_id, "req_1", Deadline.after(left_s, now_s=CLOCK.monotonic_s()))


@asynccontextmanager
async def client_of(*urls: str, token: str = TOKEN) -> AsyncGenerator[InternalClient]:
    async with new_session(trust_env=False) as session:
        yield InternalClient(list(urls), token, session, CLOCK)


async def ask(request: Question, call: CallContext, params: dict[str, str]) -> Word:
    return Word(f"{call.tenant_id}/{call.request_id}/{params['room']}/{request.text}")


async def tell(
    request: Question, call: CallContext, params: dict[str, str]
) -> AsyncGenerator[Word | Done]:
    del call, params
    for word in request.text.split():
        yield Word(word)
    yield Done(len(request.text.split()))


def honest_app() -> InternalApp:
    app = InternalApp(TOKEN, Lifecycle())
    app.add(ASK, ask)
    app.add_stream(TELL, tell)
    return app


async def told(client: InternalClient, text: str = "a b") -> list[Word | Done]:
    async with aclosing(client.stream(TELL, Question(text), context())) as events:
        return [event async for event in events]


def free_port_url() -> str:
    return "http://127.0.0.1:1"  # tcpmux: nobody listens


# ------------------------------------------------------------------------------------- calls


@pytest.mark.requirement("service-kit:internal:one-descriptor")
async def test_a_call_and_its_context_arrive_and_the_reply_comes_back_typed() -> None:
    async with running_service(honest_app()) as service, client_of(service.url()) as client:
        reply = await client.call(ASK, Question("why"), context(), room="7")

    assert reply == Word("team_a/req_1/7/why")


@pytest.mark.requirement("service-kit:internal:one-descriptor")
async def test_a_message_of_megabytes_arrives_whole() -> None:
    text = "a long conversation " * 200_000
    async with running_service(honest_app()) as service, client_of(service.url()) as client:
        reply = await client.call(ASK, Question(text), context(), room="7")

    assert reply == Word(f"team_a/req_1/7/{text}")


async def test_a_stream_comes_back_typed_and_in_order() -> None:
    async with running_service(honest_app()) as service, client_of(service.url()) as client:
        assert await told(client) == [Word("a"), Word("b"), Done(2)]


async def test_a_wrong_token_is_a_typed_error() -> None:
    async with (
        running_service(honest_app()) as service,
        client_of(service.url(), token="x" * 64) as client,
    ):
        with pytest.raises(RemoteError) as caught:
            await client.call(ASK, Question("why"), context(), room="7")

    assert caught.value.status == 401


async def test_a_typed_error_arrives_whole_before_and_after_the_first_event() -> None:
    async def fail(
        request: Question, call: CallContext, params: dict[str, str]
    ) -> AsyncGenerator[Word | Done]:
        del call, params
        if request.text == "late":
            yield Word("first")
        raise NotFoundError("gone", code="lost")

    app = InternalApp(TOKEN, Lifecycle())
    app.add_stream(TELL, fail)
    infos: list[object] = []
    async with running_service(app) as service, client_of(service.url()) as client:
        for text in ("early", "late"):
            with pytest.raises(RemoteError) as caught:
                await told(client, text)
            infos.append(caught.value.info())

    assert infos == [NotFoundError("gone", code="lost").info()] * 2


@pytest.mark.requirement("service-kit:hang-up:seen")
async def test_closing_a_stream_hangs_up_on_the_service() -> None:
    closed = asyncio.Event()

    async def hang(
        request: Question, call: CallContext, params: dict[str, str]
    ) -> AsyncGenerator[Word | Done]:
        del request, call, params
        try:
            yield Word("first")
            await asyncio.Event().wait()
        finally:
            closed.set()

    app = InternalApp(TOKEN, Lifecycle())
    app.add_stream(TELL, hang)
    async with running_service(app) as service, client_of(service.url()) as client:
        async with aclosing(client.stream(TELL, Question(""), context())) as events:
            assert await anext(events) == Word("first")

        await within(closed)


@pytest.mark.requirement("service-kit:internal:deadline")
async def test_the_deadline_ends_a_call_and_a_stream() -> None:
    async def hang(request: Question, call: CallContext, params: dict[str, str]) -> Word:
        del request, call, params
        await asyncio.Event().wait()
        return Word("")

    async def hang_late(
        request: Question, call: CallContext, params: dict[str, str]
    ) -> AsyncGenerator[Word | Done]:
        del request, call, params
        yield Word("first")
        await asyncio.Event().wait()

    app = InternalApp(TOKEN, Lifecycle())
    app.add(ASK, hang)
    app.add_stream(TELL, hang_late)
    async with running_service(app) as service, client_of(service.url()) as client:
        with pytest.raises(DeadlineExceededError):
            await client.call(ASK, Question(""), context(left_s=0.05), room="7")
        async with aclosing(client.stream(TELL, Question(""), context(left_s=0.2))) as events:
            assert await anext(events) == Word("first")
            with pytest.raises(DeadlineExceededError):
                await anext(events)


async def test_ids_and_queries_survive_the_journey() -> None:
    async def look(request: None, call: CallContext, params: dict[str, str]) -> Word:
        del request, call
        return Word(f"{params['room']} {params.get('lit')} {params.get('undeclared')}")

    app = InternalApp(TOKEN, Lifecycle())
    app.add(LOOK, look)
    async with running_service(app) as service, client_of(service.url()) as client:
        plain = await client.call(LOOK, None, context(), room="a b:ü%")
        lit = await client.call(LOOK, None, context(), room="7", lit="yes&no", undeclared="1")

    assert (plain, lit) == (Word("a b:ü% None None"), Word("7 yes&no None"))


async def test_a_stream_can_be_taken_up_again_after_an_event() -> None:
    async def follow(
        request: None, call: CallContext, params: dict[str, str]
    ) -> AsyncGenerator[Word | Done]:
        del request, call
        yield Word(params.get("after", "start"))

    app = InternalApp(TOKEN, Lifecycle())
    app.add_stream(FOLLOW, follow)
    seen: list[Word | Done] = []
    async with running_service(app) as service, client_of(service.url()) as client:
        for after in (None, 0, 41):
            async with aclosing(client.stream(FOLLOW, None, context(), after=after)) as events:
                seen += [event async for event in events]

    assert seen == [Word("start"), Word("0"), Word("41")]


# ------------------------------------------------------------------- replicas and broken peers


async def test_an_unreachable_service_is_unavailable_and_its_address_stays_inside() -> None:
    async with client_of(free_port_url()) as client:
        with pytest.raises(ServiceUnavailableError) as caught:
            await client.call(ASK, Question("why"), context(), room="7")

    assert "127.0.0.1" not in str(caught.value)


@pytest.mark.requirement("service-kit:internal:retry")
async def test_a_dead_replica_costs_one_attempt_also_for_what_must_not_be_repeated() -> None:
    app = InternalApp(TOKEN, Lifecycle())

    async def buy(request: Question, call: CallContext, params: dict[str, str]) -> Word:
        del call, params
        return Word(request.text)

    app.add(BUY, buy)
    async with running_service(app) as service, client_of(free_port_url(), service.url()) as client:
        replies = [await client.call(BUY, Question("x"), context()) for _ in range(10)]

    assert replies == [Word("x")] * 10


def refusing(code: str, calls: list[str]) -> ASGIApp:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
        calls.append(code)
        body = {
            "error": {
                "status": 503, "type": "t", "message": "m", "error_type": "platform_unavailable",
                "code": code,
            }
        }  # fmt: skip
        await send_response(send, 503, msgspec.json.encode(body))

    return app


@pytest.mark.requirement("service-kit:internal:retry")
async def test_a_draining_replica_that_did_not_start_is_left_for_another() -> None:
    calls: list[str] = []
    async with (
        running_service(refusing("not_started", calls)) as draining,
        running_service(honest_app()) as healthy,
        client_of(draining.url(), healthy.url()) as client,
    ):
        for _ in range(10):
            assert await told(client) == [Word("a"), Word("b"), Done(2)]

    assert len(calls) >= 1


@pytest.mark.requirement("service-kit:internal:retry")
async def test_another_error_is_not_tried_elsewhere() -> None:
    calls: list[str] = []
    async with (
        running_service(refusing("busy", calls)) as one,
        running_service(refusing("busy", calls)) as two,
        client_of(one.url(), two.url()) as client,
    ):
        with pytest.raises(RemoteError):
            await told(client)

    assert calls == ["busy"]


Connection = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def tcp_server(serve: Connection) -> AsyncGenerator[str]:
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


@pytest.mark.requirement("service-kit:internal:retry")
@pytest.mark.parametrize(("endpoint", "attempts"), [(ASK, 2), (BUY, 1)])
async def test_a_connection_lost_before_any_answer_is_retried_only_if_idempotent(
    endpoint: Endpoint[Question, Word], attempts: int
) -> None:
    requests = 0

    async def drop(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal requests
        await reader.readuntil(b"\r\n\r\n")
        requests += 1
        writer.close()

    async with tcp_server(drop) as url, client_of(url) as client:
        with pytest.raises(ServiceUnavailableError):
            await client.call(endpoint, Question("x"), context(), room="7")

    assert requests == attempts


async def test_a_stream_that_breaks_ends_and_leaves_the_verdict_to_the_caller() -> None:
    async def break_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        frame = named_frame("word", b'{"type":"word","text":"a"}', 1)
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        writer.write(b"%x\r\n%s\r\n" % (len(frame), frame))
        await writer.drain()
        writer.close()

    async with tcp_server(break_off) as url, client_of(url) as client:
        assert await told(client) == [Word("a")]


async def test_an_answer_that_is_not_ours_is_unavailable() -> None:
    async def page(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
        await send_response(send, 502, b"<html>bad gateway</html>", content_type=b"text/html")

    async with running_service(page) as service, client_of(service.url()) as client:
        with pytest.raises(ServiceUnavailableError):
            await client.call(ASK, Question("why"), context(), room="7")


@pytest.mark.requirement("service-kit:internal:newer-events")
async def test_heartbeats_and_events_of_a_newer_version_are_passed_over() -> None:
    async def newer(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
        stream = ResponseStream(send)
        await stream.start()
        await stream.write(comment_frame("alive"))
        await stream.write(named_frame("mood", b'{"type":"mood","value":1}', 1))
        await stream.write(named_frame("word", b'{"type":"word","text":"a","tone":2}', 2))
        await stream.close(named_frame("done", b'{"type":"done","words":1}', 3))

    async with running_service(newer) as service, client_of(service.url()) as client:
        assert await told(client) == [Word("a"), Done(1)]


async def test_calls_in_flight_decide_between_replicas() -> None:
    release = asyncio.Event()
    counts = {"one": 0, "two": 0}

    def counting(name: str) -> InternalApp:
        async def handler(request: Question, call: CallContext, params: dict[str, str]) -> Word:
            del request, call, params
            counts[name] += 1
            if sum(counts.values()) == 10:
                release.set()
            await release.wait()
            return Word(name)

        app = InternalApp(TOKEN, Lifecycle())
        app.add(ASK, handler)
        return app

    async with (
        running_service(counting("one")) as one,
        running_service(counting("two")) as two,
        client_of(one.url(), two.url()) as client,
        asyncio.timeout(WAIT_S),
    ):
        calls = [client.call(ASK, Question(""), context(), room="7") for _ in range(10)]
        await asyncio.gather(*calls)

    assert counts == {"one": 5, "two": 5}


async def test_a_client_without_addresses_cannot_be_made() -> None:
    async with new_session() as session:
        with pytest.raises(ValueError, match="at least one"):
            InternalClient([], TOKEN, session, CLOCK)


async def test_the_session_has_no_pool_limit_no_cookies_and_leaves_bytes_alone() -> None:
    async with new_session() as session:
        assert isinstance(session.connector, aiohttp.TCPConnector)
        assert session.connector.limit == 0
        assert session.auto_decompress is False
        assert session.trust_env
        assert isinstance(session.cookie_jar, aiohttp.DummyCookieJar)
        assert session.timeout.total is None
