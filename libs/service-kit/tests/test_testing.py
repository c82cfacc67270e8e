"""What the tests of all services stand on."""

from __future__ import annotations

import asyncio

import pytest

from service_kit.http import Receive, Scope, Send, send_response
from service_kit.testing import raw_client, running_service, until


async def hello(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
    await send_response(send, 200, b"hello")


async def fail_in_a_service() -> None:
    async with running_service(hello):
        raise LookupError("the test's own failure")


async def test_a_failure_inside_a_running_service_looks_as_it_would_without() -> None:
    with pytest.raises(LookupError, match="own failure"):
        await fail_in_a_service()


async def test_nothing_is_left_running() -> None:
    before = asyncio.all_tasks()

    async with (
        running_service(hello, operations=hello) as service,
        raw_client(service.port()) as client,
    ):
        await client.request("GET", "/")
        await client.response()

    assert asyncio.all_tasks() == before


async def test_a_url_names_path_and_listener() -> None:
    async with running_service(hello, operations=hello) as service:
        assert service.url("/v1/models") == f"http://127.0.0.1:{service.port()}/v1/models"
        assert service.url(name="operations").endswith(str(service.port("operations")))


async def test_waiting_for_a_condition_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service_kit.testing.WAIT_S", 0.02)

    with pytest.raises(TimeoutError):
        await until(lambda: False)
