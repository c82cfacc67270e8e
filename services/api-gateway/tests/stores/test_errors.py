from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from api_gateway.stores.errors import (
    ChainTooLongError,
    ConversationLockedError,
    HistoryTooLargeError,
    PreviousResponseNotFoundError,
    PreviousResponseUnfinishedError,
    StoreUnavailableError,
    UnknownCursorError,
    no_such,
)

if TYPE_CHECKING:
    from wire.errors import PlatformError

LONG = "x" * 10_000


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (PreviousResponseNotFoundError(LONG), 400, "previous_response_not_found"),
        (PreviousResponseUnfinishedError(LONG), 400, None),
        (ChainTooLongError(5), 400, None),
        (HistoryTooLargeError("conversation", 2**27), 400, "context_length_exceeded"),
        (UnknownCursorError(LONG), 400, "invalid_value"),
        (ConversationLockedError(LONG), 409, "conversation_locked"),
        (StoreUnavailableError(), 503, "server_is_overloaded"),
        (no_such("Item", LONG), 404, None),
    ],
)
@pytest.mark.requirement("conversations:errors")
def test_each_error_has_its_status_and_code_and_is_short(
    error: PlatformError, status: int, code: str | None
) -> None:
    info = error.info()

    assert (info.status, info.code) == (status, code)
    assert len(info.message) < 300


def test_only_what_passes_by_itself_is_to_be_tried_again() -> None:
    assert ConversationLockedError("c").info().should_retry is True
    assert StoreUnavailableError().info().should_retry is None
    assert UnknownCursorError("x").info().should_retry is False
