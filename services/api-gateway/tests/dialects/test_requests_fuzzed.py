"""Whatever a request holds, at whatever door, its reader reads it or refuses it with a typed error.

What is generated are good requests in which something has been changed: a value replaced, taken
away, repeated or put elsewhere. So it is wrong in one place and right everywhere else, which gets
further than anything made up from nothing.
"""

from __future__ import annotations

import contextlib
import copy
import json
import tracemalloc
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api_gateway.dialects import embeddings
from api_gateway.dialects.chat.decode import decode_body as decode_chat
from api_gateway.dialects.chat.head import decode_head as decode_chat_head
from api_gateway.dialects.chat.splice import splice_request
from api_gateway.dialects.chat.stored import kept_completion, kept_messages
from api_gateway.dialects.completions.decode import decode_request as decode_completions
from api_gateway.dialects.metadata import decode_metadata
from api_gateway.dialects.responses.decode import decode_body as decode_responses
from api_gateway.dialects.responses.head import (
    ResponsesHead,
    decode_compact_head,
    decode_head,
    decode_input_tokens_head,
)
from api_gateway.dialects.responses.items import references, split_input
from api_gateway.dialects.stored_items import listed_items
from api_gateway.routes import conversations
from wire.errors import PlatformError

if TYPE_CHECKING:
    from collections.abc import Callable

