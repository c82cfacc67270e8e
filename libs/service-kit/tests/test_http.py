"""Raw ASGI: bodies, routes, answers, and hang-ups seen through real sockets."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING

import pytest

from service_kit.http import (
    RESPONSE_COMPLETE,
    ASGIApp,
    ClientDisconnectedError,
    Dispatcher,
    Match,
    Message,
    MethodNotAllowed,
    NotFound,
    Receive,
    ResponseStream,
    RouteTable,
    Scope,
    Send,
    cancel_on_disconnect,
    header,
    read_body,
    retry_headers,
    send_error,
    send_response,
)
from service_kit.testing import WAIT_S, raw_client, running_service, until
from wire.errors import (
    QuotaExhaustedError,
    RateLimitedError,
    RequestTimeoutError,
    RequestTooLargeError,
)

if TYPE_CHECKING:
    from collections.abc import Iterable


def scope_of(method: str = "POST", path: str = "/", **headers: str) -> Scope:
    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return {"type": "http", "method": method, "path": path, "headers": pairs}


def received(*bodies: bytes, end: bool = True) -> Receive:
    """A client that sends these pieces, and then hangs up unless it had finished."""
    messages: list[Message] = [
        {"type": "http.request", "body": body, "more_body": True} for body in bodies
    ]
    if end:
        messages[-1]["more_body"] = False
    queue = iter(messages)

    async def receive() -> Message:
        return next(queue, {"type": "http.disconnect"})

    return receive


class Recorder:
    def __init__(self) -> None:
        self.messages: list[Message] = []

    async def __call__(self, message: Message) -> None:
        self.messages.append(message)

    @property
    def status(self) -> int:
        return self.messages[0]["status"]

    @property
    def headers(self) -> dict[str, str]:
        pairs: Iterable[tuple[bytes, bytes]] = self.messages[0]["headers"]
        return {name.decode(): value.decode() for name, value in pairs}

    @property
    def body(self) -> bytes:
        return b"".join(message["body"] for message in self.messages[1:])


# --------------------------------------------------------------------------------------- body


async def test_a_body_in_pieces_is_put_together() -> None:
    body = await read_body(scope_of(), received(b"a", b"b", b"c"), max_bytes=3, timeout_s=1)

    assert body == b"abc"


async def test_a_body_that_says_it_is_too_long_is_refused_unread() -> None:
    async def receive() -> Message:
        pytest.fail("nothing should be read")

    with pytest.raises(RequestTooLargeError):
        await read_body(scope_of(content_length="11"), receive, max_bytes=10, timeout_s=1)


async def test_a_body_that_grows_too_long_is_refused() -> None:
    with pytest.raises(RequestTooLargeError):
        await read_body(scope_of(), received(b"12345", b"67890", b"1"), max_bytes=10, timeout_s=1)


async def test_a_body_that_does_not_come_in_time_is_refused() -> None:
    async def receive() -> Message:
        return await asyncio.get_running_loop().create_future()

    with pytest.raises(RequestTimeoutError):
        await read_body(scope_of(), receive, max_bytes=10, timeout_s=0.01)


async def test_a_client_that_leaves_in_its_body_is_gone() -> None:
    with pytest.raises(ClientDisconnectedError):
        await read_body(scope_of(), received(b"a", end=False), max_bytes=10, timeout_s=1)


def test_a_header_is_found_by_its_lower_case_name() -> None:
    scope = scope_of(accept="text/html")

    assert header(scope, b"accept") == "text/html"
    assert header(scope, b"authorization") is None


# ------------------------------------------------------------------------------------ hang-up


@pytest.mark.requirement("service-kit:hang-up:seen")
async def test_a_handler_waiting_for_something_else_is_cancelled_within_milliseconds() -> None:
    waiting = asyncio.Event()
    ended_at_s = asyncio.get_running_loop().create_future()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await read_body(scope, receive, max_bytes=100, timeout_s=WAIT_S)
        try:
            async with cancel_on_disconnect(receive):
                waiting.set()
                await asyncio.Event().wait()
        finally:
            ended_at_s.set_result(time.monotonic())
        await send_response(send, 200, b"")

    delays_s: list[float] = []
    async with running_service(app) as service:
        for _ in range(5):
            waiting.clear()
            ended_at_s = asyncio.get_running_loop().create_future()
            async with raw_client(service.port()) as client, asyncio.timeout(WAIT_S):
                await client.request("POST", "/", body=b"hi")
                await waiting.wait()
                left_at_s = time.monotonic()
                client.hang_up()
                delays_s.append(await ended_at_s - left_at_s)

    assert sorted(delays_s)[2] < 0.05


@pytest.mark.requirement("service-kit:hang-up:seen")
async def test_the_body_is_cancelled_and_the_context_tells_why() -> None:
    cancelled = False

    async def handler() -> None:
        nonlocal cancelled
        async with cancel_on_disconnect(received(b"rest")):
            try:
                await asyncio.sleep(WAIT_S)
            except asyncio.CancelledError:
                cancelled = True
                raise

    with pytest.raises(ClientDisconnectedError):
        await handler()

    assert cancelled


async def test_a_body_that_ends_first_leaves_no_watcher_behind() -> None:
    async def receive() -> Message:
        return await asyncio.get_running_loop().create_future()

    before = asyncio.all_tasks()
    async with cancel_on_disconnect(receive):
        assert len(asyncio.all_tasks()) == len(before) + 1

    assert asyncio.all_tasks() == before


async def test_what_the_body_raises_comes_out_as_it_is() -> None:
    async def receive() -> Message:
        return await asyncio.get_running_loop().create_future()

    with pytest.raises(RateLimitedError):
        async with cancel_on_disconnect(receive):
            raise RateLimitedError("no")


@pytest.mark.requirement("service-kit:hang-up:foreign-cancellation")
@pytest.mark.parametrize("also_gone", [False, True])
async def test_somebody_elses_cancellation_is_never_swallowed(also_gone: bool) -> None:  # noqa: FBT001
    entered = asyncio.Event()
    gone = asyncio.Event()

    async def receive() -> Message:
        await gone.wait()
        return {"type": "http.disconnect"}

    async def handler() -> None:
        async with cancel_on_disconnect(receive):
            entered.set()
            await asyncio.sleep(WAIT_S)

    async with asyncio.TaskGroup() as group:
        task = group.create_task(handler())
        await entered.wait()
        if also_gone:
            gone.set()
        task.cancel()

    assert task.cancelled()


async def test_a_deadline_inside_works_as_without_the_watcher() -> None:
    async def receive() -> Message:
        return await asyncio.get_running_loop().create_future()

    with pytest.raises(TimeoutError):
        async with cancel_on_disconnect(receive), asyncio.timeout(0.01):
            await asyncio.sleep(WAIT_S)


async def test_the_end_of_the_response_is_not_a_hang_up() -> None:
    async def receive() -> Message:
        return {"type": "http.disconnect", RESPONSE_COMPLETE: True}

    async with cancel_on_disconnect(receive):
        await asyncio.sleep(0.01)
        finished = True

    assert finished


async def test_work_after_the_last_byte_is_not_cancelled() -> None:
    done = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await read_body(scope, receive, max_bytes=100, timeout_s=WAIT_S)
        async with cancel_on_disconnect(receive):
            await send_response(send, 200, b"answer")
            await asyncio.sleep(0.02)
            done.set()

    async with running_service(app) as service, raw_client(service.port()) as client:
        await client.request("GET", "/")
        assert (await client.response()).body == b"answer"
        client.hang_up()

        async with asyncio.timeout(WAIT_S):
            await done.wait()


async def test_a_companion_ends_with_the_body() -> None:
    async def receive() -> Message:
        return await asyncio.get_running_loop().create_future()

    beats = 0

    async def heartbeat() -> None:
        nonlocal beats
        while True:
            beats += 1
            await asyncio.sleep(0)

    before = asyncio.all_tasks()
    async with cancel_on_disconnect(receive, heartbeat()):
        await until(lambda: beats >= 3)

    assert asyncio.all_tasks() == before


# ----------------------------------------------------------------------------------- response


@pytest.mark.parametrize(
    ("retry_after_s", "whole_seconds", "milliseconds"),
    [(0.2, "1", "200"), (1.0, "1", "1000"), (1.5, "2", "1500"), (0.0, "1", "1")],
)
async def test_a_delay_is_said_to_everybody_and_to_openais_sdks(
    retry_after_s: float, whole_seconds: str, milliseconds: str
) -> None:
    send = Recorder()

    await send_error(send, RateLimitedError("slow down", retry_after_s=retry_after_s).info())

    assert send.status == 429
    assert send.headers["retry-after"] == whole_seconds
    assert send.headers["retry-after-ms"] == milliseconds
    assert "x-should-retry" not in send.headers


async def test_an_exhausted_quota_forbids_a_retry_and_names_no_delay() -> None:
    headers = dict(retry_headers(QuotaExhaustedError("spent").info()))

    assert headers == {b"x-should-retry": b"false"}


async def test_a_given_request_id_is_not_replaced() -> None:
    send = Recorder()

    await send_error(send, RateLimitedError("no").info(), headers=[(b"x-request-id", b"req_mine")])

    assert send.headers["x-request-id"] == "req_mine"


async def test_the_error_body_is_openais_envelope() -> None:
    send = Recorder()

    await send_error(send, RateLimitedError("no").info())

    assert json.loads(send.body) == {
        "error": {
            "message": "no", "type": "requests", "param": None, "code": "rate_limit_exceeded",
        }
    }  # fmt: skip
    assert send.headers["content-length"] == str(len(send.body))


async def test_a_stream_starts_once_and_closes_once() -> None:
    send = Recorder()
    stream = ResponseStream(send)

    await stream.start([(b"x-mine", b"1")])
    await stream.start()
    await stream.write(b"a")
    await stream.close(b"z")
    await stream.close()

    assert [message["type"] for message in send.messages].count("http.response.start") == 1
    assert send.body == b"az"
    assert send.messages[-1]["more_body"] is False
    assert send.headers["content-type"].startswith("text/event-stream")
    assert send.headers["x-accel-buffering"] == "no"
    assert send.headers["x-mine"] == "1"


# ------------------------------------------------------------------------------------- routes


@pytest.fixture
def routes() -> RouteTable[str]:
    table: RouteTable[str] = RouteTable()
    table.add("GET", "/v1/models", "list")
    table.add("GET", "/v1/models/{model:path}", "one")
    table.add("POST", "/v1/chat/completions", "chat")
    table.add("GET", "/v1/runs/{id}", "run")
    table.add("DELETE", "/v1/runs/{id}", "delete")
    table.add("POST", "/v1/runs/{id}/cancel", "cancel")
    return table


@pytest.mark.parametrize(
    ("path", "handler", "params"),
    [
        ("/v1/models", "list", {}),
        ("/v1/models/", "list", {}),
        ("//v1//models", "list", {}),
        ("/v1/models/sim", "one", {"model": "sim"}),
        ("/v1/models/meta/llama:70b", "one", {"model": "meta/llama:70b"}),
        ("/v1/models/a//b", "one", {"model": "a//b"}),
        ("/v1/runs/run_1", "run", {"id": "run_1"}),
        ("/v1/runs/run_1/", "run", {"id": "run_1"}),
    ],
)
def test_a_path_finds_its_handler(
    routes: RouteTable[str], path: str, handler: str, params: dict[str, str]
) -> None:
    assert routes.match("GET", path) == Match(handler, params)


@pytest.mark.parametrize("path", ["/", "", "/v1", "/v1/runs/a/b", "/v1/modelsx", "/v2/models"])
def test_an_unknown_path_is_not_found(routes: RouteTable[str], path: str) -> None:
    assert routes.match("GET", path) == NotFound()


def test_a_known_path_with_another_method_says_which_are_allowed(routes: RouteTable[str]) -> None:
    assert routes.match("PUT", "/v1/runs/x") == MethodNotAllowed(("DELETE", "GET"))


def test_head_is_served_where_get_is(routes: RouteTable[str]) -> None:
    assert isinstance(routes.match("HEAD", "/v1/models"), Match)
    assert isinstance(routes.match("HEAD", "/v1/chat/completions"), MethodNotAllowed)


def test_the_routes_can_be_enumerated(routes: RouteTable[str]) -> None:
    assert len(routes.paths()) == 6
    assert ("POST", "/v1/chat/completions") in routes.paths()
    assert sorted(method for method, _ in routes.handlers()) == sorted(
        method for method, _ in routes.paths()
    )


def named(name: str) -> ASGIApp:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
        params = scope.get("path_params", {})
        await send_response(send, 200, f"{name} {params}".encode())

    return app


async def test_the_dispatcher_gives_a_route_its_parameters() -> None:
    table: RouteTable[ASGIApp] = RouteTable()
    table.add("GET", "/v1/models/{model:path}", named("raw"))
    send = Recorder()

    await Dispatcher(table)(scope_of("GET", "/v1/models/a/b"), received(b""), send)

    assert send.body == b"raw {'model': 'a/b'}"


async def test_what_no_route_matches_goes_to_the_framework_behind() -> None:
    send = Recorder()

    await Dispatcher(RouteTable(), named("framework"))(
        scope_of("GET", "/admin"), received(b""), send
    )

    assert send.body == b"framework {}"


async def test_without_a_framework_an_unknown_route_is_openais_404() -> None:
    send = Recorder()

    await Dispatcher(RouteTable())(scope_of("POST", "/v1/x"), received(b""), send)

    assert send.status == 404
    assert json.loads(send.body)["error"]["message"] == "Invalid URL (POST /v1/x)"


async def test_a_wrong_method_is_405_and_names_the_right_ones() -> None:
    table: RouteTable[ASGIApp] = RouteTable()
    table.add("POST", "/v1/chat/completions", named("chat"))
    send = Recorder()

    await Dispatcher(table)(scope_of("GET", "/v1/chat/completions"), received(b""), send)

    assert send.status == 405
    assert send.headers["allow"] == "POST"
