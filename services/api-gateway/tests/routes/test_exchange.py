"""One request and its answer: switches among the headers, errors before and after the start."""

from __future__ import annotations

import json
from typing import Any

import pytest

from api_gateway.routes.exchange import BodyLimits, Exchange
from service_kit.testing import FakeClock
from service_kit.tracing import Tracer
from wire.errors import OverloadedError
from wire.ids import new_request_id


class Client:
    """Collects what the gateway sends."""

    def __init__(self) -> None:
        self.messages: list[Any] = []

    async def send(self, message: Any) -> None:  # noqa: ANN401
        self.messages.append(message)

    async def receive(self) -> Any:  # noqa: ANN401
        return {"type": "http.request", "body": b"", "more_body": False}

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.messages)


def exchange(client: Client, **headers: str) -> Exchange:
    names = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Exchange(
        {"type": "http", "headers": names},
        client.receive,
        client.send,
        request_id=new_request_id(),
        trace=Tracer().new_context(None),
        clock=FakeClock(),
        limits=BodyLimits(1000, 1),
        config_version="abc",
    )


@pytest.mark.parametrize(
    ("value", "default", "wanted"),
    [
        (None, True, True),
        (None, False, False),
        ("true", False, True),
        ("ON", False, True),
        ("off", True, False),
        ("false", True, False),
        ("maybe", True, True),
        ("maybe", False, False),
    ],
)
def test_a_switch_among_the_headers_has_a_default(
    value: str | None, *, default: bool, wanted: bool
) -> None:
    headers = {} if value is None else {"x_switch": value}

    assert exchange(Client(), **headers).asks(b"x-switch", default=default) is wanted


async def test_an_error_before_the_start_is_a_status() -> None:
    client = Client()
    one = exchange(client)

    await one.fail(OverloadedError("full", retry_after_s=1.5).info())

    start, _ = client.messages
    assert start["status"] == one.status == 503
    assert (b"retry-after-ms", b"1500") in start["headers"]
    assert (b"x-request-id", one.request_id.encode()) in start["headers"]
    assert one.error_type == "policy_overloaded"


async def test_an_error_after_the_start_is_the_last_event() -> None:
    client = Client()
    one = exchange(client)
    await one.write(b"data: {}\n\n")

    await one.fail(OverloadedError("full").info())

    assert one.status == 200
    assert client.messages[-1]["more_body"] is False
    last = client.body.removeprefix(b"data: {}\n\n").removeprefix(b"data: ")
    assert json.loads(last)["error"]["code"] == "server_is_overloaded"


async def test_a_stream_is_opened_by_its_first_piece_only() -> None:
    client = Client()
    one = exchange(client)

    await one.write(b"a")
    await one.write(b"b")
    await one.finish(b"c")

    kinds = [message["type"] for message in client.messages]
    assert kinds == ["http.response.start", *["http.response.body"] * 3]
    assert client.body == b"abc"
    assert one.first_byte_at_s is not None


async def test_a_stream_of_one_piece_is_a_stream_too() -> None:
    client = Client()

    await exchange(client).finish(b"data: [DONE]\n\n")

    headers = dict(client.messages[0]["headers"])
    assert headers[b"content-type"].startswith(b"text/event-stream")
    assert headers[b"x-accel-buffering"] == b"no"
