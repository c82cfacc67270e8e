"""A neutral request as a body of `POST /responses`. Pure.

The body opens with `input` and every key has its fixed place: prefix caches. Nothing is stored at
the vendor (`store: false`), so items carry no ids, and reasoning goes back only where it is sealed
for the vendor itself. `seed`, the penalties and `logit_bias` do not exist in this dialect and are
left out, `stop` is seen to on the way back; a cap of less than 16 tokens becomes 16.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec

from model_providers.custom_formats import as_in_responses
from model_providers.other_items import other_item_role, other_item_text
from model_providers.tool_names import ToolName
from wire.conversation import (
    AudioPart,
    CompactionItem,
    CustomTool,
    FilePart,
    FunctionTool,
    ImagePart,
    Item,
    Message,
    OtherItem,
    Part,
    ReasoningItem,
    RefusalPart,
    ResponseFormat,
    TextPart,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from wire.errors import PlatformFaultError
from wire.raw_json import ABSENT

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from model_providers.provider import ModelCall
    from wire.specs import ModelSpec


class _InputAudio(msgspec.Struct):
    data: str
    format: str


class _Part(msgspec.Struct, omit_defaults=True):
    """Any content part; which field is set depends on `type`."""

    type: str
    text: str | None = None
    refusal: str | None = None
    image_url: str | None = None
    detail: str | None = None
    file_data: str | None = None
    file_url: str | None = None
    filename: str | None = None
    input_audio: _InputAudio | None = None


_Content: TypeAlias = str | list[_Part]


class _Message(msgspec.Struct, omit_defaults=True):
    type: Literal["message"]
    role: str
    content: _Content
    phase: str | None = None


class _FunctionCall(msgspec.Struct, omit_defaults=True):
    type: Literal["function_call"]
    call_id: str
    name: str
    arguments: str
    namespace: str | None = None


class _CustomCall(msgspec.Struct, omit_defaults=True):
    type: Literal["custom_tool_call"]
    call_id: str
    name: str
    input: str
    namespace: str | None = None


class _CallOutput(msgspec.Struct):
    type: Literal["function_call_output", "custom_tool_call_output"]
    call_id: str
    output: _Content


class _SummaryText(msgspec.Struct):
    type: Literal["summary_text"]
    text: str


class _Reasoning(msgspec.Struct):
    type: Literal["reasoning"]
    summary: list[_SummaryText]
    encrypted_content: str


InputItem: TypeAlias = (
    _Message | _FunctionCall | _CustomCall | _CallOutput | _Reasoning | msgspec.Raw
)


class _FunctionTool(msgspec.Struct, omit_defaults=True):
    """`strict` is always written: absent means true in this dialect."""

    type: Literal["function"]
    name: str
    parameters: msgspec.Raw
    strict: bool
    description: str | None = None


class _CustomTool(msgspec.Struct, omit_defaults=True):
    type: Literal["custom"]
    name: str
    description: str | None = None
    format: msgspec.Raw = ABSENT


class _Namespace(msgspec.Struct):
    type: Literal["namespace"]
    name: str
    description: str
    tools: list[_FunctionTool | _CustomTool]


class _NamedTool(msgspec.Struct):
    type: str
    name: str


class _AllowedTools(msgspec.Struct):
    type: Literal["allowed_tools"]
    mode: str
    tools: list[_NamedTool]


class _Format(msgspec.Struct, omit_defaults=True):
    type: str
    name: str | None = None
    schema: msgspec.Raw = ABSENT
    strict: bool | None = None
    description: str | None = None


class _Text(msgspec.Struct, omit_defaults=True):
    format: _Format | None = None
    verbosity: str | None = None


class _Effort(msgspec.Struct):
    effort: str


class _Body(msgspec.Struct, omit_defaults=True):
    input: list[InputItem]
    model: str
    store: bool
    tools: list[_FunctionTool | _CustomTool | _Namespace] | None = None
    tool_choice: str | _NamedTool | _AllowedTools | None = None
    parallel_tool_calls: bool | None = None
    text: _Text | None = None
    reasoning: _Effort | None = None
    include: list[str] | None = None
    max_output_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_logprobs: int | None = None
    service_tier: str | None = None
    user: str | None = None
    prompt_cache_key: str | None = None
    stream: bool | None = None


_ENCODER = msgspec.json.Encoder()
_NULL = msgspec.Raw(b"null")
# A smaller cap is refused; Chat, where it may come from, knows no least one.
_LEAST_OUTPUT_TOKENS = 16


def encode_request(call: ModelCall) -> bytes:
    """The body for `call.model`'s backend.

    Raises:
        PlatformFaultError: a sealed compaction reached the vendor's door unopened.
    """
    model, request = call.model, call.request
    body = _Body(input=encode_items(request.items, model), model=model.upstream_model, store=False)
    _set_tools(body, call)
    _set_sampling(body, call)
    body.text = _text(call)
    body.user = request.user
    if _is_openai(model):
        body.service_tier = request.service_tier
        body.prompt_cache_key = request.prompt_cache_key
    if call.stream:
        body.stream = True
    return _ENCODER.encode(body)


def encode_items(items: Iterable[Item], model: ModelSpec) -> list[InputItem]:
    """The conversation as input items."""
    encoded = (_encode_item(item, model) for item in items)
    return [item for item in encoded if item is not None]


def _is_openai(model: ModelSpec) -> bool:
    return model.provider.kind in ("openai", "azure-openai")


# ---------------------------------------------------------------------------------- conversation


def _encode_item(item: Item, model: ModelSpec) -> InputItem | None:
    match item:
        case Message():
            return _message(item, model)
        case ToolCall():
            return _tool_call(item, model)
        case ToolResult():
            return _tool_result(item, model)
        case ReasoningItem():
            return _reasoning(item)
        case OtherItem():
            return _other(item, model)
        case CompactionItem():
            raise PlatformFaultError("a compaction was not opened before its model call")


def _message(item: Message, model: ModelSpec) -> _Message:
    role = item.role
    if role == "developer" and model.capabilities.developer_role is False:
        role = "system"
    content = _content(item.content, model, is_output=role == "assistant")
    return _Message("message", role, content, item.phase)


def _content(parts: Sequence[Part], model: ModelSpec, *, is_output: bool = False) -> _Content:
    if not parts:
        return ""
    if len(parts) == 1 and isinstance(parts[0], TextPart):
        return parts[0].text
    return [_output_part(part) if is_output else _input_part(part, model) for part in parts]


def _output_part(part: Part) -> _Part:
    match part:
        case TextPart(text):
            return _Part("output_text", text=text)
        case RefusalPart(refusal):
            return _Part("refusal", refusal=refusal)
        case _:
            return _Part("output_text", text="[a part that assistants cannot send]")


def _input_part(part: Part, model: ModelSpec) -> _Part:
    match part:
        case TextPart(text):
            return _Part("input_text", text=text)
        case ImagePart() if not model.capabilities.images:
            return _Part("input_text", text="[image left out: this model reads no images]")
        case ImagePart(url, detail):
            return _Part("input_image", image_url=url, detail=detail)
        case AudioPart(data, audio_format):
            return _Part("input_audio", input_audio=_InputAudio(data, audio_format))
        case FilePart(filename, file_data, file_url):
            return _Part("input_file", file_data=file_data, file_url=file_url, filename=filename)
        case RefusalPart(refusal):
            return _Part("input_text", text=refusal)


def _tool_call(item: ToolCall, model: ModelSpec) -> _FunctionCall | _CustomCall:
    name = _tool_name(item.name, item.namespace, model)
    if item.kind == "custom":
        return _CustomCall(
            "custom_tool_call", item.call_id, name.name, item.arguments, name.namespace
        )
    return _FunctionCall("function_call", item.call_id, name.name, item.arguments, name.namespace)


def _tool_result(item: ToolResult, model: ModelSpec) -> _CallOutput:
    kind = "custom_tool_call_output" if item.kind == "custom" else "function_call_output"
    return _CallOutput(kind, item.call_id, _content(item.output, model))


def _reasoning(item: ReasoningItem) -> _Reasoning | None:
    if item.encrypted_content is None:
        return None
    summary = [_SummaryText("summary_text", text) for text in item.summary]
    return _Reasoning("reasoning", summary, item.encrypted_content)


def _other(item: OtherItem, model: ModelSpec) -> InputItem | None:
    """OpenAI knows its own items; a compatible backend gets what can be read as text."""
    text = other_item_text(item)
    if text is None:
        return None
    if _is_openai(model):
        return item.raw
    return _message(Message(other_item_role(item), (TextPart(text),)), model)


# ----------------------------------------------------------------------------------------- tools


def _tool_name(name: str, namespace: str | None, model: ModelSpec) -> ToolName:
    """Namespaces are OpenAI's own; elsewhere they become part of the name."""
    full = ToolName(name, namespace)
    return full if _is_openai(model) else ToolName(full.flat)


