"""Internal endpoints as a service offers them, seen from raw HTTP."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec
import pytest

from service_kit.call_context import CallContext, ErrorReply
from service_kit.clock import SystemClock
from service_kit.internal_server import InternalApp
from service_kit.lifecycle import Lifecycle
from service_kit.server import ServerLimits
from service_kit.testing import WAIT_S, RawClient, raw_client, running_service, within
from wire.coordination import PROTOCOL_HEADER
from wire.deadline import DEADLINE_HEADER
from wire.endpoints import TENANT_HEADER, TOKEN_HEADER, Endpoint, StreamEndpoint
from wire.errors import ErrorInfo, NotFoundError
from wire.sse import SseEvent, SseReader

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

TOKEN = "0123456789abcdef" * 4
AUTHORISED = f"{TOKEN_HEADER}: {TOKEN}\r\n"


class Question(msgspec.Struct):
    text: str


class Word(msgspec.Struct, tag_field="type", tag="word"):
    text: str


class Done(msgspec.Struct, tag_field="type", tag="done"):
    words: int


ASK: Endpoint[Question, Word] = Endpoint(
    "ask", "POST", "/internal/v1/rooms/{room}/ask", Question, Word, idempotent=True
)
LOOK: Endpoint[None, Word] = Endpoint(
    "look", "GET", "/internal/v1/rooms/{room}", None, Word, idempotent=True
)
TELL: StreamEndpoint[Question, Word | Done] = StreamEndpoint(
    "tell", "POST", "/internal/v1/tell", Question, Word | Done, idempotent=True
)
FOLLOW: StreamEndpoint[None, Word | Done] = StreamEndpoint(
    "follow", "GET", "/internal/v1/tell", None, Word | Done, idempotent=True
)


def internal_app(heartbeat_s: float = 10) -> InternalApp:
    return InternalApp(TOKEN, Lifecycle(), heartbeat_s=heartbeat_s)


async def ask(request: Question, context: CallContext, params: dict[str, str]) -> Word:
    return Word(f"{context.tenant_id} {params['room']} {request.text}")


async def tell(
    request: Question, context: CallContext, params: dict[str, str]
) -> AsyncGenerator[Word | Done]:
    del context, params
    words = request.text.split()
    for word in words:
        yield Word(word)
    yield Done(len(words))


async def post(client: RawClient, path: str, body: bytes, headers: str = AUTHORISED) -> ErrorInfo:
    await client.request("POST", path, headers=headers, body=body)
    response = await client.response()
    info = msgspec.json.decode(response.body, type=ErrorReply).error
    assert info.status == response.status
    return info


def events_in(body: bytes) -> list[SseEvent]:
    return list(SseReader().feed(body))


# ------------------------------------------------------------------------------- one reply


async def test_a_call_reaches_its_handler_with_message_context_and_parameters() -> None:
    app = internal_app()
    app.add(ASK, ask)
    async with running_service(app) as service, raw_client(service.port()) as client:
        await client.request(
            "POST",
            "/internal/v1/rooms/7/ask",
            headers=f"{AUTHORISED}{TENANT_HEADER}: team_a\r\n",
            body=b'{"text":"hello","of_a_newer_version":1}',
        )
        response = await client.response()

    assert msgspec.json.decode(response.body, type=Word) == Word("team_a 7 hello")
    assert response.headers[PROTOCOL_HEADER] == "1"


@pytest.mark.requirement("service-kit:internal:token")
@pytest.mark.parametrize(
    "headers",
    ["", f"{TOKEN_HEADER}: wrong\r\n", f"{TOKEN_HEADER}: {TOKEN}x\r\n", f"{TOKEN_HEADER}: é\r\n"],
)
@pytest.mark.parametrize("path", ["/internal/v1/rooms/7/ask", "/internal/v1/nothing", "/"])
async def test_without_the_token_every_path_is_401(headers: str, path: str) -> None:
    app = internal_app()
    app.add(ASK, ask)
    async with running_service(app) as service, raw_client(service.port()) as client:
        info = await post(client, path, b'{"text":"x"}', headers)

    assert info.status == 401


async def test_a_handlers_error_travels_whole() -> None:
    async def refuse(request: Question, context: CallContext, params: dict[str, str]) -> Word:
        del request, context, params
        raise NotFoundError("no such room", param="room", code="room_missing")

    app = internal_app()
    app.add(ASK, refuse)
    async with running_service(app) as service, raw_client(service.port()) as client:
        info = await post(client, "/internal/v1/rooms/7/ask", b'{"text":"x"}')

    assert info == NotFoundError("no such room", param="room", code="room_missing").info()


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"{}", b'{"text":5}', b'{"text":"\xff"}'])
async def test_a_message_that_cannot_be_read_is_400(body: bytes) -> None:
    app = internal_app()
    app.add(ASK, ask)
    async with running_service(app) as service, raw_client(service.port()) as client:
        info = await post(client, "/internal/v1/rooms/7/ask", body)

    assert (info.status, info.error_type) == (400, "caller_invalid_request")


async def test_unknown_paths_and_methods_are_typed_errors_too() -> None:
    app = internal_app()
    app.add(LOOK, ask)  # pyright: ignore[reportArgumentType] - never called
    async with running_service(app) as service, raw_client(service.port()) as client:
        unknown = await post(client, "/internal/v1/nothing", b"")
        wrong_method = await post(client, "/internal/v1/rooms/7", b"")

    assert (unknown.status, wrong_method.status) == (404, 405)


async def test_the_deadline_counts_from_this_process_clock() -> None:
    seen: list[float] = []
    clock = SystemClock()

    async def handler(request: None, context: CallContext, params: dict[str, str]) -> Word:
        del request, params
        seen.append(context.deadline.left_s(now_s=clock.monotonic_s()))
        return Word("")

    app = internal_app()
    app.add(LOOK, handler)
    async with running_service(app) as service, raw_client(service.port()) as client:
        await client.request(
            "GET", "/internal/v1/rooms/7", headers=f"{AUTHORISED}{DEADLINE_HEADER}: 60000\r\n"
        )
        assert (await client.response()).status == 200

    assert 55 < seen[0] <= 60


@pytest.mark.requirement("service-kit:hang-up:seen")
async def test_a_caller_that_hangs_up_cancels_the_handler() -> None:
    began = asyncio.Event()
    cancelled = asyncio.Event()

    async def wait(request: None, context: CallContext, params: dict[str, str]) -> Word:
        del request, context, params
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        return Word("")

    app = internal_app()
    app.add(LOOK, wait)
    async with running_service(app) as service, raw_client(service.port()) as client:
        await client.request("GET", "/internal/v1/rooms/7", headers=AUTHORISED)
        await within(began)
        client.hang_up()

        await within(cancelled)


# --------------------------------------------------------------------------------- a stream


async def test_events_are_numbered_and_named_by_their_tags() -> None:
    app = internal_app()
    app.add_stream(TELL, tell)
    async with running_service(app) as service, raw_client(service.port()) as client:
        await client.request(
            "POST", "/internal/v1/tell", headers=AUTHORISED, body=b'{"text":"a b"}'
        )
        response = await client.response()

    assert response.headers["content-type"].startswith("text/event-stream")
    assert [(event.id, event.event, event.data) for event in events_in(response.body)] == [
        ("1", "word", b'{"type":"word","text":"a"}'),
        ("2", "word", b'{"type":"word","text":"b"}'),
        ("3", "done", b'{"type":"done","words":2}'),
    ]


async def test_numbering_goes_on_where_the_reader_left_off() -> None:
    async def follow(
        request: None, context: CallContext, params: dict[str, str]
    ) -> AsyncGenerator[Word | Done]:
        del request, context
        yield Word(f"after {params['after']}")

    app = internal_app()
    app.add_stream(FOLLOW, follow)
    async with running_service(app) as service, raw_client(service.port()) as client:
        await client.request("GET", "/internal/v1/tell?after=41", headers=AUTHORISED)
        response = await client.response()

    assert events_in(response.body) == [
        SseEvent(b'{"type":"word","text":"after 41"}', "word", "42")
    ]


async def test_a_position_that_is_no_number_is_400() -> None:
    app = internal_app()
    app.add_stream(TELL, tell)
    async with running_service(app) as service, raw_client(service.port()) as client:
        info = await post(client, "/internal/v1/tell?after=-1", b'{"text":""}')

    assert (info.status, info.param) == (400, "after")


async def test_an_error_before_the_first_event_is_the_http_status() -> None:
    async def refuse(
        request: Question, context: CallContext, params: dict[str, str]
    ) -> AsyncGenerator[Word | Done]:
        del context, params
        raise NotFoundError(f"no {request.text}")
        yield Word("never")

    app = internal_app()
    app.add_stream(TELL, refuse)
    async with running_service(app) as service, raw_client(service.port()) as client:
        info = await post(client, "/internal/v1/tell", b'{"text":"room"}')

    assert (info.status, info.message) == (404, "no room")


@pytest.mark.parametrize("error", [NotFoundError("gone"), ValueError("quoting a prompt")])
async def test_an_error_after_the_first_event_is_a_last_event_of_its_own(error: Exception) -> None:
    async def fail(
        request: Question, context: CallContext, params: dict[str, str]
    ) -> AsyncGenerator[Word | Done]:
        del request, context, params
        yield Word("first")
        raise error

    app = internal_app()
    app.add_stream(TELL, fail)
    async with running_service(app) as service, raw_client(service.port()) as client:
        await client.request("POST", "/internal/v1/tell", headers=AUTHORISED, body=b'{"text":""}')
        response = await client.response()

    first, last = events_in(response.body)
    assert (first.event, last.event) == ("word", "error")
    assert b"quoting a prompt" not in last.data


@pytest.mark.requirement("service-kit:hang-up:seen")
async def test_a_reader_that_hangs_up_closes_the_handlers_generator() -> None:
    closed = asyncio.Event()

    async def hang(
        request: Question, context: CallContext, params: dict[str, str]
    ) -> AsyncGenerator[Word | Done]:
        del request, context, params
        try:
            yield Word("first")
            await asyncio.Event().wait()
        finally:
            closed.set()

    app = internal_app()
    app.add_stream(TELL, hang)
    async with running_service(app) as service, raw_client(service.port()) as client:
        await client.request("POST", "/internal/v1/tell", headers=AUTHORISED, body=b'{"text":""}')
        await client.head()
        await client.chunk()
        began_s = SystemClock().monotonic_s()
        client.hang_up()

        await within(closed)
        took_s = SystemClock().monotonic_s() - began_s

    assert took_s < 0.25


@pytest.mark.requirement("service-kit:internal:heartbeat")
async def test_silence_is_filled_with_heartbeats_also_before_the_first_event() -> None:
    speak = asyncio.Event()

    async def slow(
        request: Question, context: CallContext, params: dict[str, str]
    ) -> AsyncGenerator[Word | Done]:
        del request, context, params
        await speak.wait()
        yield Done(0)

    app = internal_app(heartbeat_s=0.02)
    app.add_stream(TELL, slow)
    async with running_service(app) as service, raw_client(service.port()) as client:
        await client.request("POST", "/internal/v1/tell", headers=AUTHORISED, body=b'{"text":""}')
        await client.head()
        beats = [await client.chunk() for _ in range(3)]
        speak.set()
        rest = b""
        while chunk := await client.chunk():
            rest += chunk

    assert all(beat.startswith(b":") for beat in beats)
    assert [event.event for event in events_in(rest)] == ["done"]


async def test_a_draining_service_starts_no_stream_and_says_so() -> None:
    lifecycle = Lifecycle()
    app = InternalApp(TOKEN, lifecycle)
    app.add_stream(TELL, tell)
    async with running_service(app) as service, raw_client(service.port()) as client:
        lifecycle.draining = True

        info = await post(client, "/internal/v1/tell", b'{"text":"a"}')

    assert (info.status, info.code) == (503, "not_started")


async def test_a_drain_that_cuts_a_stream_says_so() -> None:
    async def hang(
        request: Question, context: CallContext, params: dict[str, str]
    ) -> AsyncGenerator[Word | Done]:
        del request, context, params
        yield Word("first")
        await asyncio.Event().wait()

    app = internal_app()
    app.add_stream(TELL, hang)
    limits = ServerLimits(shutdown_grace_s=0.05, cancel_grace_s=WAIT_S)
    async with running_service(app, limits=limits) as service, raw_client(service.port()) as client:
        await client.request("POST", "/internal/v1/tell", headers=AUTHORISED, body=b'{"text":""}')
        await client.head()
        await client.chunk()
        service.server.request_stop()

        (event,) = events_in(await client.chunk())

    assert event.event == "error"
    assert msgspec.json.decode(event.data, type=ErrorReply).error.code == "platform_interrupted"
