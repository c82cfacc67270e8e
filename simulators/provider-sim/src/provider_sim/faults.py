"""Faults as a caller asks for them. Pure: they change what will be sent and how it ends."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING

from provider_sim.frames import Frame
from provider_sim.wire_errors import ContextLengthError, WireError

if TYPE_CHECKING:
    from collections.abc import Callable

    from provider_sim.profiles import Profile
    from provider_sim.usage import Usage

HUGE_EVENT_BYTES = 10_000_000
_BODY_PIECE_BYTES = 64
_MOST_BODY_PIECES = 256


class Ending(Enum):
    COMPLETE = "complete"
    """The body ends as HTTP says it should, whatever is missing in it."""
    STALL = "stall"
    RESET = "reset"
    CLOSE = "close"
    """The connection closes without HTTP's own end of body."""
    ENDLESS = "endless"


@dataclass(frozen=True, slots=True)
class Delivery:
    frames: list[Frame]
    ending: Ending = Ending.COMPLETE
    piece_bytes: int | None = None
    """Write in pieces of this size, cutting through events and characters."""
    pause_s: float = 0.0
    """Between two pieces."""
    faulted: bool = False


_STATUS_ERRORS: dict[int, tuple[str, str | None, str]] = {
    400: ("invalid_request_error", None, "The request was refused."),
    401: ("invalid_request_error", "invalid_api_key", "Incorrect API key provided."),
    402: ("insufficient_quota", "insufficient_quota", "Your credit balance is too low."),
    403: (
        "invalid_request_error",
        "insufficient_permissions",
        "You have insufficient permissions.",
    ),
    404: ("invalid_request_error", "model_not_found", "The model does not exist."),
    408: ("server_error", "timeout", "The request timed out."),
    409: ("invalid_request_error", None, "The request conflicts with another one."),
    429: ("tokens", "rate_limit_exceeded", "Rate limit reached."),
    500: ("server_error", None, "The server had an error while processing your request."),
    502: ("server_error", None, "Bad gateway."),
    503: ("service_unavailable_error", "server_is_overloaded", "The server is overloaded."),
    504: ("server_error", "timeout", "The model did not answer in time."),
    529: ("service_unavailable_error", "server_is_overloaded", "Overloaded"),
}


def asked_refusal(profile: Profile, *, window: int) -> WireError | None:
    """The error the caller asked for instead of an answer."""
    if "insufficient_quota" in profile.faults:
        return WireError(
            "You exceeded your current quota, please check your plan and billing details.",
            status=429,
            kind="insufficient_quota",
            code="insufficient_quota",
        )
    if "context_overflow" in profile.faults:
        return ContextLengthError(window, window + 1, "messages")
    if "content_filter_400" in profile.faults:
        return WireError(
            "Your request was rejected by the safety system.", code="content_policy_violation"
        )
    status = next((int(name) for name in sorted(profile.faults) if name.isdigit()), None)
    return None if status is None else _status_error(status, profile.retry_after_s)


def _status_error(status: int, retry_after_s: float | None) -> WireError:
    kind, code, message = _STATUS_ERRORS[status]
    if retry_after_s is None:
        return WireError(message, status=status, kind=kind, code=code)
    headers = {
        "retry-after": str(max(1, round(retry_after_s))),
        "retry-after-ms": str(round(retry_after_s * 1000)),
    }
    message = f"{message} Please try again in {retry_after_s:g}s."
    return WireError(message, status=status, kind=kind, code=code, headers=headers)


def mid_stream_error() -> WireError:
    """What the vendor says when it fails after the first token."""
    return WireError(
        "The server had an error while processing your request.",
        status=500,
        kind="server_error",
        code="server_error",
    )


def shown_usage(usage: Usage, profile: Profile) -> Usage | None:
    """The usage as the answer reports it; the record keeps the true one."""
    if "no_usage" in profile.faults:
        return None
    if "wrong_usage" in profile.faults:
        return replace(usage, prompt_tokens=1, completion_tokens=usage.completion_tokens * 10 + 7)
    return usage


