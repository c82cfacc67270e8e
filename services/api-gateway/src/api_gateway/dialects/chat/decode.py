"""A chat request as a `GenerationRequest`, or merely checked where its bytes are passed on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from api_gateway import openai_errors
from api_gateway.dialects import json_members
from api_gateway.dialects.chat.foreign_messages import as_chat_messages, is_foreign
from api_gateway.dialects.chat.foreign_tools import as_chat_choice, as_chat_tools
from api_gateway.dialects.chat.messages import (
    ChatMessage,
    decode_messages,
    to_items,
    uses_legacy_calls,
)
from api_gateway.dialects.chat.tools import (
    ChatTools,
    decode_tool_choice,
    decode_tools,
    without_unknown_tools,
)
from api_gateway.dialects.json_schema import check_response_schema
from wire.conversation import GenerationRequest, ResponseFormat, Sampling, Tool, ToolChoice
from wire.errors import InvalidRequestError
from wire.raw_json import is_present

if TYPE_CHECKING:
    import msgspec

    from api_gateway.dialects.chat.head import ChatHead
    from wire.openai_chat import ChatRequest, ResponseFormatSpec


@dataclass(frozen=True, slots=True)
class ChatBody:
    """A checked request. `request` makes the neutral form, which only some lanes need."""

    head: ChatHead
    messages: list[ChatMessage]
    tools: tuple[Tool, ...]
    tool_choice: ToolChoice

    @property
    def is_legacy(self) -> bool:
        """Whether client and conversation use `functions` instead of tools."""
        return self.head.uses_legacy_functions or uses_legacy_calls(self.messages)

    @property
    def wants_audio(self) -> bool:
        return "audio" in (self.head.parameters.modalities or ())

    @property
    def wants_strict_output(self) -> bool:
        wanted = self.head.parameters.response_format
        return (
            wanted is not None
            and wanted.json_schema is not None
            and wanted.json_schema.strict is True
        )

    def request(self) -> GenerationRequest:
        """The neutral form.

        Raises:
            InvalidRequestError: it asks for what has no neutral form (audio out, vendor's parts).
        """
        parameters = self.head.parameters
        if self.wants_audio:
            raise audio_refused()
        return GenerationRequest(
            items=to_items(self.messages),
            tools=self.tools,
            tool_choice=self.tool_choice,
            parallel_tool_calls=False if self.is_legacy else parameters.parallel_tool_calls,
            sampling=_sampling(parameters),
            response_format=_response_format(parameters.response_format),
            user=parameters.user or parameters.safety_identifier,
            prompt_cache_key=parameters.prompt_cache_key,
            service_tier=parameters.service_tier,
        )


def decode_body(head: ChatHead) -> ChatBody:
    """The second stage: messages, tools and schemas.

    Raises:
        InvalidRequestError: with the path of the first fault.
    """
    if head.stores:
        _check_encoding(head)
    head, messages = _messages(head)
    head, found, tool_choice = _tools(head)
    parameters = head.parameters
    schema = parameters.response_format and parameters.response_format.json_schema
    if schema:
        check_response_schema(schema.schema, strict=schema.strict is True)
    if not found.are_all:
        head = replace(head, members=without_unknown_tools(head.members))
    return ChatBody(head, messages, found.tools, tool_choice)


def _check_encoding(head: ChatHead) -> None:
    """Only of what is kept: to read all of a long conversation once more is not free."""
    try:
        json_members.check_encoding(head.members)
    except openai_errors.JSON_PROBLEMS as problem:
        raise openai_errors.from_json_problem(problem) from None


def _messages(head: ChatHead) -> tuple[ChatHead, list[ChatMessage]]:
    """The messages; those in other dialects' words are chat's own from here on."""
    raw = head.parameters.messages
    try:
        return head, decode_messages(raw)
    except InvalidRequestError:
        if not is_foreign(raw):
            raise
    head = head.having(messages=as_chat_messages(raw, "messages"))
    return head, decode_messages(head.parameters.messages)


def _tools(head: ChatHead) -> tuple[ChatHead, ChatTools, ToolChoice]:
    """The tools and which of them may be called; here, too, chat's own from here on."""
    try:
        found = decode_tools(head.parameters)
        return head, found, decode_tool_choice(head.parameters, found.tools)
    except InvalidRequestError:
        in_chat = _tools_in_chat(head)
        if in_chat is None:
            raise
    found = decode_tools(in_chat.parameters)
    return in_chat, found, decode_tool_choice(in_chat.parameters, found.tools)


def _tools_in_chat(head: ChatHead) -> ChatHead | None:
    """None: they were in chat's own words all along."""
    changed: dict[str, msgspec.Raw] = {}
    parameters = head.parameters
    if is_present(parameters.tools):
        changed["tools"] = as_chat_tools(parameters.tools)
    if is_present(parameters.tool_choice):
        changed["tool_choice"] = as_chat_choice(parameters.tool_choice)
    same = all(bytes(raw) == bytes(head.members[name]) for name, raw in changed.items())
    return None if same else head.having(**changed)


def audio_refused() -> InvalidRequestError:
    """Of a request whose answer would have to be heard."""
    return openai_errors.unsupported_parameter(
        "modalities", "Audio output is not supported with this model."
    )


def _sampling(parameters: ChatRequest) -> Sampling:
    stop = parameters.stop
    return Sampling(
        temperature=parameters.temperature,
        top_p=parameters.top_p,
        max_output_tokens=parameters.max_completion_tokens or parameters.max_tokens,
        stop=(stop,) if isinstance(stop, str) else tuple(stop or ()),
        seed=parameters.seed,
        presence_penalty=parameters.presence_penalty,
        frequency_penalty=parameters.frequency_penalty,
        logit_bias=parameters.logit_bias,
        logprobs=parameters.logprobs is True,
        top_logprobs=parameters.top_logprobs,
        reasoning_effort=parameters.reasoning_effort,
        verbosity=parameters.verbosity,
    )


def _response_format(wanted: ResponseFormatSpec | None) -> ResponseFormat:
    if wanted is None:
        return ResponseFormat()
    match wanted.type:
        case "json_schema" if wanted.json_schema is not None:
            schema = wanted.json_schema
            return ResponseFormat(
                "json_schema",
                name=schema.name,
                schema=schema.schema,
                strict=schema.strict is True,
                description=schema.description,
            )
        case "json_object":
            return ResponseFormat("json_object")
        case _:
            return ResponseFormat()
