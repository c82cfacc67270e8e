"""A run's messages: one union of events, told apart by tag."""

from __future__ import annotations

from typing import get_args

import msgspec
import pytest

from wire.conversation import GenerationRequest, TextDelta, user_text
from wire.coordination import (
    PROTOCOL_VERSION,
    RunEnded,
    RunEvent,
    RunProgress,
    RunStarted,
    StartRun,
)
from wire.errors import UpstreamTimeoutError
from wire.specs import AgentSpec, ModelSpec, PanelSpec, ProviderSpec

SIM = ProviderSpec(name="sim", kind="openai-compatible", base_url="http://127.0.0.1:1/v1")
MODEL = ModelSpec(name="sim", provider=SIM, upstream_model="sim")
START = StartRun(
    run_id="run_1",
    request_id="req_1",
    tenant_id="team",
    key_id="key",
    public_model="council",
    panel=PanelSpec(name="council", agents=(AgentSpec(agent_id="a", model=MODEL),)),
    request=GenerationRequest((user_text("hello"),)),
)


def test_every_event_has_its_own_tag() -> None:
    tags = [member.__struct_config__.tag for member in get_args(RunEvent)]

    assert None not in tags
    assert len(set(tags)) == len(tags)


@pytest.mark.parametrize(
    "event",
    [
        RunStarted("run_1"),
        RunProgress("two of three have answered", agent_id="a"),
        TextDelta("hello"),
        RunEnded("failed", error=UpstreamTimeoutError("slow", provider="sim").info()),
    ],
)
def test_an_event_is_recognised_by_its_tag(event: object) -> None:
    read = msgspec.json.decode(msgspec.json.encode(event), type=RunEvent)

    assert read == event


def test_a_run_travels_with_its_whole_resolved_spec() -> None:
    read = msgspec.json.decode(msgspec.json.encode(START), type=StartRun)

    assert read == START
    assert read.panel.agents[0].model.provider.base_url == "http://127.0.0.1:1/v1"


@pytest.mark.requirement("wire:tolerance:unknown-fields")
def test_a_run_of_a_newer_gateway_keeps_the_protocol_it_names() -> None:
    document = msgspec.json.decode(msgspec.json.encode(START))
    document |= {"protocol": PROTOCOL_VERSION + 1, "new_option": {"deep": [1]}}
    document["panel"]["new_rule"] = "approval"

    read = msgspec.json.decode(msgspec.json.encode(document), type=StartRun)

    assert read.protocol == PROTOCOL_VERSION + 1
    assert read.panel == START.panel


@pytest.mark.requirement("wire:tolerance:unknown-fields")
def test_a_run_of_an_older_gateway_gets_this_versions_defaults() -> None:
    document = msgspec.json.decode(msgspec.json.encode(START))
    required = set(document) - {"panel"}

    assert required == {
        "run_id", "request_id", "tenant_id", "key_id", "public_model", "request",
    }  # fmt: skip
    assert msgspec.convert(document, StartRun).progress
