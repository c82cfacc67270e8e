"""Anthropic's Messages wire: a strict reader of requests.

A user's text block that as a whole is a `<system-reminder>` is what whoever runs the model wrote
behind the user's words: it is read as a developer message of its own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from provider_sim import anthropic_parts, openai_tools
from provider_sim.anthropic_schemas import check_output_schema, check_tool_schema
from provider_sim.anthropic_stream import MessagesWriter, ThinkingDisplay
from provider_sim.frames import Answer, Decoded
from provider_sim.prompt import (
    Message,
    OutputFormat,
    Prompt,
    Reply,
    Sampling,
    Tool,
    ToolCall,
    ToolChoice,
)
from provider_sim.wire_errors import WireError, missing, wrong_type, wrong_value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from provider_sim.frames import Stamp
    from provider_sim.request_fields import Fields
    from provider_sim.usage import Usage

KNOWN_FIELDS = frozenset(
    {
        "cache_control", "container", "diagnostics", "inference_geo", "max_tokens", "messages",
        "metadata", "model", "output_config", "service_tier", "speed", "stop_sequences", "stream",
        "system", "temperature", "thinking", "tool_choice", "tools", "top_k", "top_p",
    }
)  # fmt: skip
_ROLES = ("user", "assistant", "system")
_EFFORTS = ("low", "medium", "high", "xhigh", "max")
_TOOL_NAME = re.compile(r"^[a-zA-Z0-9_-]{1,128}$")
_CALL_ID = re.compile(r"^[a-zA-Z0-9_-]+$")
_REMINDER = re.compile(r"\s*<system-reminder>\n?(.*?)\n?</system-reminder>\s*", re.DOTALL)
_MOST_BREAKPOINTS = 4
_MOST_TOKENS = 10**9
_LEAST_THINKING_TOKENS = 1_024
# Today's models refuse them; a name that is not Anthropic's stands for an older one.
_SAMPLING = ("temperature", "top_p", "top_k")
_NAMES_WITHOUT_SAMPLING = "claude-"


@dataclass(frozen=True, slots=True)
class MessagesRequest:
    prompt: Prompt
    model: str
    stream: bool
    thinking: ThinkingDisplay


def decode(fields: Fields) -> Decoded:
    """Read the body, and keep what its answer needs."""
    request = decode_request(fields)
    return Decoded(request.prompt, request.stream, "messages", partial(encode_answer, request))


def decode_request(fields: Fields, *, counting: bool = False) -> MessagesRequest:
    """Read the body.

    Raises:
        WireError: what Anthropic would refuse.
    """
    model = openai_tools.check_model(fields)
    limit = fields.integer("max_tokens", 1, _MOST_TOKENS)
    if limit is None and not counting:
        raise missing("max_tokens")
    reader = _Reader()
    reader.read(fields)
    tools = tuple(_read_tools(fields, reader.cache))
    choice = _read_choice(fields, tools)
    prompt = Prompt(
        model=model,
        messages=tuple(reader.messages),
        tools=tools,
        tool_choice=choice,
        output=_read_output(fields),
        sampling=_read_sampling(fields, model, limit),
        parallel_calls=not _is_one_by_one(fields),
        extra_text=openai_tools.tool_text(fields.raw("tools")),
        caches=reader.cache.breakpoints > 0,
        cached_messages=reader.cache.messages,
    )
    stream = fields.flag("stream", default=False)
    return MessagesRequest(prompt, model, stream, _read_thinking(fields, choice, limit))


def prompt_to_count(fields: Fields) -> Prompt:
    """The prompt of a request that is only counted: it has no `max_tokens`."""
    return decode_request(fields, counting=True).prompt


def encode_answer(
    request: MessagesRequest,
    replies: list[Reply],
    usage: Usage,
    shown: Usage | None,
    stamp: Stamp,
) -> Answer:
    """The answer in this wire; it has one choice."""
    writer = MessagesWriter(request.model, replies[0], shown, stamp, request.thinking)
    return Answer(
        usage=usage,
        finish_reason=writer.stop_reason,
        beats=writer.beats,
        body=writer.body,
        frames=writer.frames,
        error_frames=writer.error_frames,
    )


# --- the conversation -------------------------------------------------------------------------


@dataclass(slots=True)
class _Cache:
    """Breakpoints seen, and how many messages the last of them covers."""

    breakpoints: int = 0
    messages: int = 0

    def note(self, block: Fields, covered: int) -> None:
        if not block.has("cache_control"):
            return
        control = block.child("cache_control")
        control.choice("type", ("ephemeral",))
        self.breakpoints += 1
        self.messages = max(self.messages, covered)
        if self.breakpoints > _MOST_BREAKPOINTS:
            raise WireError(
                "A maximum of 4 blocks with cache_control may be provided. "
                f"Found {self.breakpoints}."
            )


@dataclass(slots=True)
class _Reader:
    """Turns of the conversation as messages, checked against each other."""

    messages: list[Message] = field(default_factory=list[Message])
    cache: _Cache = field(default_factory=_Cache)
    pending: dict[str, None] = field(default_factory=dict[str, None])
    """Calls of the previous turn that wait for their results."""
    seen_ids: set[str] = field(default_factory=set[str])

    def read(self, fields: Fields) -> None:
        self._read_system(fields)
        fields.need("messages")
        fields.filled_array("messages")
        turns = list(fields.children("messages"))
        roles = [turn.choice("role", _ROLES) for turn in turns]
        _check_roles(turns, roles)
        for turn, role in zip(turns, roles, strict=True):
            self._read_turn(turn, role)
        if fields.has("cache_control"):
            self.cache.note(fields, len(self.messages))
        self._check_answered(len(turns) - 1)

    def _read_system(self, fields: Fields) -> None:
        if isinstance(fields.raw("system"), str):
            self.messages.append(Message("system", fields.text("system")))
            return
        for block in fields.children("system"):
            block.choice("type", ("text",))
            self.messages.append(Message("system", _full_text(block)))
            self.cache.note(block, len(self.messages))

    def _read_turn(self, turn: Fields, role: str) -> None:
        content = turn.need("content")
        if role == "system":
            self.messages.append(Message("developer", _system_text(turn)))
        elif isinstance(content, str):
            self._check_answered_by(turn)
            if not content:
                raise WireError(f"{turn.at('content')}: user messages must have non-empty content")
            self.messages.append(Message("user" if role == "user" else "assistant", content))
        elif not isinstance(content, list):
            raise wrong_type(turn.at("content"), "a string or an array", content)
        elif turn.filled_array("content") and role == "user":
            self._read_user(turn)
        else:
            self._read_assistant(turn)

    def _read_user(self, turn: Fields) -> None:
        open_message = False
        for block in turn.children("content"):
            kind = block.choice("type", anthropic_parts.USER_BLOCKS)
            if kind == "tool_result":
                self._read_result(block, after_text=open_message)
                self.cache.note(block, len(self.messages))
                continue
            reminder = _REMINDER.fullmatch(_full_text(block)) if kind == "text" else None
            if reminder is not None:
                self.messages.append(Message("developer", reminder[1]))
                open_message = False
            else:
                self._add_part(anthropic_parts.read_part(block), joins=open_message)
                open_message = True
            self.cache.note(block, len(self.messages))
        self._check_answered_by(turn)

    def _add_part(self, part: anthropic_parts.Part, *, joins: bool) -> None:
        """Parts of one turn are one message, until a reminder parts them."""
        if not joins:
            self.messages.append(Message("user", part.text, media_tokens=part.media_tokens))
            return
        last = self.messages[-1]
        text = "\n".join(filter(None, (last.text, part.text)))
        tokens = last.media_tokens + part.media_tokens
        self.messages[-1] = Message("user", text, media_tokens=tokens)

    def _read_result(self, block: Fields, *, after_text: bool) -> None:
        call_id = block.text("tool_use_id")
        if call_id not in self.pending or after_text:
            raise WireError(
                f"{block.path}: unexpected `tool_use_id` found in `tool_result` blocks: {call_id}. "
                "Each `tool_result` block must have a corresponding `tool_use` block in the "
                "previous message."
            )
        del self.pending[call_id]
        part = anthropic_parts.read_result(block)
        self.messages.append(
            Message("tool", part.text, call_id=call_id, media_tokens=part.media_tokens)
        )

    def _read_assistant(self, turn: Fields) -> None:
        self._check_answered_by(turn)
        texts: list[str] = []
        calls: list[ToolCall] = []
        for block in turn.children("content"):
            kind = block.choice("type", anthropic_parts.ASSISTANT_BLOCKS)
            if kind == "text":
                texts.append(_full_text(block))
            elif kind == "tool_use":
                calls.append(self._read_call(block))
            else:
                anthropic_parts.check_thinking(block)
            self.cache.note(block, len(self.messages) + 1)
        self.messages.append(Message("assistant", "\n".join(texts), tuple(calls)))
        self.pending = {call.call_id: None for call in calls}

    def _read_call(self, block: Fields) -> ToolCall:
        call_id = block.text("id")
        if not _CALL_ID.match(call_id):
            raise WireError(f"{block.at('id')}: String should match pattern '^[a-zA-Z0-9_-]+$'")
        if call_id in self.seen_ids:
            raise WireError(f"{block.path}: `tool_use` ids must be unique")
        self.seen_ids.add(call_id)
        arguments = openai_tools.tool_text(block.child("input").data) or "{}"
        return ToolCall(call_id, block.text("name"), arguments)

    def _check_answered_by(self, turn: Fields) -> None:
        if self.pending:
            raise WireError(
                f"{turn.path}: `tool_use` ids were found without `tool_result` blocks immediately "
                f"after: {', '.join(self.pending)}. Each `tool_use` block must have a "
                "corresponding `tool_result` block in the next message."
            )

    def _check_answered(self, last: int) -> None:
        if self.pending:
            raise WireError(f"messages.{last}: `tool_use` ids were found without `tool_result`")


def _check_roles(turns: list[Fields], roles: list[str]) -> None:
    if roles[0] != "user":
        raise WireError('messages: first message must use the "user" role')
    if roles[-1] == "assistant":
        raise WireError(
            "This model does not support assistant message prefill. The conversation must end "
            "with a user message."
        )
    for index, role in enumerate(roles):
        followed_by = roles[index + 1] if index + 1 < len(roles) else "assistant"
        if role == "system" and (roles[index - 1] != "user" or followed_by != "assistant"):
            raise WireError(
                f"{turns[index].path}: a system message must follow a user message and stand last "
                "or before an assistant message"
            )


def _system_text(turn: Fields) -> str:
    if isinstance(turn.raw("content"), str):
        return turn.text("content")
    return "\n".join(_full_text(block) for block in turn.children("content"))


def _full_text(block: Fields) -> str:
    text = block.text("text")
    if not text.strip():
        raise WireError(f"{block.path}: text content blocks must contain non-whitespace text")
    return text


# --- tools and parameters ---------------------------------------------------------------------


def _read_tools(fields: Fields, cache: _Cache) -> Iterator[Tool]:
    """The client's tools; what the vendor runs itself is not offered here."""
    names: set[str] = set()
    for tool in fields.children("tools"):
        cache.note(tool, 0)
        if tool.text_or("type", "custom") != "custom":
            continue
        name = tool.text("name")
        if not _TOOL_NAME.match(name):
            raise WireError(
                f"{tool.at('name')}: String should match pattern '^[a-zA-Z0-9_-]{{1,128}}$'"
            )
        if name in names:
            raise WireError("tools: Tool names must be unique.")
        names.add(name)
        schema = tool.child("input_schema").data
        check_tool_schema(
            schema, tool.at("input_schema"), strict=tool.flag("strict", default=False)
        )
        yield Tool(name, schema)


