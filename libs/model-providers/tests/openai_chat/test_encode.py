"""What a Chat backend is sent."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_providers.openai_chat.encode import encode_request
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
    Role,
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

SCHEMA = msgspec.Raw(b'{"type": "object",  "x-order": [2, 1]}')
WEATHER = FunctionTool("weather", "Tells it.", SCHEMA, strict=True)
PATCH = CustomTool("patch", format=msgspec.Raw(b'{"type":"text"}'))


def model(kind: ProviderKind = "openai", **capabilities: bool) -> ModelSpec:
    return ModelSpec(
        name="m",
        provider=ProviderSpec(name="vendor", kind=kind, base_url="http://vendor/v1"),
        upstream_model="m-1",
        capabilities=Capabilities(**capabilities),
    )


def encoded(
    request: GenerationRequest, spec: ModelSpec | None = None, *, stream: bool = True
) -> bytes:
    call = ModelCall(
        call_id=CallId("ccall_1"),
        model=spec or model(),
        request=request,
        deadline=Deadline(0),
        stream=stream,
    )
    return encode_request(call)


def body_of(request: GenerationRequest, spec: ModelSpec | None = None) -> dict[str, Any]:
    return msgspec.json.decode(encoded(request, spec))


def messages_of(*items: Item, spec: ModelSpec | None = None) -> list[dict[str, Any]]:
    return body_of(GenerationRequest(items), spec)["messages"]


def says(role: Role, *said: str) -> Message:
    return Message(role, tuple(TextPart(text) for text in said))


# ---------------------------------------------------------------------------------- conversation


def test_tool_calls_join_the_assistant_message_before_them() -> None:
    messages = messages_of(
        user_text("weather?"),
        says("assistant", "I look."),
        ReasoningItem(("thinking",)),
        ToolCall("c1", "weather", '{"at":"Bonn"}'),
        ToolCall("c2", "patch", "*** text", kind="custom"),
        ToolResult("c1", (TextPart("rain"),)),
        ToolResult("c2", (TextPart("ok"),), kind="custom"),
        says("assistant", "Rain."),
    )

    assert [message["role"] for message in messages] == [
        "user",
        "assistant",
        "tool",
        "tool",
        "assistant",
    ]
    assert messages[1]["tool_calls"] == [
        {
            "id": "c1",
            "type": "function",
            "function": {"name": "weather", "arguments": '{"at":"Bonn"}'},
        },
        {"id": "c2", "type": "custom", "custom": {"name": "patch", "input": "*** text"}},
    ]
    assert messages[2] == {"role": "tool", "content": "rain", "tool_call_id": "c1"}


def test_calls_without_a_message_get_one_with_null_content() -> None:
    [message] = messages_of(ToolCall("c1", "weather", "{}"))

    assert message["content"] is None


def test_text_after_calls_stays_in_their_message() -> None:
    messages = messages_of(
        ToolCall("c1", "weather", "{}"),
        says("assistant", "One moment."),
        ToolResult("c1", (TextPart("rain"),)),
    )

    assert [message["role"] for message in messages] == ["assistant", "tool"]
    assert messages[0]["content"] == "One moment."


def test_results_follow_their_calls_whatever_was_said_in_between() -> None:
    messages = messages_of(
        says("user", "go"),
        ToolCall("a", "f", "{}"),
        says("user", "hurry"),
        ToolCall("b", "f", "{}"),
        ToolResult("b", (TextPart("2"),)),
        says("developer", "be brief"),
        ToolResult("a", (TextPart("1"),)),
        says("assistant", "done"),
        ToolCall("a", "f", "{}"),
        says("user", "never mind"),
    )

    said = [m.get("tool_call_id") or m["content"] or len(m["tool_calls"]) for m in messages]
    assert said == ["go", 2, "b", "a", "hurry", "be brief", "done", "never mind"]


def test_media_of_tool_results_follow_the_last_of_them() -> None:
    shot = ImagePart("data:image/png;base64,AAAA", "high")
    messages = messages_of(
        ToolCall("c1", "look", "{}"),
        ToolCall("c2", "look", "{}"),
        ToolResult("c1", (shot,)),
        ToolResult("c2", (TextPart("nothing"),)),
        user_text("and?"),
    )

    assert [message["role"] for message in messages] == [
        "assistant",
        "tool",
        "tool",
        "user",
        "user",
    ]
    assert messages[1]["content"]
    assert messages[3]["content"] == [
        {"type": "text", "text": "[output of tool call c1]"},
        {"type": "image_url", "image_url": {"url": shot.url, "detail": "high"}},
    ]


def test_parts_keep_their_order_and_kind() -> None:
    [message] = messages_of(
        Message(
            "user",
            (
                TextPart("a"),
                ImagePart("https://x/y.png"),
                AudioPart("QUJD", "wav"),
                FilePart("a.pdf", "data:application/pdf;base64,QQ=="),
                FilePart("b.pdf", file_url="https://x/b.pdf"),
            ),
            name="ann",
        )
    )

    assert message["name"] == "ann"
    assert message["content"] == [
        {"type": "text", "text": "a"},
        {"type": "image_url", "image_url": {"url": "https://x/y.png"}},
        {"type": "input_audio", "input_audio": {"data": "QUJD", "format": "wav"}},
        {
            "type": "file",
            "file": {"file_data": "data:application/pdf;base64,QQ==", "filename": "a.pdf"},
        },
        {"type": "text", "text": "[file: https://x/b.pdf]"},
    ]


def test_a_refusal_goes_back_as_one() -> None:
    [message] = messages_of(Message("assistant", (RefusalPart("No."),)))

    assert (message["content"], message["refusal"]) == (None, "No.")


@pytest.mark.requirement("providers:encode:capabilities")
@pytest.mark.parametrize(
    ("kind", "capabilities", "expected"),
    [
        ("openai", {}, ["developer", "system", "user", "developer"]),
        ("openai-compatible", {}, ["system", "system", "user", "system"]),
        (
            "openai-compatible",
            {"developer_role": True},
            ["developer", "system", "user", "developer"],
        ),
        ("openai-compatible", {"late_system_messages": False}, ["system"] * 2 + ["user"] * 2),
        ("openai", {"developer_role": False}, ["system", "system", "user", "system"]),
        ("azure-openai", {}, ["developer", "system", "user", "developer"]),
    ],
)
def test_instructions_have_the_role_the_backend_knows(
    kind: ProviderKind, capabilities: dict[str, bool], expected: list[str]
) -> None:
    messages = messages_of(
        says("developer", "be brief"),
        says("system", "be kind"),
        user_text("hi"),
        says("developer", "vote now"),
        spec=model(kind, **capabilities),
    )

    assert [message["role"] for message in messages] == expected


def test_items_we_do_not_interpret_are_text_or_left_out() -> None:
    shell = OtherItem("shell_call", msgspec.Raw(b'{"type":"shell_call","command":"ls"}'))
    output = OtherItem("shell_call_output", msgspec.Raw(b'{"output":"a.txt"}'))
    search = OtherItem("web_search_call", msgspec.Raw(b'{"type":"web_search_call"}'))

    messages = messages_of(user_text("list"), shell, output, search)

    assert [(message["role"], message["content"]) for message in messages] == [
        ("user", "list"),
        ("assistant", '[shell_call] {"type":"shell_call","command":"ls"}'),
        ("user", '[shell_call_output] {"output":"a.txt"}'),
    ]


def test_a_sealed_compaction_is_never_sent() -> None:
    with pytest.raises(PlatformFaultError):
        encoded(GenerationRequest((CompactionItem("sealed"),)))


def test_images_are_named_to_a_backend_that_cannot_see() -> None:
    [message] = messages_of(
        Message("user", (TextPart("see"), ImagePart("data:,"))), spec=model(images=False)
    )

    assert message["content"][1]["text"].startswith("[image left out")


# ---------------------------------------------------------------------------- lossless round trip

TEXT = st.text(min_size=1, max_size=20)


@st.composite
def texts(draw: st.DrawFn) -> tuple[Part, ...]:
    return tuple(TextPart(text) for text in draw(st.lists(TEXT, min_size=1, max_size=3)))


@st.composite
def user_parts(draw: st.DrawFn) -> tuple[Part, ...]:
    part = st.one_of(TEXT.map(TextPart), TEXT.map(ImagePart), st.builds(AudioPart, TEXT, TEXT))
    return tuple(draw(st.lists(part, min_size=1, max_size=3)))


@st.composite
def tool_turns(draw: st.DrawFn) -> list[Item]:
    """Maybe a word, then calls, then their results."""
    said: list[Item] = [Message("assistant", draw(texts()))] if draw(st.booleans()) else []
    calls: list[Item] = []
    results: list[Item] = []
    for call_id in draw(st.lists(TEXT, min_size=1, max_size=3, unique=True)):
        kind: ToolKind = "custom" if draw(st.booleans()) else "function"
        calls.append(ToolCall(call_id, draw(TEXT), draw(TEXT), kind))
        results.append(ToolResult(call_id, draw(texts()), kind))
    return [*said, *calls, *results]


@st.composite
def conversations(draw: st.DrawFn) -> tuple[Item, ...]:
    items: list[Item] = []
    for _ in range(draw(st.integers(1, 5))):
        match draw(st.sampled_from(("user", "assistant", "system", "developer", "tools"))):
            case "tools":
                items += draw(tool_turns())
            case "user":
                items.append(Message("user", draw(user_parts())))
            case "system" | "developer" | "assistant" as role:
                items.append(Message(role, draw(texts())))
    return tuple(items)


def read_back(messages: list[dict[str, Any]]) -> tuple[Item, ...]:
    """An independent reader of Chat messages, for what the test's conversations hold."""
    items: list[Item] = []
    kinds: dict[str, ToolKind] = {}
    for message in messages:
        role, content = message["role"], message["content"]
        if role == "tool":
            call_id = message["tool_call_id"]
            items.append(ToolResult(call_id, _read_parts(content), kinds[call_id]))
            continue
        if content is not None:
            items.append(Message(role, _read_parts(content)))
        for call in message.get("tool_calls", []):
            kind, call_id = call["type"], call["id"]
            body, kinds[call_id] = call[kind], kind
            text = body["arguments"] if kind == "function" else body["input"]
            items.append(ToolCall(call_id, body["name"], text, kind))
    return tuple(items)