def _set_tools(body: _Body, call: ModelCall) -> None:
    request, model = call.request, call.model
    if not request.tools or not model.capabilities.tools:
        return
    body.tools = _tools(request.tools, model)
    body.parallel_tool_calls = request.parallel_tool_calls
    body.tool_choice = _tool_choice(request.tool_choice, request.tools, model)


def _tools(
    tools: Iterable[Tool], model: ModelSpec
) -> list[_FunctionTool | _CustomTool | _Namespace]:
    """Tools in the client's order; a namespace stands where its first tool stood."""
    encoded: list[_FunctionTool | _CustomTool | _Namespace] = []
    namespaces: dict[str, _Namespace] = {}
    for tool in tools:
        name = _tool_name(tool.name, tool.namespace, model)
        definition = _tool_definition(tool, name.name)
        if name.namespace is None:
            encoded.append(definition)
            continue
        if name.namespace not in namespaces:
            namespaces[name.namespace] = _Namespace("namespace", name.namespace, "", [])
            encoded.append(namespaces[name.namespace])
        namespaces[name.namespace].tools.append(definition)
    return encoded


def _tool_definition(tool: Tool, name: str) -> _FunctionTool | _CustomTool:
    if isinstance(tool, FunctionTool):
        strict = tool.strict is True
        parameters = tool.parameters or _NULL
        return _FunctionTool("function", name, parameters, strict, tool.description)
    return _CustomTool("custom", name, tool.description, as_in_responses(tool.format))


