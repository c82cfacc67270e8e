"""How a request ends: answered, failed with an envelope, cut, or told that its client has gone."""

from __future__ import annotations

import asyncio
import json
import logging

import pytest

from service_kit.http import (
    ClientDisconnectedError,
    DisconnectSource,
    Receive,
    ResponseStream,
    Scope,
    Send,
    read_body,
    send_response,
)
from service_kit.testing import raw_client, running_service, within
from wire.errors import RateLimitedError, UpstreamTimeoutError

QUOTED = "the user's own words"


@pytest.mark.requirement("service-kit:errors:one-handler")
async def test_a_typed_error_becomes_its_status_and_openais_envelope() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
        raise RateLimitedError("Too many requests.", retry_after_s=1.2)

    async with running_service(app) as service, raw_client(service.port()) as client:
        await client.request("GET", "/")
        response = await client.response()

    assert response.status == 429
    assert json.loads(response.body)["error"]["code"] == "rate_limit_exceeded"
    assert response.headers["retry-after"] == "2"
    assert response.headers["retry-after-ms"] == "1200"
    assert response.headers["x-request-id"].startswith("req_")


@pytest.mark.requirement("service-kit:errors:one-handler")
async def test_a_crash_becomes_500_and_says_nothing_of_what_it_quoted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
        raise ValueError(QUOTED)

    async with running_service(app) as service, raw_client(service.port()) as client:
        await client.request("GET", "/crash")
        response = await client.response()

    assert response.status == 500
    assert json.loads(response.body)["error"]["type"] == "server_error"
    assert QUOTED.encode() not in response.body
    assert [record.getMessage() for record in caplog.records if record.levelno > logging.INFO] == [
        "request_crashed"
    ]


async def test_an_application_that_answers_nothing_is_a_500() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive, send

    async with running_service(app) as service, raw_client(service.port()) as client:
        await client.request("GET", "/")

        assert (await client.response()).status == 500


@pytest.mark.requirement("service-kit:errors:no-false-end")
@pytest.mark.parametrize("error", [ValueError(QUOTED), UpstreamTimeoutError("slow", provider="p")])
async def test_a_stream_that_fails_is_cut_and_not_ended(error: Exception) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
        stream = ResponseStream(send)
        await stream.start()
        await stream.write(b"first")
        raise error

    async with running_service(app) as service, raw_client(service.port()) as client:
        await client.request("GET", "/")
        await client.head()
        assert await client.chunk() == b"first"

        with pytest.raises(asyncio.IncompleteReadError):
            await client.chunk()


async def test_a_stream_left_open_by_its_application_is_cut() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
        stream = ResponseStream(send)
        await stream.start()
        await stream.write(b"first")

    async with running_service(app) as service, raw_client(service.port()) as client:
        await client.request("GET", "/")
        await client.head()
        assert await client.chunk() == b"first"

        with pytest.raises(asyncio.IncompleteReadError):
            await client.chunk()


@pytest.mark.requirement("service-kit:hang-up:seen")
async def test_a_write_to_a_client_that_has_gone_raises() -> None:
    gone = asyncio.Event()
    raised = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
        stream = ResponseStream(send)
        await stream.start()
        await stream.write(b"first")
        while (await receive())["type"] != "http.disconnect":
            pass
        gone.set()
        try:
            await stream.write(b"too late")
        except ClientDisconnectedError:
            raised.set()
            raise

    async with running_service(app) as service, raw_client(service.port()) as client:
        await client.request("GET", "/")
        await client.head()
        client.hang_up()

        await within(gone)
        await within(raised)


async def test_a_failure_before_the_first_byte_is_still_an_error_and_not_a_cut_stream() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
        await ResponseStream(send).start()
        raise UpstreamTimeoutError("slow", provider="p")

    async with running_service(app) as service, raw_client(service.port()) as client:
        await client.request("GET", "/")

        assert (await client.response()).status == 504


async def test_headers_and_the_first_piece_of_the_body_arrive_together() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
        await send_response(send, 200, b"body")

    async with running_service(app) as service, raw_client(service.port()) as client:
        await client.request("GET", "/")

        assert (await client.packet()).endswith(b"\r\n\r\nbody")


async def test_after_an_error_the_connection_serves_the_next_request() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
        if scope["path"] == "/bad":
            raise ValueError
        await send_response(send, 200, b"fine")

    async with running_service(app) as service, raw_client(service.port()) as client:
        await client.request("GET", "/bad")
        assert (await client.response()).status == 500
        await client.request("GET", "/good")

        assert (await client.response()).body == b"fine"


async def test_a_body_that_is_here_is_taken_without_waiting() -> None:
    taken = list[bytes | None]()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        source = getattr(receive, "__self__")  # noqa: B009
        assert isinstance(source, DisconnectSource)
        taken.append(source.take_body(4))
        taken.append(source.take_body(5))
        await send_response(send, 200, await read_body(scope, receive, max_bytes=5, timeout_s=5))

    async with running_service(app) as service, raw_client(service.port()) as client:
        for _ in range(2):  # the connection serves on
            await client.request("POST", "/", body=b"hello")
            taken.append((await client.response()).body)

    assert taken == [None, b"hello", b""] * 2