def _read_parts(content: str | list[dict[str, Any]]) -> tuple[Part, ...]:
    if isinstance(content, str):
        return (TextPart(content),)
    return tuple(_read_part(part) for part in content)


def _read_part(part: dict[str, Any]) -> Part:
    match part["type"]:
        case "text":
            return TextPart(part["text"])
        case "image_url":
            return ImagePart(part["image_url"]["url"])
        case _:
            return AudioPart(**part["input_audio"])


@pytest.mark.requirement("providers:encode:lossless")
@given(conversations())
def test_a_conversation_read_back_is_the_conversation(items: tuple[Item, ...]) -> None:
    assert read_back(messages_of(*items)) == items


@pytest.mark.requirement("providers:encode:prefix")
@given(conversations(), TEXT, TEXT)
def test_two_calls_on_one_conversation_share_its_bytes(
    items: tuple[Item, ...], first: str, second: str
) -> None:
    shared = encoded(GenerationRequest((*items, user_text("end"))))
    bodies = [
        encoded(
            GenerationRequest(
                (*items, user_text("end"), says("developer", text)),
                sampling=Sampling(temperature=len(text) / 100),
            ),
            model(seed=len(text) % 2 == 0),
        )
        for text in (first, second)
    ]

    head = shared[: shared.rindex(b'],"model"')]
    assert all(body.startswith(head) for body in bodies)