def _is_one_by_one(fields: Fields) -> bool:
    choice = fields.child("tool_choice") if fields.has("tool_choice") else None
    return choice is not None and choice.flag("disable_parallel_tool_use", default=False)


def _read_choice(fields: Fields, tools: tuple[Tool, ...]) -> ToolChoice:
    if not fields.has("tool_choice"):
        return ToolChoice()
    choice = fields.child("tool_choice")
    kind = choice.choice("type", ("auto", "any", "tool", "none"))
    if kind in {"any", "tool"} and not tools:
        raise WireError("tool_choice may only be specified while providing tools")
    if kind == "any":
        return ToolChoice("required")
    if kind != "tool":
        return ToolChoice("none" if kind == "none" else "auto")
    name = choice.text("name")
    if not any(tool.name == name for tool in tools):
        raise WireError(f"Tool '{name}' not found in provided tools")
    return ToolChoice("required", name)


def _read_output(fields: Fields) -> OutputFormat:
    config = fields.child("output_config") if fields.has("output_config") else None
    if config is None:
        return OutputFormat()
    if config.has("effort"):
        config.choice("effort", _EFFORTS)
    if not config.has("format"):
        return OutputFormat()
    wanted = config.child("format")
    wanted.choice("type", ("json_schema",))
    schema = wanted.child("schema")
    check_output_schema(schema.data, schema.path)
    return OutputFormat("json_schema", schema.data)


