"""Compactions between processes."""

from __future__ import annotations

import msgspec

from wire.compaction import CompactRequest, CompactResult, LevelFailure, OpenRequest, reader_of
from wire.conversation import CompactionItem, Message, TextPart, ToolCall, ToolResult, user_text
from wire.specs import AgentSpec, CompactionSpec, ModelSpec, PanelSpec, ProviderSpec

MODEL = ModelSpec(
    name="sim",
    provider=ProviderSpec(name="sim", kind="openai-compatible", base_url="http://127.0.0.1:1/v1"),
    upstream_model="sim",
)


def test_a_request_survives_the_journey_with_items_of_every_kind() -> None:
    request = CompactRequest(
        items=(
            Message("system", (TextPart("Be brief."),)),
            user_text("Hello"),
            ToolCall("call_1", "look", "{}"),
            ToolResult("call_1", (TextPart("nothing"),)),
            CompactionItem("cmp1.abc", "cmp_1"),
        ),
        model=MODEL,
        mode="explicit",
        spec=CompactionSpec(level="extractive"),
        pinned=("Never mention the price.",),
        max_usd=0.01,
    )

    assert msgspec.json.decode(msgspec.json.encode(request), type=CompactRequest) == request


def test_a_result_says_which_levels_were_tried() -> None:
    result = CompactResult(
        items=(user_text("Hello"), CompactionItem("cmp1.abc")),
        level="extractive",
        tokens_before=900,
        tokens_after=250,
        budget_tokens=300,
        fallbacks=(LevelFailure("summary", "upstream_timeout"),),
    )

    assert msgspec.json.decode(msgspec.json.encode(result), type=CompactResult) == result


def test_a_newer_siblings_field_is_ignored() -> None:
    request = OpenRequest(items=(user_text("Hi"),), model=MODEL)
    body = msgspec.json.encode(request)[:-1] + b',"from_the_future":1}'

    assert msgspec.json.decode(body, type=OpenRequest) == request


def test_a_panel_reads_as_the_vendors_model_only_where_all_its_agents_are_that_model() -> None:
    vendor = msgspec.structs.replace(
        MODEL, provider=msgspec.structs.replace(MODEL.provider, kind="openai")
    )
    narrow = msgspec.structs.replace(vendor, name="narrow", context_window_tokens=8_000)

    alike, _ = reader_of(_panel(vendor, vendor))
    mixed, _ = reader_of(_panel(vendor, narrow))

    assert alike == vendor
    assert (mixed.provider.kind, mixed.context_window_tokens) == ("openai-compatible", 8_000)


def _panel(*models: ModelSpec) -> PanelSpec:
    agents = tuple(AgentSpec(agent_id=f"agent{n}", model=model) for n, model in enumerate(models))
    return PanelSpec(name="council", agents=agents)
