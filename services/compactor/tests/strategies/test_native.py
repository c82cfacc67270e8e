"""The level where the vendor compacts."""

from __future__ import annotations

import inspect
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from aiohttp import web

from compactor.calls import CallBook, CallCounter
from compactor.metrics import CompactorMetrics
from compactor.payload import NativePart
from compactor.strategies.failures import LevelFailedError
from compactor.strategies.native import (
    NativeCompaction,
    NativeJob,
    NativeSupport,
    affinity_of,
    can_continue,
    continued,
)
from service_kit.clock import SystemClock
from service_kit.testing import FakeClock
from services.compactor.tests.conversations import assistant, model, system, user
from wire.conversation import OtherItem
from wire.specs import ModelSpec, ProviderSpec, SecretReference

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

USER = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hi"}]}
SEALED = {"type": "compaction", "id": "cmp_x", "encrypted_content": "vendor's own", "odd": [1.0]}
USAGE = {
    "input_tokens": 100,
    "input_tokens_details": {"cached_tokens": 10},
    "output_tokens": 20,
    "output_tokens_details": {"reasoning_tokens": 5},
    "total_tokens": 120,
}
ANSWER = {
    "id": "resp_1",
    "object": "response.compaction",
    "created_at": 1,
    "output": [USER, SEALED],
    "usage": USAGE,
}


def responding(provider: ProviderSpec) -> ModelSpec:
    """A model that is asked in Responses."""
    return msgspec.structs.replace(model(provider=provider), dialects=("chat", "responses"))


@dataclass
class Vendor:
    """Answers every request with what the test wants, and keeps what it was asked."""

    status: int = 200
    body: Any = field(default_factory=lambda: ANSWER)
    paths: list[str] = field(default_factory=list[str])
    headers: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    bodies: list[Any] = field(default_factory=list[Any])
    url: str = ""

    async def handle(self, request: web.Request) -> web.Response:
        self.paths.append(request.path_qs)
        self.headers.append({name.lower(): value for name, value in request.headers.items()})
        self.bodies.append(await request.json())
        body = self.body if isinstance(self.body, str) else json.dumps(self.body)
        return web.Response(status=self.status, text=body, content_type="application/json")

    def provider(self, **changed: object) -> ProviderSpec:
        spec = ProviderSpec(
            name="vendor",
            kind="openai",
            base_url=f"{self.url}/v1",
            api_key=SecretReference(env="KEY"),
        )
        return msgspec.structs.replace(spec, **changed)  # pyright: ignore[reportArgumentType]


@asynccontextmanager
async def running(vendor: Vendor) -> AsyncGenerator[Vendor]:
    application = web.Application()
    application.router.add_post("/{path:.*}", vendor.handle)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    vendor.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield vendor
    finally:
        await runner.cleanup()


class Scene:
    def __init__(self, vendor: Vendor, clock: FakeClock | None = None) -> None:
        self.vendor = vendor
        self.metrics = CompactorMetrics()
        self.noticed: list[tuple[str, bool]] = []
        self.support = NativeSupport(
            clock or FakeClock(), lambda place, offered: self.noticed.append((place, offered))
        )
        self.book = CallBook((), 0.0)
        self.native = NativeCompaction(
            lambda _provider: "key-1", SystemClock(), self.support, CallCounter(self.metrics)
        )

    async def compact(self, timeout_s: float = 5.0, **provider: object) -> NativePart:
        job = NativeJob(
            model=responding(self.vendor.provider(**provider)),
            items=(user("Hi"), assistant("Hello")),
            timeout_s=timeout_s,
            instructions="Briefly.",
        )
        part, _ = await self.native.compact(job, self.book)
        return part

    async def reason(self, timeout_s: float = 5.0) -> str:
        with pytest.raises(LevelFailedError) as caught:
            await self.compact(timeout_s)
        return caught.value.reason


@pytest.mark.requirement("compaction:native:untouched")
async def test_the_vendors_items_come_back_byte_for_byte() -> None:
    async with running(Vendor()) as vendor:
        scene = Scene(vendor)

        part = await scene.compact()

    assert [bytes(item) for item in part.items] == [
        json.dumps(USER).encode(),
        json.dumps(SEALED).encode(),
    ]
    assert vendor.paths == ["/v1/responses/compact"]
    assert vendor.bodies[0]["instructions"] == "Briefly."
    assert vendor.bodies[0]["input"][1]["role"] == "assistant"
    assert vendor.headers[0]["authorization"] == "Bearer key-1"


async def test_the_call_is_booked_with_the_vendors_usage_and_id() -> None:
    async with running(Vendor()) as vendor:
        scene = Scene(vendor)

        await scene.compact()

    (record,) = scene.book.records()
    assert (record.status, record.basis, record.phase) == ("completed", "reported", "compact")
    usage = record.usage
    assert (usage.input_tokens, usage.output_tokens, usage.cached_tokens) == (100, 20, 10)
    assert vendor.headers[0]["x-request-id"] == f"{record.call_id}.1"
    count = scene.metrics.registry.get_sample_value(
        "conclave_compactor_vendor_calls_total", {"model": "sim", "status": "completed"}
    )
    assert count == 1