def _read_sampling(fields: Fields, model: str, limit: int | None) -> Sampling:
    given = [name for name in _SAMPLING if fields.has(name)]
    if given and model.startswith(_NAMES_WITHOUT_SAMPLING):
        raise WireError(f"`{given[0]}` is deprecated for this model.")
    fields.decimal("top_p", 0, 1)
    fields.integer("top_k", 0, _MOST_TOKENS)
    stops = fields.texts("stop_sequences", _MOST_TOKENS)
    if any(not stop.strip() for stop in stops):
        raise WireError("stop_sequences: each stop sequence must contain non-whitespace")
    return Sampling(temperature=fields.decimal("temperature", 0, 1), max_tokens=limit, stop=stops)


def _read_thinking(fields: Fields, choice: ToolChoice, limit: int | None) -> ThinkingDisplay:
    """How thinking is shown: without the parameter today's models think and do not show it."""
    if not fields.has("thinking"):
        return "omitted"
    thinking = fields.child("thinking")
    kind = thinking.choice("type", ("enabled", "adaptive", "disabled"))
    if kind == "disabled":
        return "none"
    if choice.mode == "required":
        raise WireError("Thinking may not be enabled when tool_choice forces tool use.")
    if kind == "enabled":
        budget = thinking.integer("budget_tokens", _LEAST_THINKING_TOKENS, _MOST_TOKENS)
        if budget is None:
            raise missing(thinking.at("budget_tokens"))
        if limit is not None and budget >= limit:
            raise WireError("`max_tokens` must be greater than `thinking.budget_tokens`.")
    display = thinking.text_or("display", "summarized" if kind == "enabled" else "omitted")
    if display not in {"summarized", "omitted"}:
        raise wrong_value(thinking.at("display"), display, "'summarized', 'omitted'")
    return "summarized" if display == "summarized" else "omitted"
