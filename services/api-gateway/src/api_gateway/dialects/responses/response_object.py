"""The response object: what it repeats of its request, and what has become of it.

Source: OpenAI wire contract, section 2.4. All keys are always there, null where they are empty.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import msgspec

from api_gateway.dialects import json_members
from api_gateway.dialects.responses.head import ENCRYPTED_REASONING, OUTPUT_LOGPROBS
from wire.conversation import Compacted, Usage
from wire.coordination import RunDetails
from wire.raw_json import is_present

if TYPE_CHECKING:
    from api_gateway.dialects.responses.decode import ResponsesBody
    from api_gateway.dialects.responses.output_items import EventWriter
    from wire.errors import ErrorInfo

Status = Literal["queued", "in_progress", "completed", "incomplete", "failed", "cancelled"]
IncompleteReason = Literal["max_output_tokens", "content_filter"]

_encode = msgspec.json.Encoder().encode
_AUTO = msgspec.Raw(b'"auto"')
_PLAIN_TEXT = msgspec.Raw(b'{"type":"text"}')
# OpenAI's closed enum; other vendors have words of their own for what they did.
_TIERS = frozenset({"auto", "default", "flex", "scale", "priority", "fast", "ultrafast"})
# What `error.code` may say: OpenAI's enum is closed, but Codex understands four more words.
_ERROR_CODES = frozenset(
    {
        "context_length_exceeded",
        "insufficient_quota",
        "invalid_prompt",
        "rate_limit_exceeded",
        "server_is_overloaded",
    }
)


class ReasoningEcho(msgspec.Struct, frozen=True):
    effort: str | None = None
    summary: str | None = None


class ConversationEcho(msgspec.Struct, frozen=True):
    id: str


class ResponseError(msgspec.Struct, frozen=True):
    code: str
    message: str


class IncompleteDetails(msgspec.Struct, frozen=True):
    reason: IncompleteReason


class InputTokensDetails(msgspec.Struct, frozen=True):
    cached_tokens: int
    cache_write_tokens: int


class OutputTokensDetails(msgspec.Struct, frozen=True):
    reasoning_tokens: int


class ResponseUsage(msgspec.Struct, frozen=True):
    input_tokens: int
    input_tokens_details: InputTokensDetails
    output_tokens: int
    output_tokens_details: OutputTokensDetails
    total_tokens: int
    compaction_details: Compacted | msgspec.UnsetType = msgspec.UNSET


class ResponseEcho(msgspec.Struct, frozen=True, kw_only=True):
    """What every response object of a request repeats; enough to write them all anew.

    `shows_*`: parts of the output that clients get only when they ask for them.
    """

    response_id: str
    created_unix_s: int
    model: str
    stores: bool
    background: bool
    instructions: str | None
    previous_response_id: str | None
    conversation_id: str | None
    max_output_tokens: int | None
    max_tool_calls: int | None
    parallel_tool_calls: bool
    temperature: float
    top_p: float
    top_logprobs: int
    presence_penalty: float
    frequency_penalty: float
    text: msgspec.Raw
    tools: tuple[msgspec.Raw, ...]
    tool_choice: msgspec.Raw
    truncation: str
    reasoning: ReasoningEcho
    metadata: dict[str, str]
    user: str | None
    safety_identifier: str | None
    prompt_cache_key: str | None
    service_tier: str
    shows_reasoning: bool
    shows_encrypted_reasoning: bool
    shows_logprobs: bool


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a response has become so far. `output`: its items as JSON."""

    status: Status
    output: Sequence[bytes] = ()
    usage: Usage | None = None
    error: ResponseError | None = None
    incomplete_reason: IncompleteReason | None = None
    completed_unix_s: int | None = None
    service_tier: str | None = None
    details: RunDetails | None = None
    compacted: Compacted | None = None


@dataclass(frozen=True, slots=True)
class FinalResponse:
    """How a response ended: its object, and the last frames of its stream."""

    status: Status
    body: bytes
    frames: bytes


class _Response(msgspec.Struct):
    id: str
    object: str
    created_at: int
    status: Status
    background: bool
    completed_at: int | None
    error: ResponseError | None
    incomplete_details: IncompleteDetails | None
    instructions: str | None
    max_output_tokens: int | None
    max_tool_calls: int | None
    model: str
    output: Sequence[msgspec.Raw]
    parallel_tool_calls: bool
    presence_penalty: float
    frequency_penalty: float
    previous_response_id: str | None
    prompt_cache_key: str | None
    reasoning: ReasoningEcho
    safety_identifier: str | None
    service_tier: str
    store: bool
    temperature: float
    text: msgspec.Raw
    tool_choice: msgspec.Raw
    tools: tuple[msgspec.Raw, ...]
    top_logprobs: int
    top_p: float
    truncation: str
    usage: ResponseUsage | None
    user: str | None
    metadata: dict[str, str]
    conversation: ConversationEcho | msgspec.UnsetType = msgspec.UNSET
    conclave: RunDetails | msgspec.UnsetType = msgspec.UNSET


