"""What an Anthropic backend is sent, judged by the SDK's types and a strict reader."""

from collections.abc import Iterable, Mapping
from typing import Any, cast

import msgspec
import pytest
from anthropic.types.message_create_params import (
    MessageCreateParamsNonStreaming,
    MessageCreateParamsStreaming,
)
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from model_providers.anthropic_messages.encode import (
    ANSWER_TOOL,
    DEFAULT_MAX_TOKENS,
    context_of,
    encode_request,
)
from model_providers.provider import ModelCall
from model_providers.tool_names import ToolName
from provider_sim.anthropic_messages import KNOWN_FIELDS, decode_request
from provider_sim.prompt import Prompt
from provider_sim.request_fields import parse_body
from wire.conversation import (
    CustomTool,
    FunctionTool,
    GenerationRequest,
    ImagePart,
    Item,
    Message,
    ResponseFormat,
    Role,
    Sampling,
    TextPart,
    ToolCall,
    ToolChoice,
    ToolResult,
    user_text,
)
from wire.deadline import Deadline
from wire.ids import CallId
from wire.specs import Capabilities, ModelSpec, ProviderSpec

SCHEMA = msgspec.Raw(b'{"type":"object","properties":{"n":{"type":"integer","minimum":1}}}')
WEATHER = FunctionTool("weather", "Tells it.", SCHEMA)
PATCH = CustomTool("patch", "Patches.")
HI = user_text("hi")
FORM = ResponseFormat("json_schema", "form", SCHEMA, strict=True)
PLAIN: dict[str, bool] = {"structured_outputs": False, "late_system_messages": False}

# ------------------------------------------------------------- two judges that know nothing of us

_STREAMING = TypeAdapter[Any](MessageCreateParamsStreaming)
_WHOLE = TypeAdapter[Any](MessageCreateParamsNonStreaming)


def judged(raw: bytes) -> dict[str, Any]:
    """The body, after both judges took every key of it."""
    body: dict[str, Any] = msgspec.json.decode(raw)
    typed = (_STREAMING if body.get("stream") else _WHOLE).validate_python(body)
    assert _plain(typed) == _without_older(body)
    understood(raw)
    return body


def understood(raw: bytes) -> Prompt:
    """What a strict reader makes of the body."""
    fields = parse_body(raw)
    assert set(fields.data) <= KNOWN_FIELDS
    return decode_request(fields).prompt


def _without_older(body: dict[str, Any]) -> dict[str, Any]:
    """The SDK's newest types know no sampling parameters; older versions of the API do."""
    return {key: value for key, value in body.items() if key not in {"temperature", "top_p"}}


def _plain(value: object) -> object:
    """The SDK's types validate arrays only when they are read."""
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in cast("Mapping[str, object]", value).items()}
    if isinstance(value, Iterable) and not isinstance(value, str):
        return [_plain(inner) for inner in cast("Iterable[object]", value)]
    return value


# -------------------------------------------------------------------------------------- requests


def says(role: Role, text: str) -> Message:
    return Message(role, (TextPart(text),))


def call_of(
    request: GenerationRequest,
    *,
    stream: bool = True,
    max_output_tokens: int | None = None,
    **capabilities: bool | None,
) -> ModelCall:
    provider = ProviderSpec(name="vendor", kind="anthropic", base_url="http://vendor/v1")
    model = ModelSpec(
        name="m",
        provider=provider,
        upstream_model="claude-1",
        max_output_tokens=max_output_tokens,
        capabilities=Capabilities(**{**PLAIN, **capabilities}),  # pyright: ignore[reportArgumentType]
    )
    return ModelCall(
        call_id=CallId("ccall_1"), model=model, request=request, deadline=Deadline(0), stream=stream
    )


def body_of(request: GenerationRequest, **options: bool | int | None) -> dict[str, Any]:
    return judged(encode_request(call_of(request, **options)))  # pyright: ignore[reportArgumentType]


