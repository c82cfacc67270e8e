"""What travels with every internal call."""

from __future__ import annotations

import msgspec

from service_kit.call_context import CallContext, ErrorReply
from wire.deadline import DEADLINE_HEADER, Deadline
from wire.endpoints import REQUEST_ID_HEADER, TENANT_HEADER
from wire.errors import RateLimitedError

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_the_context_travels_as_headers_with_the_time_left() -> None:
    context = CallContext("team_a", "req_1", Deadline(112.5), TRACEPARENT)

    assert context.headers(now_s=100) == {
        TENANT_HEADER: "team_a",
        REQUEST_ID_HEADER: "req_1",
        DEADLINE_HEADER: "12500",
        "traceparent": TRACEPARENT,
    }


def test_without_a_trace_there_is_no_traceparent() -> None:
    assert "traceparent" not in CallContext("t", "r", Deadline(1)).headers(now_s=0)


def test_an_error_reply_carries_the_whole_error() -> None:
    info = RateLimitedError("slow down", retry_after_s=2).info()

    written = msgspec.json.encode(ErrorReply(info))

    assert msgspec.json.decode(written, type=ErrorReply).error == info
