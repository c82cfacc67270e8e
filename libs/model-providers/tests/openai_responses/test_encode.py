"""What a Responses backend is sent."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_providers.openai_responses.encode import encode_request
from model_providers.provider import ModelCall
from wire.conversation import (
    AudioPart,
    CompactionItem,
    CustomTool,
    FilePart,
    FunctionTool,
    GenerationRequest,
    ImagePart,
    Item,
    Message,
    OtherItem,
    Part,
    ReasoningItem,
    RefusalPart,
    ResponseFormat,
    Sampling,
    TextPart,
    ToolCall,
    ToolChoice,
    ToolKind,
    ToolResult,
    user_text,
)
from wire.deadline import Deadline
from wire.errors import PlatformFaultError
from wire.ids import CallId
from wire.specs import Capabilities, ModelSpec, ProviderKind, ProviderSpec

SCHEMA = msgspec.Raw(b'{"type": "object",  "x": [2, 1]}')


def model(kind: ProviderKind = "openai", **capabilities: bool) -> ModelSpec:
    return ModelSpec(
        name="m",
        provider=ProviderSpec(name="vendor", kind=kind, base_url="http://vendor/v1"),
        upstream_model="m-1",
        capabilities=Capabilities(**capabilities),
        dialects=("responses",),
    )


def encoded(request: GenerationRequest, spec: ModelSpec | None = None) -> bytes:
    call = ModelCall(
        call_id=CallId("ccall_1"), model=spec or model(), request=request, deadline=Deadline(0)
    )
    return encode_request(call)


def body_of(request: GenerationRequest, spec: ModelSpec | None = None) -> dict[str, Any]:
    return msgspec.json.decode(encoded(request, spec))


def input_of(*items: Item, spec: ModelSpec | None = None) -> list[dict[str, Any]]:
    return body_of(GenerationRequest(items), spec)["input"]


def test_each_item_has_its_type() -> None:
    assert input_of(
        Message("developer", (TextPart("be brief"),)),
        Message("user", (TextPart("see"), ImagePart("data:,x"), AudioPart("QQ", "mp3"))),
        Message("user", (FilePart("a.pdf", file_url="https://x/a.pdf"),)),
        Message("assistant", (TextPart("a"), RefusalPart("no")), id="msg_1", phase="commentary"),
        ToolCall("c1", "f", "{}", id="fc_1"),
        ToolCall("c2", "g", "*", kind="custom"),
        ToolResult("c1", (TextPart("ok"),)),
        ToolResult("c2", (ImagePart("data:,y", "high"),), kind="custom"),
    ) == [
        {"type": "message", "role": "developer", "content": "be brief"},
        {
            "type": "message",
            "role": "user",
            "content": [
                {"type": "input_text", "text": "see"},
                {"type": "input_image", "image_url": "data:,x", "detail": "auto"},
                {"type": "input_audio", "input_audio": {"data": "QQ", "format": "mp3"}},
            ],
        },
        {
            "type": "message",
            "role": "user",
            "content": [{"type": "input_file", "file_url": "https://x/a.pdf", "filename": "a.pdf"}],
        },
        {
            "type": "message",
            "role": "assistant",
            "content": [
                {"type": "output_text", "text": "a"},
                {"type": "refusal", "refusal": "no"},
            ],
            "phase": "commentary",
        },
        {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"},
        {"type": "custom_tool_call", "call_id": "c2", "name": "g", "input": "*"},
        {"type": "function_call_output", "call_id": "c1", "output": "ok"},
        {
            "type": "custom_tool_call_output",
            "call_id": "c2",
            "output": [{"type": "input_image", "image_url": "data:,y", "detail": "high"}],
        },
    ]


def test_reasoning_goes_back_only_sealed_and_without_its_id() -> None:
    assert input_of(
        ReasoningItem(("said",), id="rs_1"), ReasoningItem(("kept",), "sealed", "rs_2")
    ) == [
        {
            "type": "reasoning",
            "summary": [{"type": "summary_text", "text": "kept"}],
            "encrypted_content": "sealed",
        }
    ]


def test_items_we_do_not_interpret_go_to_openai_verbatim_and_elsewhere_as_text() -> None:
    raw = b'{"type":"shell_call",  "command":"ls"}'
    items = (OtherItem("shell_call", msgspec.Raw(raw)), OtherItem("web_search_call", SCHEMA))

    assert raw in encoded(GenerationRequest(items))
    [message] = input_of(*items, spec=model("openai-compatible"))
    assert (message["role"], message["content"]) == ("assistant", f"[shell_call] {raw.decode()}")


def test_a_sealed_compaction_is_never_sent() -> None:
    with pytest.raises(PlatformFaultError):
        encoded(GenerationRequest((CompactionItem("sealed"),)))


TEXT = st.text(min_size=1, max_size=20)


@st.composite
def conversations(draw: st.DrawFn) -> tuple[Item, ...]:
    items: list[Item] = []
    for place in range(draw(st.integers(1, 6))):
        parts: tuple[Part, ...] = (TextPart(draw(TEXT)),)
        match draw(st.sampled_from(("user", "assistant", "system", "developer", "tools"))):
            case "tools":
                kind: ToolKind = "custom" if draw(st.booleans()) else "function"
                items.append(ToolCall(f"c{place}", draw(TEXT), draw(TEXT), kind))
                items.append(ToolResult(f"c{place}", parts, kind))
            case role:
                items.append(Message(role, parts))
    return tuple(items)


def read_back(item: dict[str, Any]) -> Item:
    """An independent reader of input items, for what the test's conversations hold."""
    match item["type"]:
        case "message":
            return Message(item["role"], (TextPart(item["content"]),))
        case "function_call":
            return ToolCall(item["call_id"], item["name"], item["arguments"])
        case "custom_tool_call":
            return ToolCall(item["call_id"], item["name"], item["input"], "custom")
        case output_type:
            kind: ToolKind = "custom" if output_type.startswith("custom") else "function"
            return ToolResult(item["call_id"], (TextPart(item["output"]),), kind)