def echo_of(
    body: ResponsesBody,
    *,
    response_id: str,
    created_unix_s: int,
    shows_reasoning: bool,
) -> ResponseEcho:
    """What the responses to a request repeat of it, defaults spelt out."""
    head, asked = body.head, body.head.parameters
    reasoning = asked.reasoning
    return ResponseEcho(
        response_id=response_id,
        created_unix_s=created_unix_s,
        model=asked.model,
        stores=head.stores,
        background=head.in_background,
        instructions=asked.instructions,
        previous_response_id=asked.previous_response_id,
        conversation_id=head.conversation_id,
        max_output_tokens=asked.max_output_tokens,
        max_tool_calls=asked.max_tool_calls,
        parallel_tool_calls=asked.parallel_tool_calls is not False,
        temperature=1.0 if asked.temperature is None else asked.temperature,
        top_p=1.0 if asked.top_p is None else asked.top_p,
        top_logprobs=asked.top_logprobs or 0,
        presence_penalty=asked.presence_penalty or 0.0,
        frequency_penalty=asked.frequency_penalty or 0.0,
        text=_text_echo(head.members),
        tools=body.tools.echo,
        tool_choice=asked.tool_choice if is_present(asked.tool_choice) else _AUTO,
        truncation=asked.truncation or "disabled",
        reasoning=ReasoningEcho(
            reasoning and reasoning.effort,
            reasoning and (reasoning.summary or reasoning.generate_summary),
        ),
        metadata=asked.metadata or {},
        user=asked.user,
        safety_identifier=asked.safety_identifier,
        prompt_cache_key=asked.prompt_cache_key,
        service_tier=asked.service_tier or "auto",
        shows_reasoning=shows_reasoning,
        shows_encrypted_reasoning=head.includes(ENCRYPTED_REASONING),
        shows_logprobs=head.includes(OUTPUT_LOGPROBS),
    )


def encode_response(echo: ResponseEcho, outcome: Outcome, *, stored: bool) -> bytes:
    """The response object as JSON. `stored`: whether it could be kept, if it was to be."""
    return _encode(
        _Response(
            id=echo.response_id,
            object="response",
            created_at=echo.created_unix_s,
            status=outcome.status,
            background=echo.background,
            completed_at=outcome.completed_unix_s,
            error=outcome.error,
            incomplete_details=outcome.incomplete_reason
            and IncompleteDetails(outcome.incomplete_reason),
            instructions=echo.instructions,
            max_output_tokens=echo.max_output_tokens,
            max_tool_calls=echo.max_tool_calls,
            model=echo.model,
            output=[msgspec.Raw(item) for item in outcome.output],
            parallel_tool_calls=echo.parallel_tool_calls,
            presence_penalty=echo.presence_penalty,
            frequency_penalty=echo.frequency_penalty,
            previous_response_id=echo.previous_response_id,
            prompt_cache_key=echo.prompt_cache_key,
            reasoning=echo.reasoning,
            safety_identifier=echo.safety_identifier,
            service_tier=_tier(echo, outcome),
            store=stored and echo.stores,
            temperature=echo.temperature,
            text=echo.text,
            tool_choice=echo.tool_choice,
            tools=echo.tools,
            top_logprobs=echo.top_logprobs,
            top_p=echo.top_p,
            truncation=echo.truncation,
            usage=outcome.usage and response_usage(outcome.usage, outcome.compacted),
            user=echo.user,
            metadata=echo.metadata,
            conversation=ConversationEcho(echo.conversation_id)
            if echo.conversation_id is not None
            else msgspec.UNSET,
            conclave=outcome.details or msgspec.UNSET,
        )
    )


def is_tier(name: str) -> bool:
    """Whether clients know a service tier of that name."""
    return name in _TIERS


def _tier(echo: ResponseEcho, outcome: Outcome) -> str:
    """The tier that served, where it is known; `auto` once it is over would say nothing."""
    if outcome.service_tier is not None and is_tier(outcome.service_tier):
        return outcome.service_tier
    is_over = outcome.status not in ("queued", "in_progress")
    return "default" if is_over and echo.service_tier == "auto" else echo.service_tier


def response_error(info: ErrorInfo) -> ResponseError:
    """A failure as the response object tells it."""
    return ResponseError(_error_code(info), info.told_message)


def failure_frames(writer: EventWriter, info: ErrorInfo, response: bytes) -> bytes:
    """The two events of a failure: flat and nested for SDKs that raise, and the response."""
    error = response_error(info)
    flat = b'"code":%b,"message":%b,"param":null' % (_encode(error.code), _encode(error.message))
    nested = b'%b,"error":{"type":%b,%b}' % (flat, _encode(info.type), flat)
    frames = writer.event(b"error", nested)
    return frames + writer.event(b"response.failed", b'"response":%b' % response)


def _error_code(info: ErrorInfo) -> str:
    """The code that clients act on, or the one for everything else."""
    return info.code if info.code in _ERROR_CODES else "server_error"


def response_usage(usage: Usage, compacted: Compacted | None = None) -> ResponseUsage:
    """Neutral counts under the names Responses clients read; both details are required."""
    return ResponseUsage(
        usage.input_tokens,
        InputTokensDetails(usage.cached_tokens, usage.cache_write_tokens),
        usage.output_tokens,
        OutputTokensDetails(usage.reasoning_tokens),
        usage.total_tokens,
        compacted or msgspec.UNSET,
    )


def _text_echo(members: json_members.Members) -> msgspec.Raw:
    """As the client wrote it, with the format spelt out where it was not."""
    raw = members.get("text")
    text = json_members.split(bytes(raw)) if raw is not None and is_present(raw) else {}
    if not is_present(text.get("format", msgspec.Raw())):
        text["format"] = _PLAIN_TEXT
    return msgspec.Raw(json_members.join(text))