def test_a_plain_question_needs_little() -> None:
    assert body_of(GenerationRequest((HI,)), stream=False) == {
        "messages": [
            {
                "role": "user",
                "content": [{"type": "text", "text": "hi", "cache_control": {"type": "ephemeral"}}],
            }
        ],
        "model": "claude-1",
        "max_tokens": DEFAULT_MAX_TOKENS,
    }


@pytest.mark.parametrize(
    ("asked", "most", "expected"),
    [
        (None, None, DEFAULT_MAX_TOKENS),
        (None, 99, 99),
        (50, 99, 50),
        (500, 99, 99),
        (500, None, 500),
    ],
)
def test_the_output_is_always_capped(asked: int | None, most: int | None, expected: int) -> None:
    request = GenerationRequest((HI,), sampling=Sampling(max_output_tokens=asked))

    assert body_of(request, max_output_tokens=most)["max_tokens"] == expected


@pytest.mark.requirement("providers:encode:prefix")
def test_caches_end_behind_the_system_prompt_and_behind_the_conversation() -> None:
    request = GenerationRequest(
        (says("system", "S"), HI, says("developer", "You are Ada.")), tools=(WEATHER,)
    )

    body = body_of(request)

    marked = {"type": "ephemeral"}
    assert body["system"] == [{"type": "text", "text": "S", "cache_control": marked}]
    assert [b.get("cache_control") for b in body["messages"][0]["content"]] == [marked, None]
    assert "cache_control" not in body["tools"][0]
    assert body_of(GenerationRequest((HI,), tools=(WEATHER,)))["tools"][0]["cache_control"]


@pytest.mark.requirement("providers:encode:prefix")
def test_calls_on_one_conversation_share_their_bytes_up_to_its_end() -> None:
    conversation = (says("system", "S" * 500), user_text("word " * 2_000))
    raw = [
        encode_request(
            call_of(GenerationRequest((*conversation, says("developer", text)), tools=(WEATHER,)))
        )
        for text in ("You are Ada.", "You are Bob. Judge.")
    ]

    shared = next(i for i, (a, b) in enumerate(zip(*raw, strict=False)) if a != b)

    assert shared >= raw[0].index(b"You are ")


@pytest.mark.requirement("providers:encode:capabilities")
@pytest.mark.parametrize(
    ("choice", "parallel", "expected"),
    [
        (ToolChoice(), None, None),
        (ToolChoice(), False, {"type": "auto", "disable_parallel_tool_use": True}),
        (ToolChoice("none"), None, {"type": "none"}),
        (ToolChoice("required"), None, {"type": "any"}),
        (ToolChoice("required"), False, {"type": "any", "disable_parallel_tool_use": True}),
        (ToolChoice("tool", "weather"), None, {"type": "tool", "name": "weather"}),
        (ToolChoice("tool", "look"), True, {"type": "tool", "name": "eyes__look"}),
    ],
)
def test_each_choice_of_tools_has_its_form(
    choice: ToolChoice, expected: object, *, parallel: bool | None
) -> None:
    tools = (WEATHER, FunctionTool("look", namespace="eyes"))
    request = GenerationRequest((HI,), tools, choice, parallel_tool_calls=parallel)

    body = body_of(request)

    assert body.get("tool_choice") == expected
    assert [tool["name"] for tool in body["tools"]] == ["weather", "eyes__look"]


def test_allowed_tools_are_the_only_ones_offered() -> None:
    request = GenerationRequest((HI,), (WEATHER, PATCH), ToolChoice("required", allowed=("patch",)))

    body = body_of(request)

    assert [tool["name"] for tool in body["tools"]] == ["patch"]
    assert body["tool_choice"] == {"type": "any"}


