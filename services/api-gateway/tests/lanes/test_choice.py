"""Which lane serves a request."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from api_gateway.dialects.chat.decode import ChatBody, decode_body
from api_gateway.dialects.chat.head import decode_head
from api_gateway.lanes.choice import Lane, Run, Splice, Translate, choose_lane
from catalogue import Entry, ModelEntry, PanelEntry
from wire.errors import InvalidRequestError
from wire.specs import AgentSpec, Capabilities, ModelSpec, PanelSpec, ProviderSpec

PROVIDER = ProviderSpec(name="p", kind="openai-compatible", base_url="http://127.0.0.1:9/v1")
OPENAI = ProviderSpec(name="o", kind="openai", base_url="http://127.0.0.1:9/v1")
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {},
    "required": [],
    "additionalProperties": False,
}
STRICT: Any = {
    "type": "json_schema",
    "json_schema": {"name": "x", "strict": True, "schema": SCHEMA},
}
LOOSE: Any = {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA}}
TOOL: Any = {"type": "function", "function": {"name": "f"}}
IMAGE: Any = [
    {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://x/y"}}]}
]


def body(**members: object) -> ChatBody:
    whole = {"model": "m", "messages": [{"role": "user", "content": "x"}], **members}
    return decode_body(decode_head(json.dumps(whole).encode()))


def model(dialects: tuple[Any, ...] = ("chat",), **capabilities: bool) -> ModelEntry:
    spec = ModelSpec(
        name="m",
        provider=PROVIDER,
        upstream_model="m",
        dialects=dialects,
        capabilities=Capabilities(**capabilities),
    )
    return ModelEntry(spec, created=1)


PANEL = PanelEntry(
    PanelSpec(name="council", agents=(AgentSpec(agent_id="a", model=model().spec),)), created=1
)


def lane(entry: Entry, **members: object) -> Lane:
    return choose_lane(entry, body(**members), panel_choices=8)


SERVED: list[tuple[Entry, dict[str, Any], type[Lane]]] = [
    (model(), {"store": False}, Splice),
    (model(), {"store": True}, Translate),
    (PANEL, {"store": True}, Run),
    (model(), {}, Splice),
    (model(), {"n": 5}, Splice),
    (model(), {"response_format": STRICT}, Splice),
    (model(), {"messages": IMAGE}, Splice),
    (model(("chat", "responses")), {}, Splice),
    (model(("responses",)), {}, Translate),
    (model(multiple_choices=False), {}, Splice),
    (model(multiple_choices=False), {"n": 2}, Translate),
    (model(), {"functions": [{"name": "f"}]}, Translate),
    (model(structured_outputs=False), {"response_format": STRICT}, Run),
    (model(structured_outputs=False), {"response_format": LOOSE}, Splice),
    (PANEL, {}, Run),
    (PANEL, {"n": 8}, Run),
]


@pytest.mark.parametrize(("entry", "members", "kind"), SERVED)
@pytest.mark.requirement("lanes:choice")
def test_one_exchange_is_the_gateways_and_what_needs_more_is_a_run(
    entry: Entry, members: dict[str, Any], kind: type
) -> None:
    assert type(lane(entry, **members)) is kind


def test_a_model_as_a_run_is_a_panel_of_one() -> None:
    chosen = lane(model(structured_outputs=False), response_format=STRICT)

    assert isinstance(chosen, Run)
    assert chosen.panel.kind == "model"
    assert [agent.model.name for agent in chosen.panel.agents] == ["m"]


REFUSED: list[tuple[Entry, dict[str, Any], str]] = [
    (model(()), {}, "model"),
    (model(logprobs=False), {"logprobs": True}, "logprobs"),
    (model(tools=False), {"tools": [TOOL]}, "tools"),
    (model(images=False), {"messages": IMAGE}, "messages[0].content[0].type"),
    (PANEL, {"n": 9}, "n"),
    (PANEL, {"logprobs": True}, "logprobs"),
]


@pytest.mark.parametrize(("entry", "members", "param"), REFUSED)
@pytest.mark.requirement("lanes:refusals")
def test_what_nobody_can_do_is_refused_by_name(
    entry: Entry, members: dict[str, Any], param: str
) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        lane(entry, **members)

    assert refused.value.param == param


AUDIO: Any = {"modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "wav"}}


@pytest.mark.requirement("chat:audio:refused")
def test_an_answer_that_has_to_be_heard_is_refused_where_it_would_not_be() -> None:
    with pytest.raises(InvalidRequestError) as refused:
        choose_lane(model(), body(**AUDIO), panel_choices=8)

    assert (refused.value.param, refused.value.code) == ("modalities", "unsupported_parameter")


@pytest.mark.requirement("chat:audio:refused")
def test_openai_says_itself_which_of_its_models_speak() -> None:
    spec = msgspec.structs.replace(model().spec, provider=OPENAI)

    lane = choose_lane(ModelEntry(spec, created=1), body(**AUDIO), panel_choices=8)

    assert isinstance(lane, Splice)