PIXEL = "data:image/png;base64,iVBORw0KGgo="
SCHEMA: Any = {
    "type": "object",
    "properties": {"a": {"type": ["string", "null"]}, "b": {"$ref": "#/$defs/b"}},
    "$defs": {"b": {"anyOf": [{"type": "integer"}, {"enum": [1, "x"]}]}},
    "required": ["a", "b"],
    "additionalProperties": False,
}
CALL: Any = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
FUNCTION: Any = {"name": "f", "description": "d", "parameters": SCHEMA, "strict": True}
SAMPLING: Any = {
    "temperature": 0.5,
    "top_p": 1,
    "stream": True,
    "stream_options": {"include_obfuscation": False},
    "metadata": {"a": "b"},
    "user": "u",
    "service_tier": "auto",
    "store": True,
}
CHAT: Any = {
    **SAMPLING,
    "model": "m",
    "messages": [
        {"role": "system", "content": "be brief", "name": "n"},
        {"role": "developer", "content": [{"type": "text", "text": "now"}]},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "look"},
                {"type": "image_url", "image_url": {"url": PIXEL, "detail": "low"}},
                {"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}},
                {"type": "file", "file": {"file_data": "data:,x", "filename": "a"}},
            ],
        },
        {"role": "assistant", "content": None, "refusal": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "c1", "content": [{"type": "text", "text": "r"}]},
    ],
    "tools": [
        {"type": "function", "function": FUNCTION},
        {"type": "custom", "custom": {"name": "sh", "format": {"type": "text"}}},
    ],
    "tool_choice": {"type": "function", "function": {"name": "f"}},
    "parallel_tool_calls": True,
    "response_format": {
        "type": "json_schema",
        "json_schema": {"name": "x", "schema": SCHEMA, "strict": True},
    },
    "stop": ["a", "b"],
    "logit_bias": {"5": -1},
    "logprobs": True,
    "top_logprobs": 2,
    "n": 2,
    "seed": 1,
    "max_tokens": 5,
    "modalities": ["text"],
    "prediction": {"type": "content", "content": "x"},
}
LEGACY: Any = {
    "model": "m",
    "messages": [
        {"role": "assistant", "function_call": {"name": "f", "arguments": "{}"}},
        {"role": "function", "name": "f", "content": "r"},
    ],
    "functions": [FUNCTION],
    "function_call": {"name": "f"},
}
ITEMS: Any = [
    {"role": "user", "content": [{"type": "input_text", "text": "hi"}]},
    {"type": "message", "role": "assistant", "id": "msg_1", "content": "so"},
    {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "s"}]},
    {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}", "id": "fc_1"},
    {"type": "function_call_output", "call_id": "c1", "output": "r"},
    {"type": "custom_tool_call", "call_id": "c2", "name": "sh", "input": "ls"},
    {"type": "custom_tool_call_output", "call_id": "c2", "output": [{"type": "text", "text": ""}]},
    {"type": "web_search_call", "id": "ws_1", "status": "completed"},
    {"role": "user", "content": [{"type": "input_image", "image_url": PIXEL, "detail": "auto"}]},
]
RESPONSES: Any = {
    **SAMPLING,
    "model": "m",
    "instructions": "be brief",
    "input": ITEMS,
    "tools": [
        {"type": "function", **FUNCTION},
        {"type": "custom", "name": "sh", "format": {"type": "text"}},
        {"type": "namespace", "name": "ns", "tools": [{"type": "function", "name": "g"}]},
        {"type": "web_search"},
    ],
    "tool_choice": {
        "type": "allowed_tools",
        "mode": "auto",
        "tools": [{"type": "function", "name": "f"}],
    },
    "text": {"verbosity": "low", "format": {"type": "json_schema", "name": "x", "schema": SCHEMA}},
    "reasoning": {"effort": "low", "summary": "auto"},
    "include": ["reasoning.encrypted_content", "message.output_text.logprobs"],
    "context_management": [{"type": "compaction", "compact_threshold": 1000}],
    "max_output_tokens": 50,
    "top_logprobs": 2,
    "truncation": "auto",
}
FOREIGN: Any = {
    "model": "m",
    "messages": [
        {"role": "user", "content": [{"type": "input_text", "text": "hi"}]},
        {
            "role": "assistant",
            "content": [{"type": "tool_use", "id": "c", "name": "f", "input": {"a": 1}}],
        },
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c", "content": "r"}]},
    ],
    "tools": [{"name": "f", "input_schema": SCHEMA}, {"type": "custom", "name": "sh"}],
    "tool_choice": {"type": "tool", "name": "f"},
}
COMPLETIONS: Any = {
    "model": "m",
    "prompt": ["a", "b"],
    "max_tokens": 5,
    "n": 2,
    "best_of": 2,
    "echo": True,
    "logprobs": 0,
    "stop": "x",
    "suffix": None,
    "stream": False,
    "logit_bias": {"5": 1},
}
EMBEDDINGS: Any = {
    "model": "m",
    "input": [[1, 2], [3]],
    "dimensions": 5,
    "encoding_format": "base64",
}


# ----------------------------------------------------------------------------------- the readers


def read_chat(body: bytes) -> None:
    read = decode_chat(decode_chat_head(body))
    splice_request(read.head, "theirs")
    if read.head.stores:
        kept_messages(read.head, "chatcmpl-1")
        kept_completion(b"{}", read.head, "req_1")
    read.request()


def read_completions(body: bytes) -> None:
    request = decode_completions(body)
    request.spliced("theirs")
    assert len(request.as_chat()) == len(request.echoes())


def read_responses(body: bytes) -> None:
    _items_of(decode_head(body))


def read_input_tokens(body: bytes) -> None:
    _items_of(decode_input_tokens_head(body))


def read_compact(body: bytes) -> None:
    head, _instructions = decode_compact_head(body)
    _items_of(head)


def _items_of(head: ResponsesHead) -> None:
    raw_input = split_input(head.parameters.input)
    if not isinstance(raw_input, str):
        references(raw_input, "input")
    decode_responses(head, raw_input).unchecked_request()
    decode_responses(head, raw_input).request()


def read_embeddings(body: bytes) -> None:
    embeddings.decode_request(body).require_text()


def read_conversation(body: bytes) -> None:
    asked = conversations._decode(conversations._NEW_CONVERSATION, body)
    listed_items(asked.items or [], "conv_1", "items")


