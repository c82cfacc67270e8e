"""The bounds of the HTTP protocol, seen from a raw socket."""

from __future__ import annotations

import asyncio
import json
import random
from contextlib import suppress
from itertools import pairwise

import pytest

from service_kit.http import (
    ClientDisconnectedError,
    Receive,
    ResponseStream,
    Scope,
    Send,
    cancel_on_disconnect,
    header,
    read_body,
    send_response,
)
from service_kit.server import ServerLimits
from service_kit.testing import WAIT_S, raw_client, running_service, within

QUICK = ServerLimits(request_timeout_s=0.2, linger_s=1.0, shutdown_grace_s=0.5, cancel_grace_s=0.5)
MEGABYTE = 1024 * 1024


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    body = await read_body(scope, receive, max_bytes=MEGABYTE, timeout_s=WAIT_S)
    await send_response(send, 200, body or scope["path"].encode())


class Hanging:
    """Answers nothing until released, and tells when it began and how it ended."""

    def __init__(self) -> None:
        self.began = asyncio.Event()
        self.release = asyncio.Event()
        self.disconnected = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await read_body(scope, receive, max_bytes=MEGABYTE, timeout_s=WAIT_S)
        self.began.set()
        try:
            async with cancel_on_disconnect(receive):
                await self.release.wait()
        except ClientDisconnectedError:
            self.disconnected.set()
            raise
        await send_response(send, 200, scope["path"].encode())


# ------------------------------------------------------------------------------ header bytes

MANY_HEADERS = b"GET / HTTP/1.1\r\n" + b"".join(
    b"x-%d: %s\r\n" % (number, b"y" * 1000) for number in range(20_000)
)
BOMBS = {
    "one header of 20 MB": b"GET / HTTP/1.1\r\nx: " + b"y" * 20 * MEGABYTE,
    "20 MB of headers": MANY_HEADERS,
    "a path of 20 MB": b"GET /" + b"y" * 20 * MEGABYTE,
    "a header name of 20 MB": b"GET / HTTP/1.1\r\n" + b"y" * 20 * MEGABYTE,
}


@pytest.mark.requirement("service-kit:http:bounded-headers")
@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
async def test_a_header_bomb_gets_431_and_the_answer_survives_the_rest_of_it(bomb: bytes) -> None:
    async with running_service(echo, limits=QUICK) as service, raw_client(service.port()) as client:
        with suppress(ConnectionError):
            await client.send(bomb)

        response = await client.response()

    assert response.status == 431
    assert json.loads(response.body)["error"]["code"] == "headers_too_large"
    assert response.headers["connection"] == "close"
    assert response.headers["x-request-id"].startswith("req_")


@pytest.mark.requirement("service-kit:http:bounded-headers")
async def test_headers_below_the_limit_are_taken() -> None:
    async with running_service(echo) as service, raw_client(service.port()) as client:
        await client.request("GET", "/ok", headers=f"x: {'y' * 60_000}\r\n")

        assert (await client.response()).status == 200


async def test_complete_headers_above_the_limit_get_431() -> None:
    limits = ServerLimits(max_header_bytes=2048)
    async with (
        running_service(echo, limits=limits) as service,
        raw_client(service.port()) as client,
    ):
        await client.request("GET", "/", headers=f"x: {'y' * 3000}\r\n")

        assert (await client.response()).status == 431


async def test_many_requests_on_one_connection_do_not_add_up_to_431() -> None:
    limits = ServerLimits(max_header_bytes=2048)
    async with (
        running_service(echo, limits=limits) as service,
        raw_client(service.port()) as client,
    ):
        statuses: list[int] = []
        for _ in range(10):
            await client.request("POST", "/", headers=f"x: {'y' * 1000}\r\n", body=b"z" * 5000)
            statuses.append((await client.response()).status)

    assert statuses == [200] * 10


