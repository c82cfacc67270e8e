"""Asking vendors for their models."""

import asyncio
from collections.abc import Awaitable, Callable

import aiohttp
import msgspec
import pytest

from model_providers.discovery import MAX_LIST_BYTES, ModelLists
from model_providers.testing import WAIT_S, VendorConnection, scripted_vendor
from provider_sim.settings import LISTED_MODELS
from provider_sim.testing import SimulatorClient
from wire.errors import (
    PlatformError,
    PlatformFaultError,
    UpstreamAuthError,
    UpstreamError,
    UpstreamProtocolError,
    UpstreamTimeoutError,
    UpstreamUnavailableError,
)
from wire.specs import ProviderKind, ProviderSpec

pytestmark = pytest.mark.requirement("providers:discovery")


def provider(base_url: str, kind: ProviderKind = "openai-compatible") -> ProviderSpec:
    return ProviderSpec(name="vendor", kind=kind, base_url=base_url, headers={"X-Team": "a"})


@pytest.fixture
def lists(session: aiohttp.ClientSession) -> ModelLists:
    return ModelLists(session, secrets=lambda _: "k", timeout_s=0.5)


def answering(body: object, status: int = 200) -> Callable[[VendorConnection], Awaitable[None]]:
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return lambda connection: connection.answer(status, raw)


def listing(*names: str, **rest: object) -> dict[str, object]:
    return {"data": [{"id": name} for name in names], **rest}


@pytest.mark.parametrize("kind", ["openai", "openai-compatible", "anthropic"])
async def test_each_kind_of_vendor_is_asked_in_its_way(
    sim: SimulatorClient, lists: ModelLists, kind: ProviderKind
) -> None:
    assert await lists.of(provider(sim.base_url, kind)) == LISTED_MODELS


async def test_the_vendor_is_shown_key_and_headers(lists: ModelLists) -> None:
    async with scripted_vendor(answering(listing("a"))) as vendor:
        await lists.of(provider(vendor.base_url))

    [request] = vendor.requests
    assert request.head.startswith(b"GET /v1/models HTTP")
    assert (request.header("authorization"), request.header("x-team")) == ("Bearer k", "a")


async def test_anthropics_pages_are_turned_until_the_last(lists: ModelLists) -> None:
    async def page(connection: VendorConnection) -> None:
        later = b"after_id=b/1 " in connection.request.head
        answer = listing("c", "a") if later else listing("a", "b/1", has_more=True)
        await connection.answer(200, msgspec.json.encode(answer))

    async with scripted_vendor(page) as vendor:
        found = await lists.of(provider(vendor.base_url, "anthropic"))

    assert found == ("a", "b/1", "c")
    assert [b"limit=1000" in request.head for request in vendor.requests] == [True, True]


async def test_pages_without_end_end(session: aiohttp.ClientSession) -> None:
    async with scripted_vendor(answering(listing("a", has_more=True))) as vendor:
        patient = ModelLists(session, secrets=lambda _: None, timeout_s=WAIT_S)
        assert await patient.of(provider(vendor.base_url, "anthropic")) == ("a",)

    assert len(vendor.requests) == 20


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ([{"id": "a"}], ("a",)),
        ({"object": "list", "data": []}, ()),
        (
            {"data": [{"id": 5}, {"id": ""}, {"id": "x" * 300}, {"id": "a\n"}, "b", {"id": "c"}]},
            ("c",),
        ),
        ({"data": [{"id": "old", "lifecycle": "retired"}, {"id": "new"}]}, ("new",)),
    ],
)
async def test_what_is_usable_of_a_list_is_used(
    lists: ModelLists, body: object, expected: tuple[str, ...]
) -> None:
    async with scripted_vendor(answering(body)) as vendor:
        assert await lists.of(provider(vendor.base_url)) == expected


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (401, b"", UpstreamAuthError),
        (500, b"", UpstreamError),
        (503, b"", UpstreamUnavailableError),
        (301, b"", UpstreamProtocolError),
        (200, b"<html>", UpstreamProtocolError),
        (200, b'{"models":[]}', UpstreamProtocolError),
        (200, b" " * (MAX_LIST_BYTES + 1), UpstreamProtocolError),
    ],
)
async def test_what_is_no_list_is_the_vendors_failure(
    lists: ModelLists, status: int, body: bytes, expected: type[PlatformError]
) -> None:
    async with scripted_vendor(answering(body, status)) as vendor:
        with pytest.raises(expected):
            await lists.of(provider(vendor.base_url))


async def test_a_silent_vendor_and_a_closed_door_are_told_apart(lists: ModelLists) -> None:
    async def silence(connection: VendorConnection) -> None:
        await connection.hung_up()

    async with scripted_vendor(silence) as vendor:
        with pytest.raises(UpstreamTimeoutError):
            await lists.of(provider(vendor.base_url))
    with pytest.raises(UpstreamError):
        await lists.of(provider(vendor.base_url))


async def test_a_caller_who_leaves_closes_the_connection(lists: ModelLists) -> None:
    asked, left = asyncio.Event(), asyncio.Event()

    async def silence(connection: VendorConnection) -> None:
        asked.set()
        await connection.hung_up()
        left.set()

    async with scripted_vendor(silence) as vendor, asyncio.timeout(WAIT_S):
        async with asyncio.TaskGroup() as tasks:
            asking = tasks.create_task(lists.of(provider(vendor.base_url)))
            await asked.wait()
            asking.cancel()
        await left.wait()


@pytest.mark.parametrize("kind", ["azure-openai", "fara"])
async def test_kinds_without_a_list_are_not_asked(lists: ModelLists, kind: ProviderKind) -> None:
    with pytest.raises(PlatformFaultError):
        await lists.of(provider("http://127.0.0.1:9/v1", kind))