@pytest.mark.requirement("providers:encode:lossless")
@given(conversations())
def test_a_conversation_read_back_is_the_conversation(items: tuple[Item, ...]) -> None:
    assert tuple(read_back(item) for item in input_of(*items)) == items


@pytest.mark.requirement("providers:encode:prefix")
@given(conversations(), TEXT)
def test_two_calls_on_one_conversation_share_its_bytes(items: tuple[Item, ...], text: str) -> None:
    shared = encoded(GenerationRequest(items))
    longer = encoded(GenerationRequest((*items, user_text(text))))

    assert longer.startswith(shared[: shared.rindex(b'],"model"')])


@pytest.mark.requirement("providers:encode:capabilities")
def test_tools_are_flat_with_strictness_always_said_and_namespaces_grouped() -> None:
    tools = (
        FunctionTool("f", "Does.", SCHEMA, strict=True),
        FunctionTool("read", namespace="files"),
        CustomTool("g", format=msgspec.Raw(b'{"type":"text"}')),
        FunctionTool("write", namespace="files", strict=False),
    )

    body = encoded(GenerationRequest((user_text("x"),), tools=tools))

    assert bytes(SCHEMA) in body
    function, namespace, custom = msgspec.json.decode(body)["tools"]
    assert (function["name"], function["strict"]) == ("f", True)
    assert (namespace["type"], namespace["name"]) == ("namespace", "files")
    assert [(tool["name"], tool["strict"], tool["parameters"]) for tool in namespace["tools"]] == [
        ("read", False, None),
        ("write", False, None),
    ]
    assert custom == {"type": "custom", "name": "g", "format": {"type": "text"}}