def read_conversation_items(body: bytes) -> None:
    asked = conversations._decode(conversations._NEW_ITEMS, body)
    listed_items(asked.items, "conv_1", "items")


def read_metadata(body: bytes) -> None:
    decode_metadata(body)


DOORS: dict[str, tuple[Callable[[bytes], None], tuple[Any, ...]]] = {
    "chat": (read_chat, (CHAT, LEGACY, FOREIGN, RESPONSES)),
    "completions": (read_completions, (COMPLETIONS,)),
    "responses": (read_responses, (RESPONSES,)),
    "input_tokens": (read_input_tokens, (RESPONSES,)),
    "compact": (read_compact, (RESPONSES,)),
    "embeddings": (read_embeddings, (EMBEDDINGS,)),
    "conversation": (read_conversation, ({"items": ITEMS, "metadata": {"a": "b"}},)),
    "conversation items": (read_conversation_items, ({"items": ITEMS},)),
    "metadata": (read_metadata, ({"metadata": {"a": "b"}},)),
}

# ----------------------------------------------------------------------------------- the changes

WORDS = (
    "", "m", "user", "tool", "function", "input_text", "tool_use", "message", "item_reference",
    "compaction_trigger", "auto", "required", "json_schema", "c1", "f", "\x00", "\ud800", "x" * 600,
)  # fmt: skip
odd: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from((0, -1, 1, 10**30, -(10**400), 1e308, 0.1, 2**63, 2**31)),
    st.sampled_from(WORDS),
    st.just([]),
    st.just({}),
    st.just([{}]),
    st.just([[]]),
    st.just({"type": "x"}),
    st.text(max_size=5),
)


def keys_of(value: object) -> list[Any]:
    if isinstance(value, dict):
        return list(cast("dict[str, Any]", value))
    return list(range(len(cast("list[Any]", value)))) if isinstance(value, list) else []


def places(value: Any) -> list[tuple[Any, Any]]:  # noqa: ANN401
    """Every container and key below."""
    found: list[tuple[Any, Any]] = []
    for key in keys_of(value):
        found += [(value, key), *places(value[key])]
    return found


def change(body: Any, data: st.DataObject) -> None:  # noqa: ANN401
    """One thing in it, wherever."""
    container, key = data.draw(st.sampled_from(places(body)))
    here = container[key]
    how = data.draw(st.sampled_from(("replace", "replace", "remove", "repeat", "move", "wrap")))
    match how:
        case "replace":
            container[key] = copy.deepcopy(data.draw(odd))
        case "remove":
            del container[key]
        case "repeat" if isinstance(container, list):
            cast("list[Any]", container).insert(key, copy.deepcopy(here))
        case "repeat":
            container[data.draw(st.sampled_from(WORDS))] = copy.deepcopy(here)
        case "move":
            other, place = data.draw(st.sampled_from(places(body)))
            container[key] = copy.deepcopy(other[place])
        case _:
            container[key] = data.draw(st.sampled_from(([here], {"a": here})))


def changed(door: str, data: st.DataObject, most: int) -> bytes:
    """A request in which up to so many things are not as they should be."""
    body: Any = copy.deepcopy(data.draw(st.sampled_from(DOORS[door][1])))
    for _ in range(data.draw(st.integers(0, most))):
        if places(body):
            change(body, data)
    return json.dumps(body).encode()


def read_or_refuse(door: str, body: bytes) -> None:
    with contextlib.suppress(PlatformError):
        DOORS[door][0](body)


# Of these what is generated holds what only some backends can do.
LIMITED = ("completions", "embeddings")


@pytest.mark.parametrize("door", sorted(DOORS.keys() - LIMITED))
@pytest.mark.requirement("fuzz:requests")
def test_what_is_changed_is_a_good_request(door: str) -> None:
    read, bodies = DOORS[door]

    for body in bodies:
        read(json.dumps(body).encode())


