"""A stored answer as a stream: at once, in pieces a reader can follow."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from wire.conversation import (
    ChoiceFinished,
    RefusalDelta,
    TextDelta,
    ToolArgumentsDelta,
    ToolCallStarted,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from orchestrator.coordination.commands import Deliver
    from wire.conversation import AnswerEvent, FinishReason

# Up to 200 characters, ended at white space where there is some in the second half.
_PIECE = re.compile(r".{100,199}\s|.{1,200}", re.DOTALL)


def deliver(command: Deliver, with_logprobs: Sequence[TextDelta] = ()) -> Iterator[AnswerEvent]:
    """The events of an answer that is there already.

    `with_logprobs`: the pieces as they came from the model, if they are the same text.
    """
    if with_logprobs and "".join(piece.text for piece in with_logprobs) == command.text:
        yield from with_logprobs
    else:
        yield from (TextDelta(match.group()) for match in _PIECE.finditer(command.text))
    if command.refusal:
        yield RefusalDelta(command.refusal)
    for index, call in enumerate(command.tool_calls):
        yield ToolCallStarted(index, call.call_id, call.name, call.kind, call.namespace)
        yield ToolArgumentsDelta(index, call.arguments)
    yield ChoiceFinished(_finish_reason(command))


def _finish_reason(command: Deliver) -> FinishReason:
    return "tool_calls" if command.tool_calls else command.finish_reason