# ----------------------------------------------------------------------------- tools, parameters


@pytest.mark.requirement("providers:encode:capabilities")
def test_tools_go_out_with_their_schemas_verbatim() -> None:
    body = encoded(GenerationRequest((user_text("x"),), tools=(WEATHER, PATCH)))

    assert bytes(SCHEMA) in body
    assert msgspec.json.decode(body)["tools"] == [
        {
            "type": "function",
            "function": {
                "name": "weather",
                "description": "Tells it.",
                "parameters": {"type": "object", "x-order": [2, 1]},
                "strict": True,
            },
        },
        {"type": "custom", "custom": {"name": "patch", "format": {"type": "text"}}},
    ]


@pytest.mark.parametrize("spec", [model(), model(tools=False)])
def test_tools_are_never_sent_empty_nor_their_companions_without_them(spec: ModelSpec) -> None:
    tools = () if spec.capabilities.tools else (WEATHER,)

    body = body_of(
        GenerationRequest(
            (user_text("x"),),
            tools=tools,
            tool_choice=ToolChoice("required"),
            parallel_tool_calls=False,
        ),
        spec,
    )

    assert not {"tools", "tool_choice", "parallel_tool_calls"} & body.keys()


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (ToolChoice(), None),
        (ToolChoice("none"), "none"),
        (ToolChoice("required"), "required"),
        (ToolChoice("tool", "weather"), {"type": "function", "function": {"name": "weather"}}),
        (ToolChoice("tool", "patch", "custom"), {"type": "custom", "custom": {"name": "patch"}}),
        (
            ToolChoice("required", allowed=("patch", "weather")),
            {
                "type": "allowed_tools",
                "allowed_tools": {
                    "mode": "required",
                    "tools": [
                        {"type": "custom", "custom": {"name": "patch"}},
                        {"type": "function", "function": {"name": "weather"}},
                    ],
                },
            },
        ),
    ],
)
def test_the_tool_choice_is_said_in_chats_words(choice: ToolChoice, expected: object) -> None:
    request = GenerationRequest((user_text("x"),), tools=(WEATHER, PATCH), tool_choice=choice)

    assert body_of(request).get("tool_choice") == expected


@pytest.mark.requirement("providers:encode:capabilities")
def test_a_compatible_backend_gets_only_the_allowed_tools() -> None:
    request = GenerationRequest(
        (user_text("x"),),
        tools=(WEATHER, PATCH),
        tool_choice=ToolChoice("required", allowed=("weather",)),
    )

    body = body_of(request, model("openai-compatible"))

    assert [tool["function"]["name"] for tool in body["tools"]] == ["weather"]
    assert body["tool_choice"] == "required"


