"""What a caller asks of a vendor, and what each vendor's client must offer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import msgspec

from wire.coordination import CallPhase
from wire.deadline import Deadline
from wire.ids import CallId
from wire.specs import ModelSpec

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from wire.conversation import AnswerEvent, GenerationRequest


class Clock(Protocol):
    """Seconds that only go forward; deadlines are points on it."""

    def monotonic_s(self) -> float: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCall:
    """One turn of one model, in no vendor's shape.

    `stream` says how the vendor is asked; the caller gets events either way.
    """

    call_id: CallId
    model: ModelSpec
    request: GenerationRequest
    deadline: Deadline
    agent_id: str | None = None
    phase: CallPhase | None = None
    traceparent: str | None = None
    stream: bool = True


class RawCall(msgspec.Struct, frozen=True, kw_only=True):
    """A body that is already in the vendor's dialect, for the splice lane and for embeddings.

    `body` names `model.upstream_model`. `body_for` writes it anew for a fallback model; without
    it the fallbacks are not tried. `input_tokens_estimate` is booked when the vendor reports no
    usage; as a function it is asked only then.
    """

    call_id: CallId
    model: ModelSpec
    body: bytes
    deadline: Deadline
    path: str = "/chat/completions"
    accept: str = "application/json"
    agent_id: str | None = None
    phase: CallPhase | None = None
    traceparent: str | None = None
    body_for: Callable[[ModelSpec], bytes] | None = None
    input_tokens_estimate: int | Callable[[], int] = 0
    reserved_output_tokens: int | None = None


@dataclass(slots=True)
class SendProgress:
    """How far an attempt got; decides whether a failed one may have been billed.

    `sent`: bytes may have reached the vendor. `refused`: it answered with an error status, and
    vendors bill nothing then.
    """

    sent: bool = False
    refused: bool = False

    @property
    def may_be_billed(self) -> bool:
        return self.sent and not self.refused


class Provider(Protocol):
    """One vendor dialect: one attempt of one call.

    The generator ends after `ChoiceFinished` (and `UsageReported`, where the vendor counts), or
    raises a `wire.errors.ProviderError` or `ContextLengthExceededError`. Closing it early closes
    the vendor's connection at once.
    """

    def stream(
        self, call: ModelCall, attempt: int, progress: SendProgress | None = None
    ) -> AsyncGenerator[AnswerEvent]: ...