async def test_azure_is_called_at_its_resource_with_its_version() -> None:
    async with running(Vendor()) as vendor:
        await Scene(vendor).compact(
            kind="azure-openai", base_url=vendor.url, api_version="2026-05-01"
        )

    assert vendor.paths == ["/openai/responses/compact?api-version=2026-05-01"]
    assert vendor.headers[0]["api-key"] == "key-1"


@pytest.mark.requirement("compaction:native:probed")
@pytest.mark.parametrize("status", [400, 404])
async def test_a_vendor_without_it_is_asked_again_after_an_hour(status: int) -> None:
    clock = FakeClock()
    async with running(Vendor(status=status, body={"error": {"message": "no"}})) as vendor:
        scene = Scene(vendor, clock)
        wanted = responding(vendor.provider())

        assert await scene.reason() == "not_offered"
        assert not scene.support.may_compact(wanted)
        clock.advance(3599)
        assert not scene.support.may_compact(wanted)
        clock.advance(2)
        assert scene.support.may_compact(wanted)

        vendor.status, vendor.body = 200, ANSWER
        await scene.compact()

    assert scene.noticed == [("vendor/sim", False), ("vendor/sim", True)]


@pytest.mark.requirement("compaction:levels:fall-through")
@pytest.mark.parametrize(
    ("status", "body", "why"),
    [
        (401, {"error": {"message": "no"}}, "provider_credentials"),
        (429, {"error": {"message": "no"}}, "provider_rate_limit"),
        (500, {"error": {"message": "no"}}, "provider_error"),
        (503, {"error": {"message": "no"}}, "provider_unavailable"),
        (200, "garbage", "provider_protocol"),
        (200, {"output": []}, "provider_protocol"),
        (200, {"output": [SEALED, SEALED]}, "provider_protocol"),
        (400, {"error": {"code": "context_length_exceeded"}}, "caller_context_length"),
    ],
)  # fmt: skip
async def test_every_other_failure_fails_the_level_and_is_not_remembered(
    status: int, body: object, why: str
) -> None:
    async with running(Vendor(status=status, body=body)) as vendor:
        scene = Scene(vendor)

        assert await scene.reason() == why
        assert scene.support.may_compact(responding(vendor.provider()))

    assert len(scene.book.records()) == 1


async def test_nobody_at_the_door_and_nobody_answering_in_time_fail_too() -> None:
    nobody = Vendor()
    nobody.url = "http://127.0.0.1:1"
    assert await Scene(nobody).reason() == "provider_error"

    async with running(Vendor()) as vendor:
        assert await Scene(vendor).reason(timeout_s=0.0001) == "provider_timeout"


def test_only_openais_kinds_are_asked_and_only_where_follow_ups_can_go_back() -> None:
    support = NativeSupport(FakeClock(), lambda _place, _offered: None)

    assert not support.may_compact(responding(model().provider))
    for kind in ("openai", "azure-openai"):
        provider = ProviderSpec(name="v", kind=kind, base_url="http://127.0.0.1:1")
        assert support.may_compact(responding(provider))
        assert not support.may_compact(model(provider=provider))


def test_another_account_place_or_deployment_has_another_affinity() -> None:
    provider = Vendor(url="http://a").provider()
    one = responding(provider)
    others = [
        responding(msgspec.structs.replace(provider, base_url="http://b/v1")),
        responding(msgspec.structs.replace(provider, api_key=SecretReference(env="OTHER"))),
        msgspec.structs.replace(one, upstream_model="other"),
    ]

    assert affinity_of(one) == affinity_of(msgspec.structs.replace(one, name="alias"))
    assert affinity_of(one) not in {affinity_of(other) for other in others}


def test_the_vendors_list_is_passed_on_whole_behind_what_it_lacks() -> None:
    raws = tuple(msgspec.Raw(json.dumps(item).encode()) for item in (USER, SEALED))
    part = NativePart("who", raws)

    items = continued(part, (system("Be brief."), user("Hi"), user("Also this")))

    assert items[:2] == (system("Be brief."), user("Also this"))
    vendors = [item for item in items[2:] if isinstance(item, OtherItem)]
    assert [item.item_type for item in vendors] == ["message", "compaction"]
    assert [bytes(item.raw) for item in vendors] == [bytes(raw) for raw in raws]


def test_only_the_maker_asked_in_responses_can_continue() -> None:
    maker = responding(Vendor(url="http://a").provider())
    part = NativePart(affinity_of(maker), ())

    assert can_continue(part, maker)
    assert not can_continue(part, msgspec.structs.replace(maker, dialects=("chat",)))
    assert not can_continue(part, responding(Vendor(url="http://b").provider()))


@pytest.mark.requirement("compaction:native:sdk-types")
def test_the_pinned_sdk_compacts_as_this_was_written_for() -> None:
    from openai.resources.responses import AsyncResponses  # noqa: PLC0415
    from openai.types.responses import CompactedResponse  # noqa: PLC0415
    from openai.types.responses.response_compact_params import (  # noqa: PLC0415
        ResponseCompactParams,
    )

    assert set(CompactedResponse.model_fields) >= {
        "id", "created_at", "object", "output", "usage",
    }  # fmt: skip
    assert {"model", "input", "instructions", "previous_response_id"} <= set(
        ResponseCompactParams.__annotations__
    )
    parameters = inspect.signature(AsyncResponses.compact).parameters
    assert {"model", "input", "instructions", "extra_headers", "timeout"} <= set(parameters)