@pytest.mark.parametrize("door", DOORS)
@given(data=st.data())
@settings(max_examples=20)
@pytest.mark.requirement("fuzz:requests")
def test_any_changed_request_is_read_or_refused_with_a_typed_error(
    door: str, data: st.DataObject
) -> None:
    read_or_refuse(door, changed(door, data, most=3))


HUGE = "9" * 400


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("number", [HUGE, f"-{HUGE}", "1e999"])
@pytest.mark.requirement("fuzz:requests")
def test_any_number_anywhere_is_read_or_refused(door: str, number: str) -> None:
    for good in DOORS[door][1]:
        for container, key in places(whole := copy.deepcopy(good)):
            here = container[key]
            container[key] = "NUMBER"
            body = json.dumps(whole).replace('"NUMBER"', number)
            container[key] = here

            read_or_refuse(door, body.encode())


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.requirement("fuzz:requests")
def test_what_is_not_utf_8_in_any_name_is_read_or_refused(door: str) -> None:
    for good in DOORS[door][1]:
        for container, _ in places(whole := copy.deepcopy(good)):
            if isinstance(container, dict):
                members = cast("dict[str, Any]", container)
                members["ODD"] = 1
                body = json.dumps(whole).encode().replace(b"ODD", b"\x80")
                del members["ODD"]

                read_or_refuse(door, body)


@pytest.mark.exhaustive
@pytest.mark.timeout(600)
@pytest.mark.parametrize("door", DOORS)
@given(data=st.data())
@settings(max_examples=1500)
@pytest.mark.requirement("fuzz:requests")
def test_thousands_of_changed_requests_are_read_or_refused(door: str, data: st.DataObject) -> None:
    read_or_refuse(door, changed(door, data, most=8))


@pytest.mark.exhaustive
@pytest.mark.timeout(600)
@pytest.mark.parametrize("door", DOORS)
@given(body=st.binary(max_size=300), at=st.integers(0, 3000), length=st.integers(0, 40))
@settings(max_examples=1000)
@pytest.mark.requirement("fuzz:requests")
def test_bytes_anywhere_in_a_request_are_read_or_refused(
    door: str, body: bytes, at: int, length: int
) -> None:
    for good in DOORS[door][1]:
        whole = json.dumps(good).encode()
        read_or_refuse(door, whole[:at] + body + whole[at + length :])


# ------------------------------------------------------------------------------------ the memory

MEMORY_PER_BYTE = 60
SMALL_BYTES = 1024 * 1024
GREEDY: dict[str, bytes] = {
    "brackets": b"[" * 30_000,
    "objects": b'{"a":' * 15_000,
    "empty messages": b'{"model":"m","messages":[' + b"{}," * 15_000 + b"{}]}",
    "empty items": b'{"model":"m","input":[' + b"{}," * 15_000 + b"{}]}",
    "numbers": b'{"model":"m","prompt":[' + b"1," * 30_000 + b'1],"input":[1]}',
    "members": b"{" + b",".join(b'"a%d":1' % n for n in range(10_000)) + b"}",
    "one member": b"{" + b",".join([b'"model":"m"'] * 10_000) + b"}",
    "a long word": b'{"model":"' + b"x" * 200_000 + b'"}',
    "a long number": b'{"model":"m","seed":' + b"9" * 200_000 + b"}",
}


@pytest.mark.parametrize("greedy", GREEDY)
@pytest.mark.requirement("fuzz:bounded-memory")
def test_what_a_request_takes_is_bounded_by_its_size(greedy: str) -> None:
    body = GREEDY[greedy]

    for door in DOORS:
        tracemalloc.start()
        read_or_refuse(door, body)
        _, most_bytes = tracemalloc.get_traced_memory()
        tracemalloc.stop()

        assert most_bytes <= SMALL_BYTES + MEMORY_PER_BYTE * len(body), door