def test_calls_of_the_past_are_defined_and_not_repeated() -> None:
    items = (HI, ToolCall("c", "old.tool", "{}"), ToolResult("c", ()), HI)

    body = body_of(GenerationRequest(items))
    without = body_of(GenerationRequest(items, tools=(WEATHER,)), tools=False)

    assert [tool["name"] for tool in body["tools"]] == ["old_tool"]
    assert body["tool_choice"] == without["tool_choice"] == {"type": "none"}


def test_a_form_that_can_be_guaranteed_is_asked_for_as_such() -> None:
    body = body_of(GenerationRequest((HI,), response_format=FORM), structured_outputs=True)

    wanted = body["output_config"]["format"]
    assert wanted["type"] == "json_schema"
    assert wanted["schema"]["additionalProperties"] is False
    assert "minimum" not in wanted["schema"]["properties"]["n"]
    assert "tools" not in body


def test_another_form_is_the_arguments_of_a_tool_of_ours() -> None:
    call = call_of(GenerationRequest((HI,), response_format=FORM))

    body = judged(encode_request(call))

    [tool] = body["tools"]
    assert (tool["name"], tool["input_schema"]) == (ANSWER_TOOL, msgspec.json.decode(SCHEMA))
    assert body["tool_choice"] == {
        "type": "tool",
        "name": ANSWER_TOOL,
        "disable_parallel_tool_use": True,
    }
    assert context_of(call, lambda: "id").answer_tool == ANSWER_TOOL


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (ToolChoice(), ("any", 2)),
        (ToolChoice("none"), ("tool", 2)),
        (ToolChoice("required"), ("any", 1)),
        (ToolChoice("tool", "weather"), ("tool", 1)),
    ],
)
def test_beside_a_clients_tools_the_answer_is_one_choice(
    choice: ToolChoice, expected: tuple[str, int]
) -> None:
    request = GenerationRequest((HI,), (WEATHER,), choice, response_format=FORM)

    body = body_of(request)

    assert (body["tool_choice"]["type"], len(body["tools"])) == expected
    answers = context_of(call_of(request), lambda: "id").answer_tool is not None
    assert answers is (expected[1] == 2)


def test_a_clients_tool_may_have_our_name() -> None:
    tools = (FunctionTool(ANSWER_TOOL),)
    call = call_of(GenerationRequest((HI,), tools, response_format=FORM))

    names = [tool["name"] for tool in judged(encode_request(call))["tools"]]

    assert names == [ANSWER_TOOL, f"{ANSWER_TOOL}_"]
    assert context_of(call, lambda: "id").answer_tool == f"{ANSWER_TOOL}_"


def test_a_loose_object_and_an_odd_schema_are_asked_for_in_words() -> None:
    loose = body_of(GenerationRequest((HI,), response_format=ResponseFormat("json_object")))
    odd = ResponseFormat("json_schema", "x", msgspec.Raw(b'{"type":"array"}'))

    assert "JSON object" in loose["messages"][-1]["content"][-1]["text"]
    assert "tools" not in loose
    assert "tools" not in body_of(GenerationRequest((HI,), response_format=odd))


@pytest.mark.requirement("providers:encode:capabilities")
def test_sampling_goes_to_models_that_take_it() -> None:
    sampling = Sampling(temperature=1.7, top_p=0.5, seed=1, stop=("END", "\n"), logprobs=True)
    request = GenerationRequest((HI,), sampling=sampling)
    nucleus = GenerationRequest((HI,), sampling=Sampling(top_p=0.5))

    todays = body_of(request)
    older = msgspec.json.decode(encode_request(call_of(request, sampling=True)))
    other = msgspec.json.decode(encode_request(call_of(nucleus, sampling=True)))

    assert "temperature" not in todays
    assert todays["stop_sequences"] == ["END"]
    assert (older["temperature"], older.get("top_p"), other["top_p"]) == (1.0, None, 0.5)


