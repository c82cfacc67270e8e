"""A legacy completions answer, streamed or whole. Source: OpenAI wire contract, section 4.4.

The form knows text only: what a model thinks, and what a panel says of its progress, is left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from api_gateway.dialects.chat.encode import SeveralRuns, conclave_member
from api_gateway.dialects.chat.usage import ChatUsage, chat_usage
from api_gateway.dialects.completions.logprobs import TextLogprobs, joined, text_logprobs
from api_gateway.openai_errors import error_frame
from wire.conversation import (
    AnswerEvent,
    ChoiceFinished,
    FinishReason,
    RefusalDelta,
    TextDelta,
    Usage,
    UsageReported,
)
from wire.coordination import RunDetails
from wire.raw_json import is_present
from wire.sse import DONE_FRAME, comment_frame, data_frame

if TYPE_CHECKING:
    from collections.abc import Sequence

    from api_gateway.dialects.chat.encode import Identity
    from wire.errors import ErrorInfo

_encode = msgspec.json.Encoder().encode
_OBJECT = "text_completion"
# A stream that has nothing to say yet says at least that it is one.
_OPENING = comment_frame("open")


class _Choice(msgspec.Struct):
    text: str
    index: int
    logprobs: TextLogprobs | None
    finish_reason: str | None


class _Completion(msgspec.Struct):
    """A whole answer, and one chunk of a streamed one."""

    id: str
    object: str
    created: int
    model: str
    choices: list[_Choice]
    system_fingerprint: str
    usage: ChatUsage | msgspec.UnsetType | None = msgspec.UNSET
    conclave: RunDetails | SeveralRuns | msgspec.UnsetType = msgspec.UNSET


class TextChunkEncoder:
    """One stream: `opening`, `encode` each event, `finish` or `failure`.

    `echoes` holds what each choice begins with.
    """

    def __init__(self, identity: Identity, *, echoes: Sequence[str], include_usage: bool) -> None:
        self._identity = identity
        self._echoes = echoes
        self._include_usage = include_usage
        self._lengths = [len(echo) for echo in echoes]
        self._usage = Usage()

    def opening(self) -> bytes:
        """The prompts, where they are to be seen."""
        echoed = [
            self._frame([_Choice(echo, choice, None, None)])
            for choice, echo in enumerate(self._echoes)
            if echo
        ]
        return b"".join(echoed) or _OPENING

    def encode(self, event: AnswerEvent) -> bytes:
        """The frames of one event; none for what this form has no word for."""
        match event:
            case TextDelta():
                return self._text(event)
            case RefusalDelta():
                return self._frame([self._piece(event.choice, event.text)])
            case ChoiceFinished():
                reason = finish_reason(event.finish_reason)
                return self._frame([_Choice("", event.choice, None, reason)])
            case UsageReported():
                self._usage += event.usage
            case _:
                pass
        return b""

    def finish(self, details: Sequence[RunDetails] = ()) -> bytes:
        """Usage where it was asked for, details where there are some, and the end marker."""
        if not (self._include_usage or details):
            return DONE_FRAME
        last = self._chunk([])
        if self._include_usage:
            last.usage = chat_usage(self._usage)
        if details:
            last.conclave = conclave_member(details)
        return data_frame(_encode(last)) + DONE_FRAME

    def failure(self, info: ErrorInfo) -> bytes:
        """In place of `finish`: no end marker, no finish reason."""
        return error_frame(info)

    def _text(self, event: TextDelta) -> bytes:
        offset = self._lengths[event.choice]
        choice = self._piece(event.choice, event.text)
        if is_present(event.logprobs):
            choice.logprobs = text_logprobs(bytes(event.logprobs), offset)
        return self._frame([choice])

    def _piece(self, choice: int, text: str) -> _Choice:
        self._lengths[choice] += len(text)
        return _Choice(text, choice, None, None)

    def _frame(self, choices: list[_Choice]) -> bytes:
        return data_frame(_encode(self._chunk(choices)))

    def _chunk(self, choices: list[_Choice]) -> _Completion:
        usage = None if self._include_usage else msgspec.UNSET
        return _completion(self._identity, choices, usage)


class _ChoiceText:
    """What one choice has said so far."""

    def __init__(self, echo: str) -> None:
        self.pieces = [echo]
        self.length = len(echo)
        self.logprobs: list[TextLogprobs] = []
        self.finish_reason = "stop"

    def add(self, text: str) -> None:
        self.pieces.append(text)
        self.length += len(text)

    def add_logprobs(self, content: bytes) -> None:
        logprobs = text_logprobs(content, self.length)
        if logprobs is not None:
            self.logprobs.append(logprobs)


class TextCompletionBuilder:
    """One whole answer. `add` each event, then `encode` once."""

    def __init__(self, identity: Identity, *, echoes: Sequence[str]) -> None:
        self._identity = identity
        self._choices = [_ChoiceText(echo) for echo in echoes]
        self._usage = Usage()

    def add(self, event: AnswerEvent) -> None:
        match event:
            case TextDelta():
                choice = self._choices[event.choice]
                if is_present(event.logprobs):
                    choice.add_logprobs(bytes(event.logprobs))
                choice.add(event.text)
            case RefusalDelta():
                self._choices[event.choice].add(event.text)
            case ChoiceFinished():
                reason = finish_reason(event.finish_reason)
                self._choices[event.choice].finish_reason = reason
            case UsageReported():
                self._usage += event.usage
            case _:
                pass  # this form has no word for it

    def encode(self, details: Sequence[RunDetails] = ()) -> bytes:
        """The completion as JSON."""
        choices = [
            _Choice("".join(each.pieces), index, joined(each.logprobs), each.finish_reason)
            for index, each in enumerate(self._choices)
        ]
        completion = _completion(self._identity, choices, chat_usage(self._usage))
        if details:
            completion.conclave = conclave_member(details)
        return _encode(completion)


def finish_reason(reason: FinishReason) -> str:
    """A model without tools calls none; one that tries all the same has stopped."""
    return "stop" if reason == "tool_calls" else reason


def _completion(
    identity: Identity,
    choices: list[_Choice],
    usage: ChatUsage | msgspec.UnsetType | None,
) -> _Completion:
    return _Completion(
        id=identity.completion_id,
        object=_OBJECT,
        created=identity.created_unix_s,
        model=identity.model,
        choices=choices,
        system_fingerprint=identity.fingerprint,
        usage=usage,
    )
