"""A neutral request as a body of `POST /v1/messages`. Pure.

The body opens with what a conversation's calls share: tools, system, messages; so two calls on one
conversation share the longest possible prefix, byte for byte. Cache breakpoints stand behind the
system prompt and behind the conversation, before what is this call's alone.

- `max_tokens` is required: the request's cap, within the model's; else the model's; else 8,192.
- A JSON schema the backend can guarantee becomes `output_config.format`. Otherwise, a tool of ours
  takes the answer as its arguments, and decoding turns it back into text.
- `temperature` and `top_p` go out only where `capabilities.sampling` says so: today's models
  refuse them. Seed, penalties, logit bias, logprobs and verbosity do not exist here.
- A reasoning model thinks adaptively and shows a summary, except where a tool is forced: the two
  exclude each other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from model_providers.anthropic_messages.blocks import Block, CacheControl, TextBlock, Turn
from model_providers.anthropic_messages.schemas import guaranteed_schema
from model_providers.anthropic_messages.tools import (
    FREE_TEXT_KEY,
    ToolDefinition,
    define,
    define_called,
    offered_names,
)
from model_providers.anthropic_messages.transcript import Transcript, transcribe
from model_providers.decode_context import DecodeContext
from model_providers.json_values import JsonObject, loads
from model_providers.tool_names import ToolName
from wire.conversation import CustomTool, Message, TextPart

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from model_providers.provider import ModelCall
    from wire.conversation import Item, Sampling

DEFAULT_MAX_TOKENS = 8_192
ANSWER_TOOL = "conclave_answer"
_ANSWER_DESCRIPTION = "Gives your whole answer, in the form that was asked for."
_ONE_OBJECT = Message(
    "developer",
    (TextPart("Reply with one JSON object and nothing else: no prose, no code fence."),),
)
_MOST_USER_CHARS = 256
_EFFORTS = {
    "none": "low",
    "minimal": "low",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "xhigh",
    "max": "max",
}
_TIERS = {"auto": "auto", "priority": "auto", "default": "standard_only"}


class _ToolChoice(msgspec.Struct, omit_defaults=True):
    type: str
    name: str | None = None
    disable_parallel_tool_use: bool = False


class _Format(msgspec.Struct):
    type: str
    schema: msgspec.Raw


class _OutputConfig(msgspec.Struct, omit_defaults=True):
    effort: str | None = None
    format: _Format | None = None


class _Thinking(msgspec.Struct):
    type: str
    display: str


class _Metadata(msgspec.Struct):
    user_id: str


class _Body(msgspec.Struct, omit_defaults=True, kw_only=True):
    """What calls on one conversation share comes first."""

    tools: list[ToolDefinition] | None = None
    system: list[TextBlock] | None = None
    messages: list[Turn]
    model: str
    max_tokens: int
    tool_choice: _ToolChoice | None = None
    output_config: _OutputConfig | None = None
    thinking: _Thinking | None = None
    temperature: float | None = None
    top_p: float | None = None
    stop_sequences: list[str] | None = None
    metadata: _Metadata | None = None
    service_tier: str | None = None
    stream: bool = False


_ENCODER = msgspec.json.Encoder()


def encode_request(call: ModelCall) -> bytes:
    """The body for `call.model`'s backend.

    Raises:
        PlatformFaultError: a sealed compaction reached the vendor's door unopened.
    """
    model = call.model
    names = _names(call)
    transcript = transcribe(
        _items(call),
        names={name: known for known, name in names.items()},
        images=model.capabilities.images,
        late_system=model.capabilities.late_system_messages,
    )
    body = _Body(
        messages=transcript.turns,
        model=model.upstream_model,
        max_tokens=output_cap(call),
        system=transcript.system or None,
        stream=call.stream,
    )
    _set_tools(body, call, names, transcript)
    _set_output(body, call, names)
    _set_breakpoints(body, transcript)
    _set_parameters(body, call)
    return _ENCODER.encode(body)


def context_of(call: ModelCall, new_tool_call_id: Callable[[], str]) -> DecodeContext:
    """What decoding the answer to this call needs to know of it."""
    names = _names(call)
    custom = {
        ToolName(tool.name, tool.namespace)
        for tool in call.request.tools
        if isinstance(tool, CustomTool)
    }
    wrapped = (known for known, name in names.items() if name in custom)
    return DecodeContext(
        call.model.provider.name,
        new_tool_call_id,
        names,
        free_text_tools=dict.fromkeys(wrapped, FREE_TEXT_KEY),
        answer_tool=_answer_tool(call, names),
    )


def output_cap(call: ModelCall) -> int:
    """`max_tokens`: the API demands one."""
    asked, most = call.request.sampling.max_output_tokens, call.model.max_output_tokens
    if asked is None:
        return most or DEFAULT_MAX_TOKENS
    return asked if most is None else min(asked, most)


def _names(call: ModelCall) -> dict[str, ToolName]:
    return offered_names(call.request.tools) if call.model.capabilities.tools else {}


# ---------------------------------------------------------------------------------------- tools


def _set_tools(
    body: _Body, call: ModelCall, names: Mapping[str, ToolName], transcript: Transcript
) -> None:
    request = call.request
    tools = _definitions(call, names)
    if not tools and transcript.called_names:  # calls in a conversation need definitions
        body.tools = [define_called(name) for name in transcript.called_names]
        body.tool_choice = _ToolChoice("none")
        return
    if not tools:
        return
    body.tools = tools
    choice = request.tool_choice
    one_call = request.parallel_tool_calls is False
    if choice.mode == "none":
        body.tool_choice = _ToolChoice("none")
    elif choice.mode == "tool" and choice.name is not None:
        name = _chosen(choice.name, names)
        body.tool_choice = _ToolChoice("tool", name, one_call)
    elif choice.mode == "required":
        body.tool_choice = _ToolChoice("any", disable_parallel_tool_use=one_call)
    elif one_call:
        body.tool_choice = _ToolChoice("auto", disable_parallel_tool_use=True)


def _definitions(call: ModelCall, names: Mapping[str, ToolName]) -> list[ToolDefinition]:
    """In the client's order; narrowed to what it allows, for which the API has no other word."""
    allowed = call.request.tool_choice.allowed
    guaranteed = call.model.capabilities.structured_outputs
    by_name = {ToolName(tool.name, tool.namespace): tool for tool in call.request.tools}
    return [
        define(by_name[name], known, guaranteed=guaranteed)
        for known, name in names.items()
        if allowed is None or name.name in allowed or name.flat in allowed
    ]


