"""OpenAI's Responses wire, stateless: a strict reader of requests, a writer of answers.

Stateless, but not without memory: items that native compaction sealed can be opened again.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from provider_sim import openai_tools
from provider_sim.compaction import opened_message
from provider_sim.frames import Answer, Decoded
from provider_sim.prompt import (
    Message,
    OutputFormat,
    Prompt,
    Reply,
    Role,
    Sampling,
    Tool,
    ToolCall,
)
from provider_sim.responses_stream import ResponsesWriter
from provider_sim.wire_errors import WireError, missing, wrong_type, wrong_value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provider_sim.compaction import Vault
    from provider_sim.frames import Stamp
    from provider_sim.json_types import JsonObject
    from provider_sim.request_fields import Fields
    from provider_sim.usage import Usage

_ROLES = ("user", "assistant", "system", "developer")
_FORMATS = ("text", "json_object", "json_schema")
_LONGEST_NAME = 128
_LEAST_OUTPUT_TOKENS = 16
_SEALED = frozenset({"compaction", "compaction_summary"})
_TEXT_PARTS = {"input_text": "text", "output_text": "text", "text": "text", "refusal": "refusal"}
KNOWN_FIELDS = frozenset(
    {
        "access_programs", "background", "context_management", "conversation", "image", "include",
        "input", "instructions", "max_output_tokens", "max_tool_calls", "metadata", "model",
        "moderation", "parallel_tool_calls", "previous_response_id", "prompt", "prompt_cache_key",
        "prompt_cache_options", "prompt_cache_retention", "reasoning", "safety_identifier",
        "service_tier", "store", "stream", "stream_options", "temperature", "text", "tool_choice",
        "tools", "top_logprobs", "top_p", "truncation", "user",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ResponsesRequest:
    prompt: Prompt
    model: str
    stream: bool
    echo: JsonObject
    """What the response object repeats of the request."""


def decode(vault: Vault, fields: Fields) -> Decoded:
    """Read the body, and keep what its answer has to repeat."""
    request = decode_request(vault, fields)
    return Decoded(request.prompt, request.stream, "input", partial(encode_answer, request))


def decode_request(vault: Vault, fields: Fields) -> ResponsesRequest:
    """Read the body.

    Raises:
        WireError: what OpenAI would refuse, or what needs a memory this vendor does not have.
    """
    model = openai_tools.check_model(fields)
    check_stateless(fields)
    openai_tools.check_sampling(fields)
    messages = tuple(read_input(fields, vault))
    tools = tuple(_read_tools(fields))
    prompt = Prompt(
        model=model,
        messages=messages,
        tools=tools,
        tool_choice=openai_tools.read_tool_choice(fields, tools, nested=False),
        output=_read_format(fields),
        sampling=Sampling(
            temperature=fields.decimal("temperature", 0, 2),
            max_tokens=fields.integer("max_output_tokens", _LEAST_OUTPUT_TOKENS, 10**9),
        ),
        parallel_calls=fields.flag("parallel_tool_calls", default=True),
        extra_text="".join(
            openai_tools.tool_text(fields.raw(key)) for key in ("tools", "text") if fields.has(key)
        ),
    )
    stream = fields.flag("stream", default=False)
    return ResponsesRequest(prompt, model, stream, _echo(fields))


def check_stateless(fields: Fields) -> None:
    """Refuse what needs a memory."""
    if fields.has("previous_response_id"):
        name = fields.text("previous_response_id")
        raise WireError(
            f"Previous response with id '{name}' not found.",
            param="previous_response_id",
            code="previous_response_not_found",
        )
    if fields.has("conversation"):
        raise WireError("Conversation not found.", status=404, param="conversation")
    for key in ("background", "context_management"):
        if fields.raw(key):
            raise WireError(
                f"Unsupported parameter: '{key}' is not supported with this model.",
                param=key,
                code="unsupported_parameter",
            )


def _read_format(fields: Fields) -> OutputFormat:
    text = fields.child("text") if fields.has("text") else None
    if text is None or not text.has("format"):
        return OutputFormat()
    wanted = text.child("format")
    kind = wanted.choice("type", _FORMATS)
    if kind == "json_schema":
        wanted.name("name", _LONGEST_NAME)
        schema = wanted.child("schema").data
        if wanted.flag("strict", default=False):
            openai_tools.check_strict_schema(schema, wanted.at("schema"), "invalid_json_schema")
        return OutputFormat("json_schema", schema)
    return OutputFormat("json_object") if kind == "json_object" else OutputFormat()


def _read_tools(fields: Fields) -> Iterator[Tool]:
    for tool in fields.children("tools"):
        yield from _read_tool(tool, None)


def _read_tool(tool: Fields, namespace: str | None) -> Iterator[Tool]:
    """The tools of one entry; hosted tools are not offered here and count for nothing."""
    kind = tool.text("type")
    if kind == "namespace":
        name = tool.name("name", _LONGEST_NAME)
        for inner in tool.children("tools"):
            yield from _read_tool(inner, name)
    elif kind == "custom":
        yield Tool(tool.name("name", _LONGEST_NAME), custom=True, namespace=namespace)
    elif kind == "function":
        name = tool.name("name", _LONGEST_NAME)
        schema = tool.child("parameters").data if tool.has("parameters") else None
        if schema is not None and tool.flag("strict", default=False):
            where = tool.at("parameters")
            openai_tools.check_strict_schema(schema, where, "invalid_function_parameters")
        yield Tool(name, schema, namespace=namespace)


def read_input(fields: Fields, vault: Vault) -> Iterator[Message]:
    """Instructions and input as messages; sealed items are opened at their place."""
    if fields.has("instructions"):
        yield Message("system", fields.text("instructions"))
    content = fields.raw("input")
    if content is None:
        raise missing("input")
    if isinstance(content, str):
        yield Message("user", content)
        return
    if not isinstance(content, list):
        raise wrong_type("input", "a string or an array", content)
    fields.filled_array("input")
    called: set[str] = set()
    for item in fields.children("input"):
        if item.text_or("type", "message") in _SEALED:
            yield opened_message(vault.open(item.text("encrypted_content")))
        else:
            yield from _read_item(item, called)


def _read_item(item: Fields, called: set[str]) -> Iterator[Message]:
    """One input item as messages; kinds that carry nothing for this model yield none."""
    kind = item.text_or("type", "message")
    if kind == "message":
        yield _read_message(item)
    elif kind in {"function_call", "custom_tool_call"}:
        yield _read_call(item, called, custom=kind == "custom_tool_call")
    elif kind in {"function_call_output", "custom_tool_call_output"}:
        yield _read_output(item, called)
    elif kind == "compaction_trigger":
        raise WireError("Compaction is not supported with this model.", param="input")
    elif kind == "item_reference":
        raise WireError(f"Item with id '{item.text('id')}' not found.", status=404, param="input")


def _read_message(item: Fields) -> Message:
    role = item.choice("role", _ROLES)
    text, media_tokens = _read_content(item, "content")
    return Message(_plain_role(role), text, media_tokens=media_tokens)


def _plain_role(role: str) -> Role:
    plain: dict[str, Role] = {
        "user": "user",
        "assistant": "assistant",
        "system": "system",
        "developer": "developer",
    }
    return plain[role]


def _read_call(item: Fields, called: set[str], *, custom: bool) -> Message:
    call_id = item.text("call_id")
    called.add(call_id)
    arguments = item.text("input" if custom else "arguments")
    namespace = item.text("namespace") if item.has("namespace") else None
    call = ToolCall(call_id, item.text("name"), arguments, custom, namespace)
    return Message("assistant", "", (call,))


def _read_output(item: Fields, called: set[str]) -> Message:
    call_id = item.text("call_id")
    if call_id not in called:
        raise WireError(
            f"No tool call found for function call output with call_id {call_id}.", param="input"
        )
    text, media_tokens = _read_content(item, "output")
    return Message("tool", text, call_id=call_id, media_tokens=media_tokens)


def _read_content(item: Fields, key: str) -> tuple[str, int]:
    content = item.need(key)
    if isinstance(content, str):
        return content, 0
    if not isinstance(content, list):
        raise wrong_type(item.at(key), "a string or an array", content)
    texts: list[str] = []
    media_tokens = 0
    for part in item.children(key):
        kind = part.text("type")
        if kind in _TEXT_PARTS:
            texts.append(part.text(_TEXT_PARTS[kind]))
        else:
            media_tokens += _media_tokens(part, kind)
    return "\n".join(texts), media_tokens


def _media_tokens(part: Fields, kind: str) -> int:
    if kind == "input_image":
        detail = part.text_or("detail", "auto")
        return openai_tools.image_tokens(part.text_or("image_url", ""), detail)
    if kind == "input_file":
        return openai_tools.FILE_TOKENS
    if kind == "input_audio":
        return openai_tools.AUDIO_TOKENS
    supported = "'input_text', 'input_image', 'input_file', 'output_text', 'refusal'"
    raise wrong_value(part.at("type"), kind, supported)


def _echo(fields: Fields) -> JsonObject:
    """The keys of the response object that repeat the request, all present."""
    text = fields.child("text").data if fields.has("text") else {}
    reasoning = fields.child("reasoning").data if fields.has("reasoning") else {}
    defaults: JsonObject = {
        "instructions": None,
        "max_output_tokens": None,
        "max_tool_calls": None,
        "parallel_tool_calls": True,
        "temperature": 1.0,
        "tool_choice": "auto",
        "top_p": 1.0,
        "truncation": "disabled",
        "metadata": {},
        "safety_identifier": None,
        "prompt_cache_key": None,
        "top_logprobs": 0,
    }
    echo = {key: fields.raw(key) if fields.has(key) else value for key, value in defaults.items()}
    return {
        **echo,
        "tools": [_echoed_tool(tool) for tool in fields.children("tools")],
        "text": {"format": {"type": "text"}, "verbosity": "medium", **text},
        "reasoning": {"effort": None, "summary": None, **reasoning},
        "previous_response_id": None,
        "presence_penalty": 0.0,
        "frequency_penalty": 0.0,
        "store": False,
        "background": False,
        "service_tier": "default",
        "user": fields.raw("user"),
    }


def _echoed_tool(tool: Fields) -> JsonObject:
    if tool.text("type") != "function":
        return tool.data
    return {"description": None, "parameters": None, "strict": None, **tool.data}


def encode_answer(
    request: ResponsesRequest,
    replies: list[Reply],
    usage: Usage,
    shown: Usage | None,
    stamp: Stamp,
) -> Answer:
    """The answer in this wire; it has one choice."""
    writer = ResponsesWriter(request.model, request.echo, replies[0], shown, stamp)
    return Answer(
        usage=usage,
        finish_reason=replies[0].finish,
        beats=writer.beats,
        body=writer.body,
        frames=writer.frames,
        error_frames=writer.error_frames,
    )