def _tool_choice(
    choice: ToolChoice, tools: Sequence[Tool], model: ModelSpec
) -> str | _NamedTool | _AllowedTools | None:
    if choice.mode == "tool" and choice.name is not None:
        return _named_tool(choice.name, tools, model)
    if choice.allowed is not None:
        mode = "required" if choice.mode == "required" else "auto"
        named = [_named_tool(name, tools, model) for name in choice.allowed]
        return _AllowedTools("allowed_tools", mode, named)
    return None if choice.mode == "auto" else choice.mode


def _named_tool(name: str, tools: Sequence[Tool], model: ModelSpec) -> _NamedTool:
    for tool in tools:
        if tool.name == name:
            kind = "custom" if isinstance(tool, CustomTool) else "function"
            return _NamedTool(kind, _tool_name(name, tool.namespace, model).name)
    return _NamedTool("function", name)


# ------------------------------------------------------------------------------------ parameters


def _set_sampling(body: _Body, call: ModelCall) -> None:
    sampling, capabilities = call.request.sampling, call.model.capabilities
    include: list[str] = []
    if capabilities.sampling is not False:
        body.temperature = sampling.temperature
        body.top_p = sampling.top_p
    if sampling.max_output_tokens is not None:
        body.max_output_tokens = max(sampling.max_output_tokens, _LEAST_OUTPUT_TOKENS)
    if capabilities.logprobs and sampling.logprobs:
        include.append("message.output_text.logprobs")
        body.top_logprobs = sampling.top_logprobs
    if capabilities.reasoning:
        include.append("reasoning.encrypted_content")  # nothing is stored: the next turn needs it
        effort = sampling.reasoning_effort
        body.reasoning = None if effort is None else _Effort(effort)
    body.include = include or None


def _text(call: ModelCall) -> _Text | None:
    wanted = _format(call.request.response_format, call.model)
    verbosity = call.request.sampling.verbosity if _is_openai(call.model) else None
    return _Text(wanted, verbosity) if wanted or verbosity else None


def _format(wanted: ResponseFormat, model: ModelSpec) -> _Format | None:
    if wanted.type == "text":
        return None
    if wanted.type == "json_object":
        return _Format("json_object")
    if not model.capabilities.structured_outputs:
        return None
    return _Format(
        "json_schema", wanted.name or "answer", wanted.schema, wanted.strict, wanted.description
    )
