"""Which lane serves a Responses request."""

import json
from typing import Any

import msgspec
import pytest

from api_gateway.dialects.responses.decode import ResponsesBody, decode_body
from api_gateway.dialects.responses.head import decode_head
from api_gateway.dialects.responses.items import split_input
from api_gateway.lanes.choice import Run, Splice, Translate
from api_gateway.lanes.responses_choice import ResponsesLane, choose_responses_lane
from catalogue import ModelEntry, PanelEntry
from wire.conversation import GenerationRequest
from wire.errors import ContextLengthExceededError, InvalidRequestError
from wire.specs import (
    AgentSpec,
    Capabilities,
    CompactionSpec,
    Dialect,
    ModelSpec,
    PanelSpec,
    ProviderKind,
    ProviderSpec,
)

BIG = 10**9
LOGPROBS = ["message.output_text.logprobs"]
PNG = "data:image/png;base64,iVBORw0KGgo="
SCHEMA: Any = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}
STRICT: Any = {"format": {"type": "json_schema", "name": "x", "strict": True, "schema": SCHEMA}}


def model(
    *dialects: Dialect,
    kind: ProviderKind = "openai",
    can: Capabilities | None = None,
    fallbacks: tuple[ModelSpec, ...] = (),
    window: int = 128_000,
) -> ModelSpec:
    return ModelSpec(
        name="m",
        provider=ProviderSpec(name="p", kind=kind, base_url="http://x"),
        upstream_model="m",
        dialects=dialects or ("responses",),
        capabilities=can or Capabilities(),
        fallbacks=fallbacks,
        context_window_tokens=window,
        compaction=CompactionSpec(enabled=False),
    )


def body(**members: object) -> ResponsesBody:
    head = decode_head(json.dumps({"model": "sim", "input": "hi", **members}).encode())
    return decode_body(head, split_input(head.parameters.input))


def chosen(
    entry: ModelEntry | PanelEntry, **members: object
) -> tuple[ResponsesLane, GenerationRequest]:
    decoded = body(**members)
    return choose_responses_lane(entry, decoded, decoded.request(), BIG)


def of_model(spec: ModelSpec, **members: object) -> ResponsesLane:
    return chosen(ModelEntry(spec, 0), **members)[0]


def of_panel(**members: object) -> tuple[ResponsesLane, GenerationRequest]:
    agents = (AgentSpec(agent_id="a", model=model(window=1000)),)
    return chosen(PanelEntry(PanelSpec(name="p", agents=agents), 0), **members)


@pytest.mark.requirement("responses:lanes")
def test_the_same_dialect_is_passed_through_and_another_translated() -> None:
    both, chat = model("chat", "responses"), model("chat")

    assert isinstance(of_model(model()), Splice)
    assert isinstance(of_model(both, previous_response_id="resp_1"), Splice)
    assert isinstance(of_model(chat), Translate)


@pytest.mark.requirement("responses:lanes")
def test_a_fallback_of_another_dialect_means_translation() -> None:
    assert isinstance(of_model(model(fallbacks=(model("chat"),))), Translate)
    assert isinstance(of_model(model(fallbacks=(model(),))), Splice)


@pytest.mark.requirement("responses:tools:hosted")
def test_hosted_tools_reach_only_the_vendor_that_has_them() -> None:
    tools = [{"type": "web_search"}]

    assert isinstance(of_model(model(), tools=tools), Splice)
    assert isinstance(of_model(model(kind="openai-compatible"), tools=tools), Translate)


@pytest.mark.requirement("responses:tools:hosted")
def test_tools_among_the_items_reach_other_vendors_as_tools() -> None:
    tools = {"type": "additional_tools", "tools": [{"type": "custom", "name": "f"}]}
    sent = [tools, {"role": "user", "content": "x"}]

    assert isinstance(of_model(model(), input=sent), Splice)
    assert isinstance(of_model(model(kind="openai-compatible"), input=sent), Translate)


