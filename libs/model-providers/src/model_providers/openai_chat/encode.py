"""A neutral request as a body of `POST /chat/completions`. Pure.

The body opens with `messages` and every key has its fixed place, so that two calls on the same
conversation share the longest possible prefix, byte for byte.

What differs between backends:

- `developer` messages stay so for OpenAI, on Azure too, and become `system` elsewhere.
- The output cap is `max_completion_tokens` for OpenAI, on Azure too, and `max_tokens` elsewhere.
- Both follow the provider's kind unless `capabilities` says otherwise.
- What a backend lacks by its capabilities is left out; OpenAI's own parameters (`verbosity`,
  `service_tier`, `prompt_cache_key`) go to providers of kind `openai` only.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec

from model_providers.custom_formats import as_in_chat
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
    ToolKind,
    ToolResult,
)
from wire.errors import PlatformFaultError
from wire.openai_chat import (
    ContentPart,
    CustomCallBody,
    CustomDefinition,
    FileInput,
    FunctionCallBody,
    FunctionDefinition,
    ImageUrl,
    InputAudio,
    JsonSchemaSpec,
    ResponseFormatSpec,
    StreamOptions,
    ToolDefinition,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from model_providers.provider import ModelCall
    from wire.specs import ModelSpec

Content: TypeAlias = str | list[ContentPart] | None


class _ToolCall(msgspec.Struct, omit_defaults=True):
    """As `wire.openai_chat.MessageToolCall`, with a `type` that is always written."""

    id: str
    type: str
    function: FunctionCallBody | None = None
    custom: CustomCallBody | None = None


class _Message(msgspec.Struct, omit_defaults=True):
    """`content` is always written, `null` included: some chat templates index it blindly."""

    role: str
    content: Content
    name: str | None = None
    refusal: str | None = None
    tool_calls: list[_ToolCall] | None = None
    tool_call_id: str | None = None


class _Name(msgspec.Struct):
    name: str


class _NamedTool(msgspec.Struct, omit_defaults=True):
    type: str
    function: _Name | None = None
    custom: _Name | None = None


class _AllowedTools(msgspec.Struct):
    mode: str
    tools: list[_NamedTool]


class _AllowedChoice(msgspec.Struct):
    type: Literal["allowed_tools"]
    allowed_tools: _AllowedTools


class _Body(msgspec.Struct, omit_defaults=True):
    messages: list[_Message]
    model: str
    tools: list[ToolDefinition] | None = None
    tool_choice: str | _NamedTool | _AllowedChoice | None = None
    parallel_tool_calls: bool | None = None
    response_format: ResponseFormatSpec | None = None
    max_completion_tokens: int | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    stop: tuple[str, ...] | None = None
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    logit_bias: dict[str, float] | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    reasoning_effort: str | None = None
    verbosity: str | None = None
    service_tier: str | None = None
    user: str | None = None
    prompt_cache_key: str | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None


_ENCODER = msgspec.json.Encoder()


def encode_request(call: ModelCall) -> bytes:
    """The body for `call.model`'s backend.

    Raises:
        PlatformFaultError: a sealed compaction reached the vendor's door unopened.
    """
    model, request = call.model, call.request
    body = _Body(messages=encode_messages(request.items, model), model=model.upstream_model)
    _set_tools(body, call)
    _set_sampling(body, call)
    body.response_format = _response_format(request.response_format, model)
    body.user = request.user
    if _is_openai(model):
        body.verbosity = request.sampling.verbosity
        body.service_tier = request.service_tier
        body.prompt_cache_key = request.prompt_cache_key
    if call.stream:
        body.stream = True
        body.stream_options = StreamOptions(include_usage=True)
    return _ENCODER.encode(body)


def encode_messages(items: Iterable[Item], model: ModelSpec) -> list[_Message]:
    """The conversation as Chat messages; tool calls join the assistant message before them."""
    transcript = _Transcript(model)
    for item in _settled(tuple(items)):
        transcript.add(item)
    return transcript.finish()


def _settled(items: tuple[Item, ...]) -> Iterable[Item]:
    """What was said between calls and their results comes after them, as Chat demands it.

    But for what the assistant says right behind its calls, which is of their message.
    """
    answered = _answered_calls(items)
    waiting: Counter[str] = Counter()
    held: list[Item] = []
    previous: Item | None = None
    for index, item in enumerate(items):
        if isinstance(item, ToolCall | ToolResult):
            yield item
            if index in answered:
                waiting[item.call_id] += 1
            elif isinstance(item, ToolResult) and item.call_id in waiting:
                waiting[item.call_id] -= 1
                if not waiting[item.call_id]:
                    del waiting[item.call_id]
        elif waiting and not (isinstance(previous, ToolCall) and _is_said_by_assistant(item)):
            held.append(item)
        else:
            yield item
        if held and not waiting:
            yield from held
            held = []
        previous = item


def _is_said_by_assistant(item: Item) -> bool:
    return isinstance(item, Message) and item.role == "assistant"


def _answered_calls(items: tuple[Item, ...]) -> set[int]:
    """Where the calls stand that a result follows; one that has none would wait for ever."""
    answered: set[int] = set()
    results: Counter[str] = Counter()
    for index in range(len(items) - 1, -1, -1):
        item = items[index]
        if isinstance(item, ToolResult):
            results[item.call_id] += 1
        elif isinstance(item, ToolCall) and results[item.call_id]:
            results[item.call_id] -= 1
            answered.add(index)
    return answered


def _is_openai(model: ModelSpec) -> bool:
    return model.provider.kind == "openai"


def _by_kind(*, declared: bool | None, model: ModelSpec) -> bool:
    by_openai = model.provider.kind in ("openai", "azure-openai")
    return by_openai if declared is None else declared


# ---------------------------------------------------------------------------------- conversation


class _Transcript:
    def __init__(self, model: ModelSpec) -> None:
        capabilities = model.capabilities
        self._images = capabilities.images
        self._late_system = capabilities.late_system_messages
        self._developer = _by_kind(declared=capabilities.developer_role, model=model)
        self._messages: list[_Message] = []
        self._assistant: _Message | None = None  # the one that tool calls may still join
        self._media: list[ContentPart] = []  # of tool results, which hold text only in Chat
        self._begun = False

    def add(self, item: Item) -> None:
        match item:
            case Message():
                self._add_message(item)
            case ToolCall():
                self._add_call(item)
            case ToolResult():
                self._add_result(item)
            case OtherItem():
                text = other_item_text(item)
                if text is not None:
                    self._add_message(Message(other_item_role(item), (TextPart(text),)))
            case ReasoningItem():
                pass  # Chat has no place for it, and it does not part a message from its calls
            case CompactionItem():
                raise PlatformFaultError("a compaction was not opened before its model call")

    def finish(self) -> list[_Message]:
        self._flush_media()
        return self._messages

    def _add_message(self, item: Message) -> None:
        self._flush_media()
        open_assistant = self._assistant
        if item.role == "assistant" and open_assistant is not None and open_assistant.tool_calls:
            # Text said beside calls: a message between calls and results would be refused.
            joined = _join(open_assistant.content, self._content(item.content))
            open_assistant.content = joined
            return
        message = self._message(item)
        self._messages.append(message)
        self._assistant = message if item.role == "assistant" else None
        self._begun = self._begun or item.role in ("user", "assistant")

    def _message(self, item: Message) -> _Message:
        if item.role == "assistant" and any(isinstance(p, RefusalPart) for p in item.content):
            said = tuple(part for part in item.content if not isinstance(part, RefusalPart))
            refusal = "".join(p.refusal for p in item.content if isinstance(p, RefusalPart))
            content = self._content(said) if said else None
            return _Message("assistant", content, item.name, refusal)
        return _Message(self._role(item.role), self._content(item.content), item.name)

    def _role(self, role: str) -> str:
        if role not in ("system", "developer"):
            return role
        if self._begun and not self._late_system:
            return "user"
        return role if self._developer else "system"

    def _add_call(self, item: ToolCall) -> None:
        self._flush_media()
        if self._assistant is None:
            self._assistant = _Message("assistant", None)
            self._messages.append(self._assistant)
        if self._assistant.tool_calls is None:
            self._assistant.tool_calls = []
        self._assistant.tool_calls.append(_tool_call(item))
        self._begun = True

    def _add_result(self, item: ToolResult) -> None:
        self._assistant = None
        text = tuple(part for part in item.output if isinstance(part, TextPart))
        media = [part for part in item.output if not isinstance(part, TextPart)]
        content = self._content(text)
        if media:
            self._media.append(_text_part(f"[output of tool call {item.call_id}]"))
            self._media += (self._part(part) for part in media)
            content = content or "[the output follows in the next user message]"
        self._messages.append(_Message("tool", content, tool_call_id=item.call_id))

    def _flush_media(self) -> None:
        """Results must follow their calls without a gap; their images come after the last one."""
        if self._media:
            self._messages.append(_Message("user", self._media))
            self._media = []

    def _content(self, parts: Sequence[Part]) -> str | list[ContentPart]:
        if not parts:
            return ""
        if len(parts) == 1 and isinstance(parts[0], TextPart):
            return parts[0].text
        return [self._part(part) for part in parts]

    def _part(self, part: Part) -> ContentPart:
        match part:
            case TextPart(text):
                return _text_part(text)
            case ImagePart() if not self._images:
                return _text_part("[image left out: this model reads no images]")
            case ImagePart(url, detail):
                image = ImageUrl(url, None if detail == "auto" else detail)
                return ContentPart("image_url", image_url=image)
            case AudioPart(data, audio_format):
                return ContentPart("input_audio", input_audio=InputAudio(data, audio_format))
            case FilePart():
                return _file_part(part)
            case RefusalPart(refusal):
                return _text_part(refusal)


def _text_part(text: str) -> ContentPart:
    return ContentPart("text", text=text)


def _file_part(part: FilePart) -> ContentPart:
    if part.file_data is None:  # Chat takes files by value only
        return _text_part(f"[file: {part.file_url or part.filename or 'unnamed'}]")
    file = FileInput(file_data=part.file_data, filename=part.filename)
    return ContentPart("file", file=file)


def _join(first: Content, second: Content) -> Content:
    if not first or not second:
        return first or second
    if isinstance(first, str) and isinstance(second, str):
        return first + second
    return _as_parts(first) + _as_parts(second)


def _as_parts(content: str | list[ContentPart]) -> list[ContentPart]:
    return [_text_part(content)] if isinstance(content, str) else content


def _tool_call(item: ToolCall) -> _ToolCall:
    name = ToolName(item.name, item.namespace).flat
    if item.kind == "custom":
        return _ToolCall(item.call_id, "custom", custom=CustomCallBody(name, item.arguments))
    return _ToolCall(item.call_id, "function", function=FunctionCallBody(name, item.arguments))


# ----------------------------------------------------------------------------------------- tools


def _set_tools(body: _Body, call: ModelCall) -> None:
    """An empty `tools` is an error at OpenAI, as are its companions without it."""
    request, model = call.request, call.model
    tools = request.tools if model.capabilities.tools else ()
    choice = request.tool_choice
    narrowed = choice.allowed is not None and not _is_openai(model)
    if narrowed and choice.allowed is not None:
        tools = tuple(tool for tool in tools if tool.name in choice.allowed)
    if not tools:
        return
    body.tools = [_tool_definition(tool) for tool in tools]
    body.parallel_tool_calls = request.parallel_tool_calls
    if choice.mode == "tool" and choice.name is not None:
        body.tool_choice = _named_tool(choice.name, choice.kind, tools)
    elif choice.allowed is not None and not narrowed:
        body.tool_choice = _allowed_choice(choice.mode, choice.allowed, tools)
    elif choice.mode in ("none", "required"):
        body.tool_choice = choice.mode


def _tool_definition(tool: Tool) -> ToolDefinition:
    name = ToolName(tool.name, tool.namespace).flat
    if isinstance(tool, FunctionTool):
        function = FunctionDefinition(name, tool.description, tool.parameters, tool.strict)
        return ToolDefinition("function", function=function)
    custom = CustomDefinition(name, tool.description, as_in_chat(tool.format))
    return ToolDefinition("custom", custom=custom)


def _allowed_choice(mode: str, allowed: Sequence[str], tools: Sequence[Tool]) -> _AllowedChoice:
    named = [_named_tool(name, _kind(name, tools), tools) for name in allowed]
    mode = "required" if mode == "required" else "auto"
    return _AllowedChoice("allowed_tools", _AllowedTools(mode, named))


def _named_tool(name: str, kind: ToolKind, tools: Sequence[Tool]) -> _NamedTool:
    flat = next(
        (ToolName(t.name, t.namespace).flat for t in tools if name in (t.name, _flat(t))), name
    )
    if kind == "custom":
        return _NamedTool("custom", custom=_Name(flat))
    return _NamedTool("function", function=_Name(flat))


def _flat(tool: Tool) -> str:
    return ToolName(tool.name, tool.namespace).flat


def _kind(name: str, tools: Sequence[Tool]) -> ToolKind:
    custom = any(isinstance(tool, CustomTool) and tool.name == name for tool in tools)
    return "custom" if custom else "function"


# ------------------------------------------------------------------------------------ parameters


def _set_sampling(body: _Body, call: ModelCall) -> None:
    sampling, model = call.request.sampling, call.model
    capabilities = model.capabilities
    if capabilities.sampling is not False:
        body.temperature = sampling.temperature
        body.top_p = sampling.top_p
    body.stop = sampling.stop or None
    body.presence_penalty = sampling.presence_penalty
    body.frequency_penalty = sampling.frequency_penalty
    body.logit_bias = sampling.logit_bias
    if _by_kind(declared=capabilities.max_completion_tokens, model=model):
        body.max_completion_tokens = sampling.max_output_tokens
    else:
        body.max_tokens = sampling.max_output_tokens
    if capabilities.seed:
        body.seed = sampling.seed
    if capabilities.logprobs and sampling.logprobs:
        body.logprobs = True
        body.top_logprobs = sampling.top_logprobs
    if capabilities.reasoning:
        body.reasoning_effort = sampling.reasoning_effort


def _response_format(wanted: ResponseFormat, model: ModelSpec) -> ResponseFormatSpec | None:
    if wanted.type == "text":
        return None
    if wanted.type == "json_object":
        return ResponseFormatSpec("json_object")
    if not model.capabilities.structured_outputs:
        return None
    schema = JsonSchemaSpec(
        name=wanted.name or "answer",
        schema=wanted.schema,
        strict=wanted.strict or None,
        description=wanted.description,
    )
    return ResponseFormatSpec("json_schema", schema)