def _chosen(wanted: str, names: Mapping[str, ToolName]) -> str:
    for known, name in names.items():
        if wanted in (name.name, name.flat):
            return known
    return wanted


# --------------------------------------------------------------------------------------- output


def _set_output(body: _Body, call: ModelCall, names: Mapping[str, ToolName]) -> None:
    schema = _object_schema(call)
    if schema is None:
        return
    if call.model.capabilities.structured_outputs:
        raw = msgspec.Raw(_ENCODER.encode(guaranteed_schema(schema)))
        body.output_config = _OutputConfig(format=_Format("json_schema", raw))
        return
    name = _answer_tool(call, names)
    if name is not None:
        alone = not names or call.request.tool_choice.mode == "none"
        _ask_by_tool(body, name, call, alone=alone)


def _ask_by_tool(body: _Body, name: str, call: ModelCall, *, alone: bool) -> None:
    """The answer as arguments: by force, or as one choice beside the client's own tools."""
    definition = ToolDefinition(name, call.request.response_format.schema, _ANSWER_DESCRIPTION)
    body.tools = [*(body.tools or []), definition]
    one_call = call.request.parallel_tool_calls is False
    body.tool_choice = (
        _ToolChoice("tool", name, disable_parallel_tool_use=True)
        if alone
        else _ToolChoice("any", disable_parallel_tool_use=one_call)
    )


def _answer_tool(call: ModelCall, names: Mapping[str, ToolName]) -> str | None:
    """The name of the tool that takes the answer; None: the answer comes as text."""
    if call.model.capabilities.structured_outputs or _object_schema(call) is None:
        return None
    if names and call.request.tool_choice.mode in ("required", "tool"):
        return None  # the turn is a client's tool call
    name = ANSWER_TOOL
    while name in names:
        name += "_"
    return name


def _object_schema(call: ModelCall) -> JsonObject | None:
    """The schema asked for, if it is an object's: of anything else the words must do."""
    wanted = call.request.response_format
    if wanted.type != "json_schema" or not wanted.schema:
        return None
    try:
        schema = loads(bytes(wanted.schema))
    except msgspec.DecodeError:
        return None
    return schema if isinstance(schema, dict) and schema.get("type") == "object" else None


def _items(call: ModelCall) -> tuple[Item, ...]:
    """The conversation, and what the API has no parameter for as a last instruction."""
    items = call.request.items
    return (*items, _ONE_OBJECT) if call.request.response_format.type == "json_object" else items


# ----------------------------------------------------------------------------------- parameters


def _set_breakpoints(body: _Body, transcript: Transcript) -> None:
    """Two of the four that the API allows."""
    stable: Sequence[TextBlock] | Sequence[ToolDefinition] = body.system or body.tools or []
    if stable:
        stable[-1].cache_control = CacheControl()
    end: Block | None = transcript.conversation_end
    if end is not None:
        end.cache_control = CacheControl()


def _set_parameters(body: _Body, call: ModelCall) -> None:
    request, model = call.request, call.model
    if model.capabilities.reasoning:
        _set_thinking(body, request.sampling)
    elif model.capabilities.sampling is True:
        _set_sampling(body, request.sampling)
    stops = [stop for stop in request.sampling.stop if stop.strip()]
    body.stop_sequences = stops or None
    if request.user:
        body.metadata = _Metadata(request.user[:_MOST_USER_CHARS])
    body.service_tier = _TIERS.get(request.service_tier or "")


def _set_thinking(body: _Body, sampling: Sampling) -> None:
    effort = _EFFORTS.get(sampling.reasoning_effort or "")
    if effort is not None:
        config = body.output_config or _OutputConfig()
        body.output_config = _OutputConfig(effort, config.format)
    forced = body.tool_choice is not None and body.tool_choice.type in ("any", "tool")
    if not forced and sampling.reasoning_effort not in ("none", "minimal"):
        body.thinking = _Thinking("adaptive", "summarized")


def _set_sampling(body: _Body, sampling: Sampling) -> None:
    """One of the two: some models refuse both at once."""
    if sampling.temperature is not None:
        body.temperature = min(1.0, sampling.temperature)  # OpenAI's scale ends at 2
    else:
        body.top_p = sampling.top_p
