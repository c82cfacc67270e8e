"""Asking vendors afterwards what a request cost."""

import aiohttp
import msgspec
import pytest

from model_providers.testing import VendorConnection, scripted_vendor
from model_providers.usage_look_up import UsageLookUp
from provider_sim.testing import SimulatorClient
from wire.conversation import Usage
from wire.errors import (
    PlatformError,
    UpstreamAuthError,
    UpstreamError,
    UpstreamProtocolError,
    UpstreamTimeoutError,
    UpstreamUnavailableError,
)
from wire.specs import ProviderSpec

pytestmark = pytest.mark.requirement("providers:usage-look-up")

BODY = {"model": "sim", "messages": [{"role": "user", "content": "x"}]}


def provider(base_url: str, usage_lookup: str | None = "/usage/{request_id}") -> ProviderSpec:
    return ProviderSpec(
        name="vendor", kind="openai-compatible", base_url=base_url, usage_lookup=usage_lookup
    )


@pytest.fixture
def look_up(session: aiohttp.ClientSession) -> UsageLookUp:
    return UsageLookUp(session, secrets=lambda _: "k", timeout_s=0.5)


async def test_the_vendors_count_of_a_request_is_told(
    sim: SimulatorClient, look_up: UsageLookUp
) -> None:
    await sim.post("/v1/chat/completions", {**BODY}, {"x-request-id": "call-1.2"})  # type: ignore[dict-item]

    usage = await look_up.look_up_usage(provider(sim.base_url), "call-1.2")

    [line] = await sim.record()
    assert usage is not None
    assert (usage.input_tokens, usage.output_tokens, usage.estimated) == (
        line["prompt_tokens"],
        line["completion_tokens"],
        False,
    )


async def test_of_what_the_vendor_does_not_know_nothing_is_told(
    sim: SimulatorClient, look_up: UsageLookUp
) -> None:
    assert await look_up.look_up_usage(provider(sim.base_url), "call-2.1") is None


async def test_a_vendor_without_a_look_up_is_not_asked(look_up: UsageLookUp) -> None:
    assert await look_up.look_up_usage(provider("http://127.0.0.1:1/v1", None), "a") is None


async def test_the_vendor_is_shown_the_key_and_the_id_is_quoted(look_up: UsageLookUp) -> None:
    told = {"usage": {"prompt_tokens": 3, "completion_tokens": 0, "total_tokens": 3}}

    async def answer(connection: VendorConnection) -> None:
        await connection.answer(200, msgspec.json.encode(told))

    async with scripted_vendor(answer) as vendor:
        usage = await look_up.look_up_usage(provider(vendor.base_url, "/x/{request_id}/y"), "a/b")

    [request] = vendor.requests
    assert usage == Usage(input_tokens=3)
    assert request.head.startswith(b"GET /v1/x/a%2Fb/y HTTP")
    assert request.header("authorization") == "Bearer k"


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (401, b"", UpstreamAuthError),
        (503, b"", UpstreamUnavailableError),
        (301, b"", UpstreamProtocolError),
        (200, b"<html>", UpstreamProtocolError),
        (200, b'{"usage":{}}', UpstreamProtocolError),
        (200, b'{"usage":{"prompt_tokens":-1,"completion_tokens":1}}', UpstreamProtocolError),
        (200, b" " * 70_000, UpstreamProtocolError),
    ],
)
async def test_what_is_no_usage_is_the_vendors_failure(
    look_up: UsageLookUp, status: int, body: bytes, expected: type[PlatformError]
) -> None:
    async def answer(connection: VendorConnection) -> None:
        await connection.answer(status, body)

    async with scripted_vendor(answer) as vendor:
        with pytest.raises(expected):
            await look_up.look_up_usage(provider(vendor.base_url), "a")


async def test_a_silent_vendor_and_a_closed_door_are_told_apart(
    session: aiohttp.ClientSession,
) -> None:
    impatient = UsageLookUp(session, secrets=lambda _: None, timeout_s=0.05)

    async def silence(connection: VendorConnection) -> None:
        await connection.hung_up()

    async with scripted_vendor(silence) as vendor:
        with pytest.raises(UpstreamTimeoutError):
            await impatient.look_up_usage(provider(vendor.base_url), "a")
    with pytest.raises(UpstreamError):
        await impatient.look_up_usage(provider(vendor.base_url), "a")
