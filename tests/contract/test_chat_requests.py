"""What model_providers asks in chat's words, the gateway's chat dialect understands the same."""

from __future__ import annotations

import time

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api_gateway.dialects.chat.decode import decode_body
from api_gateway.dialects.chat.head import decode_head
from model_providers.openai_chat.encode import encode_request
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
from wire.ids import new_call_id
from wire.raw_json import ABSENT
from wire.specs import Capabilities, ModelSpec, ProviderSpec

MODEL = ModelSpec(
    name="m",
    provider=ProviderSpec(name="p", kind="openai", base_url="https://api.openai.com/v1"),
    upstream_model="vendor",
    capabilities=Capabilities(reasoning=True),
)
SCHEMA = msgspec.Raw(b'{"type":"object","properties":{"a":{"type":"string"}}}')

texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
words = texts.filter(bool)
names = st.from_regex(r"[A-Za-z0-9_-]{1,20}", fullmatch=True)

# ------------------------------------------------------------------------------- conversations

media: st.SearchStrategy[Part] = st.one_of(
    st.builds(
        ImagePart,
        st.sampled_from(["https://x/y.png", "data:image/png;base64,AAAA"]),
        st.sampled_from(["auto", "low", "high", "original"]),
    ),
    st.builds(AudioPart, st.just("AAAA"), st.sampled_from(["wav", "mp3"])),
    st.builds(FilePart, filename=st.none() | words, file_data=st.just("data:text/plain;base64,")),
)


def text_part(text: str) -> tuple[Part, ...]:
    return (TextPart(text),)


def said(role: Role, content: tuple[Part, ...], name: str | None = None) -> tuple[Item, ...]:
    return (Message(role, content, name=name),)


def joined(turns: list[tuple[Item, ...]]) -> tuple[Item, ...]:
    return tuple(item for turn in turns for item in turn)


REFUSALS: list[tuple[Part, ...]] = [(RefusalPart("no"),), (TextPart("so"), RefusalPart("no"))]
HEARERS: list[Role] = ["system", "developer", "user"]
ASSISTANT: Role = "assistant"
KINDS: list[ToolKind] = ["function", "custom"]

one_text = texts.map(text_part)
many_parts = st.lists(st.builds(TextPart, texts) | media, min_size=2, max_size=3).map(tuple)
one_medium = st.lists(media, min_size=1, max_size=1).map(tuple)
said_to = st.builds(
    said, st.sampled_from(HEARERS), one_text | many_parts | one_medium, st.none() | names
)
said_back = st.builds(said, st.just(ASSISTANT), st.sampled_from(REFUSALS) | words.map(text_part))
kinds = st.sampled_from(KINDS)


@st.composite
def tool_turns(draw: st.DrawFn) -> tuple[Item, ...]:
    """Perhaps a word beside them, some calls, and their results in any order."""
    ids = draw(st.lists(names, min_size=1, max_size=3, unique=True))
    calls = [ToolCall(each, draw(names), draw(texts), kind=draw(kinds)) for each in ids]
    results = [ToolResult(call.call_id, draw(one_text), kind=call.kind) for call in calls]
    beside = draw(st.just(()) | said_back)
    return (*beside, *calls, *draw(st.permutations(results)))


conversations = st.lists(said_to | said_back | tool_turns(), min_size=1, max_size=5).map(joined)

# -------------------------------------------------------------------------------------- the rest

tools: st.SearchStrategy[Tool] = st.one_of(
    st.builds(
        FunctionTool,
        names,
        description=st.none() | texts,
        parameters=st.sampled_from([ABSENT, SCHEMA]),
        strict=st.none() | st.just(value=False),
    ),
    st.builds(
        CustomTool,
        names,
        description=st.none() | texts,
        format=st.sampled_from([ABSENT, msgspec.Raw(b'{"type":"text"}')]),
    ),
)
samplings = st.builds(
    Sampling,
    temperature=st.none() | st.floats(0, 2),
    top_p=st.none() | st.floats(0, 1),
    max_output_tokens=st.none() | st.integers(1, 10**6),
    stop=st.lists(words, max_size=4).map(tuple),
    seed=st.none() | st.integers(-(2**63), 2**63 - 1),
    presence_penalty=st.none() | st.floats(-2, 2),
    frequency_penalty=st.none() | st.floats(-2, 2),
    logit_bias=st.none() | st.dictionaries(names, st.floats(-100, 100), min_size=1, max_size=3),
    reasoning_effort=st.none() | st.sampled_from(["none", "low", "high"]),
    verbosity=st.none() | st.sampled_from(["low", "high"]),
)
formats = st.one_of(
    st.sampled_from([ResponseFormat(), ResponseFormat("json_object")]),
    st.builds(
        ResponseFormat,
        st.just("json_schema"),
        name=names,
        schema=st.sampled_from([ABSENT, SCHEMA]),
        description=st.none() | texts,
    ),
)


@st.composite
def requests(draw: st.DrawFn) -> GenerationRequest:
    offered = tuple(draw(st.lists(tools, max_size=3, unique_by=lambda tool: tool.name)))
    return GenerationRequest(
        items=draw(conversations),
        tools=offered,
        tool_choice=draw(choices(offered)),
        parallel_tool_calls=draw(st.none() | st.booleans()) if offered else None,
        sampling=draw(samplings),
        response_format=draw(formats),
        user=draw(st.none() | words),
        prompt_cache_key=draw(st.none() | words),
        service_tier=draw(st.none() | st.sampled_from(["auto", "flex"])),
    )


def choices(offered: tuple[Tool, ...]) -> st.SearchStrategy[ToolChoice]:
    if not offered:
        return st.just(ToolChoice())
    named = [
        ToolChoice("tool", name=t.name, kind="custom" if isinstance(t, CustomTool) else "function")
        for t in offered
    ]
    allowed = ToolChoice("required", allowed=tuple(tool.name for tool in offered))
    modes = [ToolChoice("none"), ToolChoice("auto"), ToolChoice("required"), allowed]
    return st.sampled_from([*modes, *named])


@given(requests())
@pytest.mark.requirement("contract:chat:requests")
def test_a_request_is_understood_as_it_was_meant(request: GenerationRequest) -> None:
    deadline = Deadline.after(60, now_s=time.monotonic())
    call = ModelCall(call_id=new_call_id(), model=MODEL, request=request, deadline=deadline)

    understood = decode_body(decode_head(encode_request(call)))

    assert understood.request() == request
    assert understood.head.parameters.model == "vendor"
    assert understood.head.streams
    assert understood.head.includes_usage
