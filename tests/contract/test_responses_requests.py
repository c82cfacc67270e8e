"""What model_providers asks in Responses' words, the gateway's dialect understands the same."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api_gateway.dialects.responses.decode import decode_body
from api_gateway.dialects.responses.head import decode_head
from api_gateway.dialects.responses.items import split_input
from model_providers.openai_responses.encode import encode_request
from model_providers.provider import ModelCall
from wire.conversation import (
    AudioPart,
    CustomTool,
    FilePart,
    FunctionTool,
    GenerationRequest,
    ImagePart,
    Item,
    Message,
    Part,
    ReasoningItem,
    RefusalPart,
    ResponseFormat,
    Role,
    Sampling,
    TextPart,
    Tool,
    ToolCall,
    ToolChoice,
    ToolKind,
    ToolResult,
)
from wire.deadline import Deadline
from wire.ids import CallId
from wire.raw_json import ABSENT
from wire.specs import Capabilities, ModelSpec, ProviderSpec

MODEL = ModelSpec(
    name="m",
    provider=ProviderSpec(name="p", kind="openai", base_url="https://api.openai.com/v1"),
    upstream_model="vendor",
    capabilities=Capabilities(reasoning=True),
    dialects=("responses",),
)
SCHEMA = msgspec.Raw(b'{"type":"object","properties":{"a":{"type":"string"}}}')
TEXT_FORMAT = msgspec.Raw(b'{"type":"text"}')

texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
names = st.from_regex(r"[A-Za-z0-9_-]{1,20}", fullmatch=True)
namespaces = st.none() | st.sampled_from(["files", "weather"])

# ------------------------------------------------------------------------------- conversations

heard: st.SearchStrategy[Part] = st.one_of(
    st.builds(TextPart, texts),
    st.builds(
        ImagePart,
        st.sampled_from(["https://x/y.png", "data:image/png;base64,AAAA"]),
        st.sampled_from(["auto", "low", "high", "original"]),
    ),
    st.builds(AudioPart, st.just("AAAA"), st.sampled_from(["wav", "mp3"])),
    st.builds(FilePart, filename=st.none() | texts, file_data=st.just("data:text/plain;base64,")),
    st.builds(FilePart, file_url=st.just("https://x/a.pdf")),
)
spoken: st.SearchStrategy[Part] = st.builds(TextPart, texts) | st.builds(RefusalPart, texts)
HEARERS: list[Role] = ["system", "developer", "user"]
KINDS: list[ToolKind] = ["function", "custom"]


@st.composite
def said(draw: st.DrawFn) -> list[Item]:
    hearing = draw(st.booleans())
    role: Role = draw(st.sampled_from(HEARERS)) if hearing else "assistant"
    parts = draw(st.lists(heard if hearing else spoken, min_size=1, max_size=3))
    return [Message(role, tuple(parts))]


@st.composite
def thought(draw: st.DrawFn) -> list[Item]:
    return [ReasoningItem(tuple(draw(st.lists(texts, max_size=2))), draw(texts))]


@st.composite
def called(draw: st.DrawFn) -> list[Item]:
    """Some calls, and their results in any order."""
    ids = draw(st.lists(names, min_size=1, max_size=3, unique=True))
    calls = [
        ToolCall(each, draw(names), draw(texts), draw(st.sampled_from(KINDS)), draw(namespaces))
        for each in ids
    ]
    results = [
        ToolResult(call.call_id, tuple(draw(st.lists(heard, min_size=1, max_size=2))), call.kind)
        for call in calls
    ]
    return [*calls, *draw(st.permutations(results))]


conversations = st.lists(said() | thought() | called(), min_size=1, max_size=5)

# -------------------------------------------------------------------------------------- the rest

tools: st.SearchStrategy[Tool] = st.one_of(
    st.builds(
        FunctionTool,
        names,
        description=st.none() | texts,
        parameters=st.sampled_from([ABSENT, SCHEMA]),
        strict=st.just(value=False),
    ),
    st.builds(
        CustomTool,
        names,
        description=st.none() | texts,
        format=st.sampled_from([ABSENT, TEXT_FORMAT]),
    ),
)
samplings = st.builds(
    Sampling,
    temperature=st.none() | st.floats(0, 2),
    top_p=st.none() | st.floats(0, 1),
    max_output_tokens=st.none() | st.integers(16, 10**6),
    reasoning_effort=st.none() | st.sampled_from(["low", "high"]),
    verbosity=st.none() | st.sampled_from(["low", "high"]),
)
formats = st.sampled_from(
    [
        ResponseFormat(),
        ResponseFormat("json_object"),
        ResponseFormat("json_schema", name="x", schema=SCHEMA),
        ResponseFormat("json_schema", name="x", schema=SCHEMA, description="d"),
    ]
)


@st.composite
def requests(draw: st.DrawFn) -> GenerationRequest:
    offered = draw(st.lists(tools, max_size=3, unique_by=lambda tool: tool.name))
    choices = [ToolChoice(), ToolChoice("none")]
    if offered:
        first = offered[0]
        kind: ToolKind = "custom" if isinstance(first, CustomTool) else "function"
        choices += [
            ToolChoice("required"),
            ToolChoice("tool", name=first.name, kind=kind),
            ToolChoice("required", allowed=(first.name,)),
        ]
    return GenerationRequest(
        items=tuple(item for turn in draw(conversations) for item in turn),
        tools=tuple(offered),
        tool_choice=draw(st.sampled_from(choices)) if offered else ToolChoice(),
        parallel_tool_calls=draw(st.none() | st.booleans()) if offered else None,
        sampling=draw(samplings),
        response_format=draw(formats),
        user=draw(st.none() | names),
        prompt_cache_key=draw(st.none() | names),
        service_tier=draw(st.none() | st.just("flex")),
    )


def through_the_gateway(request: GenerationRequest) -> GenerationRequest:
    call = ModelCall(
        call_id=CallId("ccall_1"), model=MODEL, request=request, deadline=Deadline(0), stream=False
    )
    head = decode_head(encode_request(call))
    return decode_body(head, split_input(head.parameters.input)).unchecked_request()


@given(requests())
@pytest.mark.requirement("contract:responses:requests")
def test_a_request_arrives_as_it_was_meant(request: GenerationRequest) -> None:
    assert through_the_gateway(request) == request