def test_namespaced_tools_have_flat_names() -> None:
    tool = FunctionTool("read", namespace="files")
    request = GenerationRequest(
        (user_text("x"), ToolCall("c1", "read", "{}", namespace="files")),
        tools=(tool,),
        tool_choice=ToolChoice("tool", "read"),
    )

    body = body_of(request)

    assert body["tools"][0]["function"]["name"] == "files__read"
    assert body["tool_choice"]["function"]["name"] == "files__read"
    assert body["messages"][1]["tool_calls"][0]["function"]["name"] == "files__read"


FULL = Sampling(
    temperature=0.5,
    top_p=0.9,
    max_output_tokens=100,
    stop=("END",),
    seed=7,
    presence_penalty=0.1,
    frequency_penalty=0.2,
    logit_bias={"50256": -100},
    logprobs=True,
    top_logprobs=3,
    reasoning_effort="low",
    verbosity="high",
)


@pytest.mark.requirement("providers:encode:capabilities")
def test_openai_gets_every_parameter_in_its_own_words() -> None:
    request = GenerationRequest(
        (user_text("x"),),
        sampling=FULL,
        user="ann",
        prompt_cache_key="k",
        service_tier="flex",
        response_format=ResponseFormat("json_schema", "answer", SCHEMA, strict=True),
    )

    body = body_of(request, model(reasoning=True))

    assert {key: body[key] for key in body if key not in ("messages", "response_format")} == {
        "model": "m-1",
        "max_completion_tokens": 100,
        "temperature": 0.5,
        "top_p": 0.9,
        "stop": ["END"],
        "seed": 7,
        "presence_penalty": 0.1,
        "frequency_penalty": 0.2,
        "logit_bias": {"50256": -100.0},
        "logprobs": True,
        "top_logprobs": 3,
        "reasoning_effort": "low",
        "verbosity": "high",
        "service_tier": "flex",
        "user": "ann",
        "prompt_cache_key": "k",
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    assert body["response_format"] == {
        "type": "json_schema",
        "json_schema": {
            "name": "answer",
            "schema": {"type": "object", "x-order": [2, 1]},
            "strict": True,
        },
    }


@pytest.mark.requirement("providers:encode:capabilities")
def test_azure_gets_openais_words_without_openais_own_services() -> None:
    request = GenerationRequest(
        (user_text("x"),), sampling=FULL, prompt_cache_key="k", service_tier="flex"
    )

    body = body_of(request, model("azure-openai"))

    assert body["max_completion_tokens"] == 100
    assert not {"service_tier", "prompt_cache_key", "verbosity"} & body.keys()


@pytest.mark.requirement("providers:encode:capabilities")
def test_a_backend_that_refuses_sampling_is_sent_none() -> None:
    body = body_of(GenerationRequest((user_text("x"),), sampling=FULL), model(sampling=False))

    assert not {"temperature", "top_p"} & body.keys()


@pytest.mark.requirement("providers:encode:capabilities")
def test_a_modest_backend_gets_what_it_knows() -> None:
    request = GenerationRequest(
        (user_text("x"),),
        sampling=FULL,
        prompt_cache_key="k",
        service_tier="flex",
        response_format=ResponseFormat("json_schema", "answer", SCHEMA, strict=True),
    )
    spec = model("openai-compatible", seed=False, logprobs=False, structured_outputs=False)

    body = body_of(request, spec)

    assert body["max_tokens"] == 100
    unknown = {
        "max_completion_tokens",
        "seed",
        "logprobs",
        "top_logprobs",
        "reasoning_effort",
        "verbosity",
        "service_tier",
        "prompt_cache_key",
        "response_format",
    }
    assert not unknown & body.keys()


def test_the_output_caps_name_can_be_declared() -> None:
    request = GenerationRequest((user_text("x"),), sampling=Sampling(max_output_tokens=5))

    declared = model("openai-compatible", max_completion_tokens=True)

    assert body_of(request, declared)["max_completion_tokens"] == 5


def test_json_mode_is_asked_for_by_name() -> None:
    request = GenerationRequest((user_text("x"),), response_format=ResponseFormat("json_object"))

    assert body_of(request)["response_format"] == {"type": "json_object"}


def test_a_call_that_is_not_streamed_says_nothing_of_streams() -> None:
    body = encoded(GenerationRequest((user_text("x"),)), stream=False)

    assert b"stream" not in body


def test_the_bytes_are_the_same_every_time() -> None:
    request = GenerationRequest((user_text("x"),), tools=(WEATHER,), sampling=FULL)

    assert len({encoded(request) for _ in range(5)}) == 1