def deliver_body(body: bytes, profile: Profile) -> Delivery:
    """A body that is no stream, in pieces that the numbered faults can count.

    Its tokens are billed already when it is sent, so the pieces carry none.
    """
    if "huge_event" in profile.faults:
        body = b" " * HUGE_EVENT_BYTES + body
    if "malformed" in profile.faults:
        body = body.replace(b":", b"", 1)
    size = max(_BODY_PIECE_BYTES, len(body) // _MOST_BODY_PIECES)
    frames = [Frame(body[start : start + size], 1) for start in range(0, len(body), size)]
    calm = replace(profile, faults=profile.faults - {"huge_event", "malformed"})
    delivery = deliver_frames(frames, calm, lambda _error, _sent: [])
    return replace(delivery, frames=[replace(frame, tokens=0) for frame in delivery.frames])


def deliver_frames(
    frames: list[Frame],
    profile: Profile,
    error_frames: Callable[[WireError, int], list[Frame]],
) -> Delivery:
    """The frames with the byte-level faults in them, and how the stream ends."""
    frames = _disturbed(frames, profile.faults)
    delivery = _ended(frames, profile, error_frames)
    if "trickle" in profile.faults:
        return replace(delivery, piece_bytes=1, pause_s=1.0, faulted=True)
    if "split" in profile.faults:
        return replace(delivery, piece_bytes=7)
    return replace(delivery, piece_bytes=1) if "utf8_split" in profile.faults else delivery


def _disturbed(frames: list[Frame], faults: frozenset[str]) -> list[Frame]:
    first = next((i for i, frame in enumerate(frames) if frame.tokens), 0)
    if "malformed" in faults:
        frames = [*frames[: first + 1], Frame(b'data: {"id": "broken\n\n'), *frames[first + 1 :]]
    if "huge_event" in faults:
        padding = b'data: {"id":"","object":"","choices":[],"type":"sim.huge","obfuscation":"'
        huge = Frame(padding + b"x" * HUGE_EVENT_BYTES + b'"}\n\n')
        frames = [*frames[: first + 1], huge, *frames[first + 1 :]]
    return frames


def _ended(
    frames: list[Frame],
    profile: Profile,
    error_frames: Callable[[WireError, int], list[Frame]],
) -> Delivery:
    if "truncated" in profile.faults:
        half = max(1, _index_after(frames, len(frames) // 2))
        cut = replace(frames[half - 1], data=frames[half - 1].data[:-9])
        return Delivery([*frames[: half - 1], cut], Ending.COMPLETE, faulted=True)
    if "endless" in profile.faults:
        last = max((i for i, frame in enumerate(frames) if frame.tokens), default=0)
        return Delivery(frames[: last + 1], Ending.ENDLESS, faulted=True)
    numbered = (
        (profile.stall_after, Ending.STALL),
        (profile.reset_after, Ending.RESET),
        (profile.cut_after, Ending.COMPLETE),
        (profile.close_after, Ending.CLOSE),
    )
    for after, ending in numbered:
        if after is not None:
            return Delivery(frames[: _index_after(frames, after)], ending, faulted=True)
    if profile.mid_error_after is not None:
        sent = frames[: _index_after(frames, profile.mid_error_after)]
        return Delivery([*sent, *error_frames(mid_stream_error(), len(sent))], faulted=True)
    return Delivery(frames)


def _index_after(frames: list[Frame], tokens: int) -> int:
    """Where the frames stand after so many frames with tokens in them."""
    seen = 0
    for index, frame in enumerate(frames):
        if seen >= tokens and frame.tokens:
            return index
        seen += frame.tokens > 0
    return (
        len(frames)
        if seen < tokens
        else next((i + 1 for i in range(len(frames) - 1, -1, -1) if frames[i].tokens), 0)
    )