async def test_trailers_do_not_change_the_headers_the_application_has() -> None:
    seen: list[str | None] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await read_body(scope, receive, max_bytes=MEGABYTE, timeout_s=WAIT_S)
        seen.append(header(scope, b"x-late"))
        await send_response(send, 200, b"")

    async with running_service(app) as service, raw_client(service.port()) as client:
        await client.send(b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n")
        await client.send(b"2\r\nhi\r\n0\r\nx-late: yes\r\n\r\n")

        assert (await client.response()).status == 200
    assert seen == [None]


async def test_a_trailer_bomb_is_refused() -> None:
    async with running_service(echo, limits=QUICK) as service, raw_client(service.port()) as client:
        await client.send(b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n")
        with suppress(ConnectionError):
            await client.send(b"x-late: " + b"y" * 5 * MEGABYTE)

        assert (await client.response()).status == 431


# ------------------------------------------------------------------------------- slow requests


@pytest.mark.requirement("service-kit:http:slow-requests")
@pytest.mark.parametrize("start", [b"G", b"GET / HTTP/1.1\r\nx: y", b"\r\n"])
async def test_headers_that_do_not_end_get_408(start: bytes) -> None:
    async with running_service(echo, limits=QUICK) as service, raw_client(service.port()) as client:
        await client.send(start)

        response = await client.response()

    assert response.status == 408
    assert json.loads(response.body)["error"]["type"] == "invalid_request_error"


@pytest.mark.requirement("service-kit:http:slow-requests")
async def test_trickled_headers_get_408_although_bytes_keep_coming() -> None:
    async with running_service(echo, limits=QUICK) as service, raw_client(service.port()) as client:

        async def trickle() -> None:
            await client.send(b"GET / HTTP/1.1\r\n")
            with suppress(ConnectionError):
                while True:
                    await client.send(b"x: y\r\n")
                    await asyncio.sleep(0.02)

        async with asyncio.TaskGroup() as group:
            trickling = group.create_task(trickle())
            response = await client.response()
            trickling.cancel()

    assert response.status == 408


@pytest.mark.requirement("service-kit:http:slow-requests")
async def test_a_body_that_stalls_gets_408_and_its_handler_is_told() -> None:
    ended = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await echo(scope, receive, send)
        except ClientDisconnectedError:
            ended.set()

    async with running_service(app, limits=QUICK) as service, raw_client(service.port()) as client:
        await client.send(b"POST / HTTP/1.1\r\ncontent-length: 100\r\n\r\nabc")

        assert (await client.response()).status == 408
        await within(ended)


@pytest.mark.requirement("service-kit:http:slow-requests")
async def test_a_trickled_body_gets_408_although_bytes_keep_coming() -> None:
    async with running_service(echo, limits=QUICK) as service, raw_client(service.port()) as client:

        async def trickle() -> None:
            await client.send(b"POST / HTTP/1.1\r\ncontent-length: 100000\r\n\r\n")
            with suppress(ConnectionError):
                while True:
                    await client.send(b"z")
                    await asyncio.sleep(0.02)

        async with asyncio.TaskGroup() as group:
            trickling = group.create_task(trickle())
            response = await client.response()
            trickling.cancel()

    assert response.status == 408


@pytest.mark.slow
@pytest.mark.requirement("service-kit:http:slow-requests")
async def test_a_slow_answer_is_not_a_slow_request() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        body = await read_body(scope, receive, max_bytes=MEGABYTE, timeout_s=WAIT_S)
        await asyncio.sleep(3 * QUICK.request_timeout_s)
        stream = ResponseStream(send)
        await stream.start()
        await asyncio.sleep(3 * QUICK.request_timeout_s)
        await stream.close(body)

    async with running_service(app, limits=QUICK) as service, raw_client(service.port()) as client:
        await client.request("POST", "/", body=b"patient")

        assert (await client.response()).body == b"patient"


async def test_an_application_that_does_not_read_is_not_the_clients_fault() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(3 * QUICK.request_timeout_s)
        await echo(scope, receive, send)

    async with running_service(app, limits=QUICK) as service, raw_client(service.port()) as client:
        await client.request("POST", "/", body=b"z" * MEGABYTE)

        assert len((await client.response()).body) == MEGABYTE


async def test_a_client_waiting_for_100_continue_is_not_slow() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(3 * QUICK.request_timeout_s)
        await echo(scope, receive, send)

    async with running_service(app, limits=QUICK) as service, raw_client(service.port()) as client:
        await client.request("POST", "/", headers="content-length: 2\r\nexpect: 100-continue\r\n")
        assert (await client.head()).status == 100

        await client.send(b"ok")

        assert (await client.response()).body == b"ok"


@pytest.mark.slow
async def test_a_silent_connection_is_closed_after_the_keep_alive_time() -> None:
    limits = ServerLimits(keep_alive_s=1)
    async with running_service(echo, limits=limits) as service:
        async with raw_client(service.port()) as never_spoke:
            assert await never_spoke.closed() == b""
        async with raw_client(service.port()) as spoke_once:
            await spoke_once.request("GET", "/")
            await spoke_once.response()

            assert await spoke_once.closed() == b""


# ---------------------------------------------------------------------- keep-alive, pipelines


@pytest.mark.requirement("service-kit:http:keep-alive")
async def test_one_connection_serves_many_requests() -> None:
    async with running_service(echo) as service, raw_client(service.port()) as client:
        bodies: list[bytes] = []
        for number in range(5):
            await client.request("GET", f"/{number}")
            bodies.append((await client.response()).body)

    assert bodies == [b"/0", b"/1", b"/2", b"/3", b"/4"]


@pytest.mark.requirement("service-kit:http:keep-alive")
async def test_pipelined_requests_are_answered_in_order() -> None:
    async with running_service(echo, limits=QUICK) as service, raw_client(service.port()) as client:
        await client.send(
            b"".join(b"POST /%d HTTP/1.1\r\ncontent-length: 1\r\n\r\n%d" % (n, n) for n in range(8))
        )

        bodies = [(await client.response()).body for _ in range(8)]

    assert bodies == [b"%d" % number for number in range(8)]


async def test_a_flood_of_pipelined_requests_is_served_in_part_and_then_closed() -> None:
    hanging = Hanging()
    async with running_service(hanging) as service, raw_client(service.port()) as client:
        await client.send(b"GET / HTTP/1.1\r\n\r\n" * 1000)
        await within(hanging.began)
        hanging.release.set()

        answers = (await client.closed()).count(b"HTTP/1.1 200")

    assert 1 <= answers <= 20


@pytest.mark.requirement("service-kit:hang-up:seen")
@pytest.mark.parametrize("pipelined", [b"", b"GET /2 HTTP/1.1\r\n\r\n" * 3, b"POST /2 HTTP"])
async def test_a_hang_up_is_seen_by_the_request_being_answered(pipelined: bytes) -> None:
    hanging = Hanging()
    async with running_service(hanging) as service, raw_client(service.port()) as client:
        await client.send(b"GET /1 HTTP/1.1\r\n\r\n" + pipelined)
        await within(hanging.began)

        client.hang_up()

        await within(hanging.disconnected)


async def test_what_is_not_http_gets_400_in_the_envelope() -> None:
    async with running_service(echo, limits=QUICK) as service, raw_client(service.port()) as client:
        await client.send(b"\x16\x03\x01 hello\r\n\r\n")

        response = await client.response()

    assert response.status == 400
    assert set(json.loads(response.body)["error"]) == {"message", "type", "param", "code"}


async def test_garbage_behind_a_request_does_not_spoil_its_answer() -> None:
    hanging = Hanging()
    async with (
        running_service(hanging, limits=QUICK) as service,
        raw_client(service.port()) as client,
    ):
        await client.send(b"GET /fine HTTP/1.1\r\n\r\n")
        await within(hanging.began)
        await client.send(b"\x00\x01garbage\r\n\r\n")

        hanging.release.set()

        assert (await client.response()).body == b"/fine"
        assert await client.closed() == b""


async def test_a_late_second_request_does_not_spoil_the_answer_to_the_first() -> None:
    hanging = Hanging()
    async with (
        running_service(hanging, limits=QUICK) as service,
        raw_client(service.port()) as client,
    ):
        await client.send(b"GET /fine HTTP/1.1\r\n\r\nGET /never-ends")
        await within(hanging.began)
        await asyncio.sleep(2 * QUICK.request_timeout_s)  # the second request's time runs out

        hanging.release.set()

        assert (await client.response()).body == b"/fine"
        assert await client.closed() == b""


async def test_an_upgrade_to_something_we_do_not_speak_is_answered_as_http() -> None:
    async with running_service(echo) as service, raw_client(service.port()) as client:
        await client.request(
            "GET", "/plain", headers="connection: upgrade, http2-settings\r\nupgrade: h2c\r\n"
        )

        response = await client.response()

        assert (response.status, response.body) == (200, b"/plain")
        assert response.headers["connection"] == "close"


REQUESTS = b"".join(
    b"POST /%d HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\nx-pad: %s\r\n\r\n%s"
    % (number, number, b"p" * number * 7, b"z" * number)
    for number in range(1, 6)
) + (b"POST /6 HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")


@pytest.mark.requirement("service-kit:http:keep-alive")
async def test_requests_cut_anywhere_get_the_same_answers() -> None:
    seeded = random.Random(2)  # noqa: S311 - repeatable, not secret
    expected = [b"z" * number for number in range(1, 6)] + [b"abcde"]
    async with running_service(echo) as service:
        for _ in range(40):
            cuts = sorted(seeded.sample(range(1, len(REQUESTS)), seeded.randrange(1, 30)))
            async with raw_client(service.port()) as client:
                for start, end in pairwise([0, *cuts, len(REQUESTS)]):
                    await client.send(REQUESTS[start:end])
                    await asyncio.sleep(0)
                assert [(await client.response()).body for _ in expected] == expected


async def test_no_bytes_bring_the_server_down(caplog: pytest.LogCaptureFixture) -> None:
    seeded = random.Random(3)  # noqa: S311 - repeatable, not secret
    async with running_service(echo, limits=QUICK) as service:
        for _ in range(150):
            damaged = bytearray(REQUESTS)
            for _ in range(seeded.randrange(1, 12)):
                damaged[seeded.randrange(len(damaged))] = seeded.randrange(256)
            async with raw_client(service.port()) as client:
                with suppress(ConnectionError):
                    await client.send(bytes(damaged))
        async with raw_client(service.port()) as client:
            await client.request("GET", "/still-here")
            assert (await client.response()).body == b"/still-here"

    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []


# -------------------------------------------------------------------------- refused bodies


@pytest.mark.requirement("service-kit:http:413-never-resets")
@pytest.mark.parametrize("connection", ["keep-alive", "close"])
async def test_a_body_that_is_too_large_gets_413_and_never_a_reset(connection: str) -> None:
    body = b"z" * 8 * MEGABYTE
    async with running_service(echo) as service, raw_client(service.port()) as client:
        await client.request("POST", "/", headers=f"connection: {connection}\r\n", body=body)

        assert (await client.response()).status == 413


@pytest.mark.requirement("service-kit:http:413-never-resets")
async def test_after_413_the_connection_is_good_for_another_request() -> None:
    async with running_service(echo) as service, raw_client(service.port()) as client:
        await client.request("POST", "/", body=b"z" * 2 * MEGABYTE)
        assert (await client.response()).status == 413

        await client.request("GET", "/next")

        assert (await client.response()).body == b"/next"


async def test_a_body_that_never_ends_after_its_answer_ends_the_connection() -> None:
    async with running_service(echo, limits=QUICK) as service, raw_client(service.port()) as client:
        await client.send(b"POST / HTTP/1.1\r\ncontent-length: 9000000\r\n\r\nabc")
        assert (await client.response()).status == 413

        assert await client.closed() == b""


# ------------------------------------------------------------------------------ slow readers


class Firehose:
    """Writes as fast as it is let, and counts what was taken."""

    def __init__(self) -> None:
        self.written_bytes = 0
        self.ended = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await read_body(scope, receive, max_bytes=0, timeout_s=WAIT_S)
        stream = ResponseStream(send)
        try:
            async with cancel_on_disconnect(receive):
                await stream.start()
                while True:
                    await stream.write(b"z" * 65536)
                    self.written_bytes += 65536
        finally:
            self.ended.set()


async def stalled(firehose: Firehose) -> int:
    """Wait until nothing more is taken; how much was."""
    async with asyncio.timeout(WAIT_S):
        while True:
            before = firehose.written_bytes
            await asyncio.sleep(0.1)
            if before and firehose.written_bytes == before:
                return before


@pytest.mark.requirement("service-kit:http:slow-reader")
async def test_a_client_that_does_not_read_stops_the_writer() -> None:
    firehose = Firehose()
    async with (
        running_service(firehose) as service,
        raw_client(service.port(), receive_buffer_bytes=4096) as client,
    ):
        await client.request("GET", "/")

        taken_bytes = await stalled(firehose)

        # Two kernels' socket buffers and our own 64 KB; nothing that grows with time.
        assert taken_bytes < 16 * MEGABYTE
        client.reset()
        await within(firehose.ended)


@pytest.mark.requirement("service-kit:http:slow-reader")
async def test_a_client_that_never_reads_again_is_cut() -> None:
    firehose = Firehose()
    limits = ServerLimits(write_stall_s=0.2)
    async with (
        running_service(firehose, limits=limits) as service,
        raw_client(service.port(), receive_buffer_bytes=4096) as client,
    ):
        await client.request("GET", "/")

        await within(firehose.ended)


async def test_small_writes_are_not_held_back() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await read_body(scope, receive, max_bytes=0, timeout_s=WAIT_S)
        stream = ResponseStream(send)
        await stream.start()
        async with cancel_on_disconnect(receive):
            for number in range(3):
                await stream.write(b"%d" % number)
                await asyncio.sleep(0)
            await asyncio.sleep(WAIT_S)

    async with running_service(app) as service, raw_client(service.port()) as client:
        await client.request("GET", "/")
        await client.head()

        assert [await client.chunk() for _ in range(3)] == [b"0", b"1", b"2"]
