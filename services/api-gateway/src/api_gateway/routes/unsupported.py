"""What OpenAI offers and we do not, said in words that help instead of `Invalid URL`.

Listed with their reasons in docs/api.md.
"""

from __future__ import annotations

from wire.errors import CallerError, NotFoundError

_PREFIX = "/v1/"
_NO_FILES = "Files are not kept here: send a file inline, as 'file_data' of a message's part."
_USE_RESPONSES = "Use /v1/responses, with 'previous_response_id' or a conversation for its state."
_SEND_ONE_BY_ONE = "Send the requests one by one."
_ASK_THE_VENDOR = "Ask the vendor for it directly."

# By the path's first segment behind `/v1/`: what to do instead.
INSTEAD = {
    "assistants": _USE_RESPONSES,
    "audio": _ASK_THE_VENDOR,
    "batches": _SEND_ONE_BY_ONE,
    "chatkit": _USE_RESPONSES,
    "containers": "Run code on your side, offered to the model as a tool.",
    "evals": _ASK_THE_VENDOR,
    "files": _NO_FILES,
    "fine_tuning": _ASK_THE_VENDOR,
    "images": _ASK_THE_VENDOR,
    "moderations": _ASK_THE_VENDOR,
    "organization": "Teams, keys and usage are in the admin API.",
    "realtime": "Use /v1/responses or /v1/chat/completions with 'stream': true.",
    "threads": _USE_RESPONSES,
    "uploads": _NO_FILES,
    "vector_stores": "Search on your side, offered to the model as a tool.",
    "videos": _ASK_THE_VENDOR,
}


class UnsupportedEndpointError(NotFoundError):
    """A part of OpenAI's API that is not offered here."""

    code = "unsupported_endpoint"


class NoWebSocketError(CallerError):
    """Clients that get this fall back to HTTP; see docs/decisions/0010-no-websocket-mode.md."""

    status = 426
    code = "websocket_not_supported"
    error_type = "caller_websocket"


def unsupported_family(path: str) -> str | None:
    """Which part of OpenAI's API a path belongs to, if it is one that is not offered."""
    at = path.find(_PREFIX)
    if at < 0 or path[:at].strip("/"):
        return None
    family = path[at + len(_PREFIX) :].strip("/").partition("/")[0]
    return family if family in INSTEAD else None


def unsupported(family: str) -> UnsupportedEndpointError:
    """The refusal for one of `INSTEAD`."""
    return UnsupportedEndpointError(f"/v1/{family} is not offered here. {INSTEAD[family]}")


def no_websocket() -> NoWebSocketError:
    """The refusal of an upgrade."""
    return NoWebSocketError("This endpoint does not speak WebSocket. Use HTTP with 'stream': true.")