def test_a_compatible_backend_gets_flat_names() -> None:
    request = GenerationRequest(
        (ToolCall("c1", "read", "{}", namespace="files"),),
        tools=(FunctionTool("read", namespace="files"),),
        tool_choice=ToolChoice("tool", "read"),
    )

    body = body_of(request, model("openai-compatible"))

    assert body["tools"][0]["name"] == "files__read"
    assert body["input"][0]["name"] == "files__read"
    assert body["tool_choice"] == {"type": "function", "name": "files__read"}


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (ToolChoice(), None),
        (ToolChoice("none"), "none"),
        (ToolChoice("required"), "required"),
        (ToolChoice("tool", "f"), {"type": "function", "name": "f"}),
        (
            ToolChoice("auto", allowed=("g", "f")),
            {
                "type": "allowed_tools",
                "mode": "auto",
                "tools": [{"type": "custom", "name": "g"}, {"type": "function", "name": "f"}],
            },
        ),
    ],
)
def test_the_tool_choice_is_said_in_this_dialects_words(
    choice: ToolChoice, expected: object
) -> None:
    tools = (FunctionTool("f"), CustomTool("g"))
    request = GenerationRequest((user_text("x"),), tools=tools, tool_choice=choice)

    assert body_of(request).get("tool_choice") == expected


def test_a_backend_that_refuses_sampling_is_sent_none() -> None:
    request = GenerationRequest((user_text("x"),), sampling=Sampling(temperature=1, top_p=0.5))

    assert not {"temperature", "top_p"} & body_of(request, model(sampling=False)).keys()


@pytest.mark.parametrize(("asked", "sent"), [(None, None), (1, 16), (16, 16), (500, 500)])
def test_a_cap_is_at_least_what_this_dialect_takes(asked: int | None, sent: int | None) -> None:
    request = GenerationRequest((user_text("x"),), sampling=Sampling(max_output_tokens=asked))

    assert body_of(request).get("max_output_tokens") == sent


@pytest.mark.requirement("chat:custom-tools")
def test_a_grammar_from_chat_is_flat_here() -> None:
    nested = b'{"type":"grammar","grammar":{"syntax":"lark","definition":"x"}}'
    tools = (CustomTool("g", format=msgspec.Raw(nested)),)

    (sent,) = body_of(GenerationRequest((user_text("x"),), tools=tools))["tools"]

    assert sent["format"] == {"type": "grammar", "syntax": "lark", "definition": "x"}


def test_tools_and_their_companions_are_absent_where_there_are_none() -> None:
    request = GenerationRequest(
        (user_text("x"),), tool_choice=ToolChoice("required"), parallel_tool_calls=True
    )

    assert not {"tools", "tool_choice", "parallel_tool_calls"} & body_of(request).keys()


@pytest.mark.requirement("providers:encode:capabilities")
def test_parameters_this_dialect_has_are_sent_and_nothing_is_stored() -> None:
    request = GenerationRequest(
        (user_text("x"),),
        sampling=Sampling(
            temperature=0.5,
            top_p=0.9,
            max_output_tokens=100,
            stop=("END",),
            seed=7,
            logprobs=True,
            top_logprobs=2,
            reasoning_effort="low",
            verbosity="high",
        ),
        response_format=ResponseFormat("json_schema", "answer", SCHEMA, strict=True),
        user="ann",
        prompt_cache_key="k",
        service_tier="flex",
    )

    body = body_of(request, model(reasoning=True))

    body.pop("input")
    assert body == {
        "model": "m-1",
        "store": False,
        "text": {
            "format": {
                "type": "json_schema",
                "name": "answer",
                "schema": {"type": "object", "x": [2, 1]},
                "strict": True,
            },
            "verbosity": "high",
        },
        "reasoning": {"effort": "low"},
        "include": ["message.output_text.logprobs", "reasoning.encrypted_content"],
        "max_output_tokens": 100,
        "temperature": 0.5,
        "top_p": 0.9,
        "top_logprobs": 2,
        "service_tier": "flex",
        "user": "ann",
        "prompt_cache_key": "k",
        "stream": True,
    }


def test_a_modest_backend_gets_what_it_knows() -> None:
    request = GenerationRequest(
        (Message("developer", (TextPart("x"),)),),
        tools=(FunctionTool("f"),),
        sampling=Sampling(logprobs=True, reasoning_effort="low", verbosity="high"),
        response_format=ResponseFormat("json_schema", "answer", SCHEMA),
    )
    spec = model(
        "openai-compatible",
        tools=False,
        logprobs=False,
        structured_outputs=False,
        developer_role=False,
    )

    body = body_of(request, spec)

    assert body["input"][0]["role"] == "system"
    assert body.keys() == {"input", "model", "store", "stream"}