@pytest.mark.requirement("responses:lanes")
def test_a_panel_is_a_run() -> None:
    lane, _ = of_panel()

    assert isinstance(lane, Run)
    assert lane.panel.name == "p"


@pytest.mark.requirement("responses:structured")
def test_strict_output_a_backend_cannot_keep_is_a_run() -> None:
    lane = of_model(model(can=Capabilities(structured_outputs=False)), text=STRICT)

    assert isinstance(lane, Run)
    assert lane.panel.kind == "model"
    assert isinstance(of_model(model(), text=STRICT), Splice)


@pytest.mark.requirement("responses:lanes")
def test_a_panel_gets_no_reasoning_of_earlier_turns() -> None:
    items = [{"type": "reasoning", "encrypted_content": "e"}, {"role": "user", "content": "x"}]

    _, request = of_panel(input=items)

    assert len(request.items) == 1


PICTURE = [{"role": "user", "content": [{"type": "input_image", "image_url": PNG}]}]
LINKED_FILE = [{"role": "user", "content": [{"type": "input_file", "file_url": "https://x/a"}]}]


def embedder() -> ModelSpec:
    return msgspec.structs.replace(model(), dialects=())


REFUSALS: list[tuple[ModelSpec, dict[str, Any], str]] = [
    (embedder(), {}, "model"),
    (model(can=Capabilities(logprobs=False)), {"include": LOGPROBS}, "include"),
    (model(can=Capabilities(tools=False)), {"tools": [{"type": "custom", "name": "f"}]}, "tools"),
    (
        model(can=Capabilities(images=False)),
        {"input": PICTURE},
        "input",
    ),
    (model("chat"), {"input": LINKED_FILE}, "input"),
]


@pytest.mark.parametrize(("spec", "members", "param"), REFUSALS)
@pytest.mark.requirement("responses:errors:param-and-code")
def test_what_a_model_cannot_do_is_refused(
    spec: ModelSpec, members: dict[str, Any], param: str
) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        of_model(spec, **members)

    assert refused.value.param == param


def test_a_file_by_its_address_goes_to_those_who_fetch_it() -> None:
    assert isinstance(of_model(model(), input=LINKED_FILE), Splice)
    assert isinstance(of_model(model("chat", kind="anthropic"), input=LINKED_FILE), Translate)


@pytest.mark.parametrize("sent", [PICTURE, LINKED_FILE])
def test_what_no_agent_of_a_panel_can_read_is_refused(sent: list[Any]) -> None:
    blind = AgentSpec(agent_id="a", model=model("chat", can=Capabilities(images=False)))
    able = AgentSpec(agent_id="b", model=model())

    with pytest.raises(InvalidRequestError) as refused:
        chosen(PanelEntry(PanelSpec(name="p", agents=(blind,)), 0), input=sent)
    assert refused.value.param == "input"
    lane, _ = chosen(PanelEntry(PanelSpec(name="p", agents=(blind, able)), 0), input=sent)
    assert isinstance(lane, Run)


def test_a_panel_has_no_logprobs() -> None:
    with pytest.raises(InvalidRequestError, match="panel") as refused:
        of_panel(include=LOGPROBS)

    assert (refused.value.param, refused.value.code) == ("include", "unsupported_parameter")


LONG = [{"role": "user", "content": "several words that count " * 200} for _ in range(3)]


@pytest.mark.requirement("responses:errors:context-length")
def test_input_that_cannot_fit_is_refused() -> None:
    with pytest.raises(ContextLengthExceededError):
        of_model(model(window=1000), input=LONG)


@pytest.mark.requirement("responses:truncation")
def test_truncated_input_is_no_longer_passed_through() -> None:
    narrow = ModelEntry(model(window=2000), 0)

    lane, request = chosen(narrow, input=LONG, truncation="auto")
    _, of_the_panel = of_panel(input=LONG, truncation="auto")

    assert isinstance(lane, Translate)
    assert len(request.items) == 1
    assert len(of_the_panel.items) == 1
    assert isinstance(of_model(model(), truncation="auto"), Splice)
