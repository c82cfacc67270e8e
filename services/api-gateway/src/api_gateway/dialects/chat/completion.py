"""A whole chat answer: events in, one completion out. Source: OpenAI wire contract, 1.3."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from api_gateway.dialects.chat.encode import SeveralRuns, conclave_member
from api_gateway.dialects.chat.usage import ChatUsage, chat_usage
from wire.conversation import (
    AnswerEvent,
    ChoiceFinished,
    ItemDone,
    ReasoningDelta,
    RefusalDelta,
    TextDelta,
    ToolArgumentsDelta,
    ToolCallStarted,
    Usage,
    UsageReported,
)
from wire.coordination import RunDetails
from wire.raw_json import is_present

if TYPE_CHECKING:
    from collections.abc import Sequence

    from api_gateway.dialects.chat.encode import Identity
    from wire.conversation import Compacted

_encode = msgspec.json.Encoder().encode


class _Function(msgspec.Struct):
    name: str
    arguments: str


class _Custom(msgspec.Struct):
    name: str
    input: str


class _FunctionCall(msgspec.Struct):
    id: str
    function: _Function
    type: str = "function"


class _CustomCall(msgspec.Struct):
    id: str
    custom: _Custom
    type: str = "custom"


class _Message(msgspec.Struct):
    """`content` and `refusal` are said also when null; the rest only when there is some."""

    role: str
    content: str | None
    refusal: str | None
    reasoning_content: str | msgspec.UnsetType = msgspec.UNSET
    tool_calls: list[_FunctionCall | _CustomCall] | msgspec.UnsetType = msgspec.UNSET
    function_call: _Function | msgspec.UnsetType = msgspec.UNSET


class _Logprobs(msgspec.Struct):
    content: msgspec.Raw
    refusal: None = None


class _Choice(msgspec.Struct):
    index: int
    message: _Message
    logprobs: _Logprobs | None
    finish_reason: str


class _Completion(msgspec.Struct):
    id: str
    object: str
    created: int
    model: str
    choices: list[_Choice]
    usage: ChatUsage
    system_fingerprint: str
    service_tier: str | msgspec.UnsetType = msgspec.UNSET
    conclave: RunDetails | SeveralRuns | msgspec.UnsetType = msgspec.UNSET


class _ChoiceText:
    """What one choice has said so far."""

    def __init__(self) -> None:
        self.text: list[str] = []
        self.reasoning: list[str] = []
        self.refusal: list[str] = []
        self.logprobs: list[bytes] = []
        self.calls: dict[int, ToolCallStarted] = {}
        self.arguments: dict[int, list[str]] = {}
        self.finish_reason: str | None = None


class CompletionBuilder:
    """One completion. `add` each event, then `encode` once."""

    def __init__(self, identity: Identity) -> None:
        self._identity = identity
        self._choices: dict[int, _ChoiceText] = {}
        self._usage = Usage()
        self._compacted: Compacted | None = None
        self._service_tier: str | None = None

    @property
    def unfinished(self) -> bool:
        """Whether a choice, or all of them, has no finish reason."""
        return not self._choices or any(
            choice.finish_reason is None for choice in self._choices.values()
        )

    def add(self, event: AnswerEvent) -> None:
        match event:
            case TextDelta():
                self._add_text(event)
            case ReasoningDelta():
                self._choice(event.choice).reasoning.append(event.text)
            case RefusalDelta():
                self._choice(event.choice).refusal.append(event.text)
            case ToolCallStarted():
                self._choice(event.choice).calls[event.index] = event
            case ToolArgumentsDelta():
                pieces = self._choice(event.choice).arguments.setdefault(event.index, [])
                pieces.append(event.text)
            case ChoiceFinished():
                self._choice(event.choice).finish_reason = event.finish_reason
            case UsageReported():
                self._usage += event.usage
                self._compacted = event.compacted or self._compacted
                self._service_tier = event.service_tier or self._service_tier
            case ItemDone():
                pass  # chat has no word for it

    def encode(self, details: Sequence[RunDetails] = ()) -> bytes:
        """The completion as JSON. Call it only when nothing is `unfinished`."""
        return _encode(
            _Completion(
                id=self._identity.completion_id,
                object="chat.completion",
                created=self._identity.created_unix_s,
                model=self._identity.model,
                choices=[self._encode_choice(index) for index in sorted(self._choices)],
                usage=chat_usage(self._usage, self._compacted),
                system_fingerprint=self._identity.fingerprint,
                service_tier=self._service_tier or msgspec.UNSET,
                conclave=conclave_member(details) if details else msgspec.UNSET,
            )
        )

    def _choice(self, index: int) -> _ChoiceText:
        choice = self._choices.get(index)
        if choice is None:
            choice = self._choices[index] = _ChoiceText()
        return choice

    def _add_text(self, event: TextDelta) -> None:
        choice = self._choice(event.choice)
        choice.text.append(event.text)
        if is_present(event.logprobs):
            choice.logprobs.append(bytes(event.logprobs).strip()[1:-1].strip())

    def _encode_choice(self, index: int) -> _Choice:
        choice = self._choices[index]
        logprobs = b"[" + b",".join(filter(None, choice.logprobs)) + b"]"
        reason = choice.finish_reason or "stop"
        if self._identity.legacy_functions and reason == "tool_calls":
            reason = "function_call"
        return _Choice(
            index,
            self._message(choice),
            _Logprobs(msgspec.Raw(logprobs)) if choice.logprobs else None,
            reason,
        )

    def _message(self, choice: _ChoiceText) -> _Message:
        """Content is null only beside calls or a refusal: some clients read it unchecked."""
        text = "".join(choice.text)
        message = _Message(
            role="assistant",
            content=text if text or not (choice.calls or choice.refusal) else None,
            refusal="".join(choice.refusal) or None,
            reasoning_content="".join(choice.reasoning) or msgspec.UNSET,
        )
        calls = [_call(call, choice.arguments) for _, call in sorted(choice.calls.items())]
        if calls and self._identity.legacy_functions:
            first = choice.calls[min(choice.calls)]
            message.function_call = _function(first, choice.arguments)
        elif calls:
            message.tool_calls = calls
        return message


def _call(call: ToolCallStarted, arguments: dict[int, list[str]]) -> _FunctionCall | _CustomCall:
    if call.kind == "custom":
        text = "".join(arguments.get(call.index, ()))
        return _CustomCall(call.call_id, _Custom(call.name, text))
    return _FunctionCall(call.call_id, _function(call, arguments))


def _function(call: ToolCallStarted, arguments: dict[int, list[str]]) -> _Function:
    """Arguments are JSON also when there are none: `{}`, never the empty string."""
    return _Function(call.name, "".join(arguments.get(call.index, ())) or "{}")
