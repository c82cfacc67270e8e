"""What travels with every internal call besides its message."""

from __future__ import annotations

from dataclasses import dataclass

from msgspec import Struct

from wire.deadline import DEADLINE_HEADER, Deadline
from wire.endpoints import REQUEST_ID_HEADER, TENANT_HEADER

# Types of a struct's fields are read when the class is built.
from wire.errors import ErrorInfo

TRACEPARENT_HEADER = "traceparent"
# The SSE event that carries an `ErrorReply` when a stream fails after its first event.
ERROR_EVENT = "error"
# A draining service refused before it did anything: trying another replica cannot repeat work.
NOT_STARTED = "not_started"


@dataclass(frozen=True, slots=True)
class CallContext:
    tenant_id: str
    request_id: str
    deadline: Deadline
    traceparent: str | None = None

    def headers(self, *, now_s: float) -> dict[str, str]:
        headers = {
            TENANT_HEADER: self.tenant_id,
            REQUEST_ID_HEADER: self.request_id,
            DEADLINE_HEADER: self.deadline.header_value(now_s=now_s),
        }
        if self.traceparent is not None:
            headers[TRACEPARENT_HEADER] = self.traceparent
        return headers


class ErrorReply(Struct, frozen=True):
    """The body of every internal error."""

    error: ErrorInfo