@pytest.mark.parametrize(
    ("effort", "sent", "thinks"),
    [
        (None, None, True),
        ("none", "low", False),
        ("minimal", "low", False),
        ("high", "high", True),
        ("xhigh", "xhigh", True),
    ],
)
def test_a_reasoning_model_thinks_and_shows_it(
    effort: str | None, sent: str | None, *, thinks: bool
) -> None:
    request = GenerationRequest((HI,), sampling=Sampling(reasoning_effort=effort, temperature=0.5))

    body = body_of(request, reasoning=True)
    plain = body_of(request)

    shown = {"type": "adaptive", "display": "summarized"}
    assert body.get("thinking") == (shown if thinks else None)
    assert body.get("output_config", {}).get("effort") == sent
    assert "temperature" not in body
    assert "thinking" not in plain
    assert "output_config" not in plain


def test_a_forced_tool_leaves_no_time_to_think() -> None:
    request = GenerationRequest((HI,), response_format=FORM)

    assert "thinking" not in body_of(request, reasoning=True)


def test_who_asks_and_how_urgently_is_passed_on() -> None:
    body = body_of(GenerationRequest((HI,), user="u" * 300, service_tier="default"))

    assert body["metadata"] == {"user_id": "u" * 256}
    assert body["service_tier"] == "standard_only"


def test_a_model_without_eyes_is_sent_none() -> None:
    picture = Message("user", (ImagePart("https://x/y.png"),))

    body = body_of(GenerationRequest((picture,)), images=False)

    assert body["messages"][0]["content"][0]["type"] == "text"


def test_the_way_back_knows_names_and_wrappings() -> None:
    tools = (PATCH, FunctionTool("look", namespace="eyes"))

    context = context_of(call_of(GenerationRequest((HI,), tools)), lambda: "id")
    toolless = context_of(call_of(GenerationRequest((HI,), tools), tools=False), lambda: "id")

    assert context.tool_names == {
        "patch": ToolName("patch"),
        "eyes__look": ToolName("look", "eyes"),
    }
    assert context.free_text_tools == {"patch": "input"}
    assert (toolless.tool_names, toolless.free_text_tools) == ({}, {})


roles = st.sampled_from(["system", "developer", "user", "assistant"])
items = st.one_of(
    st.builds(says, roles, st.sampled_from(["", " ", "hi", "Grüße"])),
    st.builds(
        ToolCall, st.sampled_from("abc"), st.just("weather"), st.sampled_from(["{}", "", "["])
    ),
    st.builds(ToolResult, st.sampled_from("abc"), st.just((TextPart("18C"),))),
)
requests = st.builds(
    GenerationRequest,
    st.lists(items, max_size=10).map(tuple),
    st.lists(st.sampled_from([WEATHER, PATCH]), unique_by=lambda tool: tool.name).map(tuple),
    st.sampled_from([ToolChoice(), ToolChoice("none"), ToolChoice("required")]),
    response_format=st.sampled_from([ResponseFormat(), FORM, ResponseFormat("json_object")]),
)


@given(
    requests,
    st.fixed_dictionaries(
        {
            name: st.booleans()
            for name in ("structured_outputs", "late_system_messages", "reasoning", "tools")
        }
    ),
)
def test_any_request_is_one_that_the_vendor_takes(
    request: GenerationRequest, capabilities: dict[str, bool]
) -> None:
    understood(encode_request(call_of(request, **capabilities)))


def said_in(items: tuple[Item, ...]) -> str:
    prompt = understood(encode_request(call_of(GenerationRequest(items))))
    return " ".join(message.text for message in prompt.messages)


@pytest.mark.requirement("providers:encode:lossless")
@given(st.lists(roles, min_size=1, max_size=8))
def test_whoever_speaks_is_heard(speakers: list[Role]) -> None:
    heard = said_in(tuple(says(role, f"word-{n}") for n, role in enumerate(speakers)))

    assert [f"word-{n}" in heard for n in range(len(speakers))] == [True] * len(speakers)
