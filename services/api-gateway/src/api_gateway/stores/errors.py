"""What can go wrong with stored objects.

CallerError
  InvalidRequestError
    PreviousResponseNotFoundError  400  a chain cannot be put together
    PreviousResponseUnfinishedError 400 the response to continue has not ended
    ChainTooLongError              400  more responses in a chain than we follow
    HistoryTooLargeError           400  more bytes than a model could be given
    UnknownCursorError             400  `after` names nothing in this listing
  ConversationLockedError          409  another response of it is under way
  KeyInUseError                    409  the first request with this key is under way
  KeyReusedError                   422  another request had this key
  NotFoundError                    404  (wire) no such object, or another team's
PlatformInterruptedError
  AnswerLostError                  500  the first request with this key came to no answer
ServiceUnavailableError
  StoreUnavailableError            503  the database failed or took too long
"""

from __future__ import annotations

from wire.errors import (
    CallerError,
    ContextLengthExceededError,
    InvalidRequestError,
    NotFoundError,
    PlatformInterruptedError,
    ServiceUnavailableError,
)

_MAX_SHOWN_ID = 100  # of a client's own text in a message


class PreviousResponseNotFoundError(InvalidRequestError):
    """A response of the chain does not exist, was deleted, has expired, or is another team's."""

    code = "previous_response_not_found"

    def __init__(self, response_id: str) -> None:
        super().__init__(
            f"Previous response with id '{response_id[:_MAX_SHOWN_ID]}' not found.",
            param="previous_response_id",
        )


class PreviousResponseUnfinishedError(InvalidRequestError):
    """The response to continue is still queued or in progress."""

    def __init__(self, response_id: str) -> None:
        super().__init__(
            f"Previous response '{response_id[:_MAX_SHOWN_ID]}' has not ended yet. "
            "Wait until its status is completed.",
            param="previous_response_id",
        )


class ChainTooLongError(InvalidRequestError):
    """Following `previous_response_id` leads through more responses than we follow."""

    def __init__(self, max_responses: int) -> None:
        super().__init__(
            f"The chain of previous responses is longer than {max_responses}. "
            "Compact it with POST /v1/responses/compact and continue from there.",
            param="previous_response_id",
        )


class HistoryTooLargeError(ContextLengthExceededError):
    """What a response would continue is larger than what is put together in memory."""

    def __init__(self, param: str, max_bytes: int) -> None:
        super().__init__(
            f"The history behind '{param}' is larger than {max_bytes // 2**20} MB. "
            "Begin a new one, or compact it with POST /v1/responses/compact.",
            param=param,
        )


class UnknownCursorError(InvalidRequestError):
    """`after` is not the id of anything in the listing."""

    code = "invalid_value"

    def __init__(self, after: str) -> None:
        super().__init__(
            f"Invalid value for 'after': '{after[:_MAX_SHOWN_ID]}' is not in this list.",
            param="after",
        )


class ConversationLockedError(CallerError):
    """Two responses at once on one conversation: the later one may try again."""

    status = 409
    code = "conversation_locked"
    error_type = "caller_conflict"
    should_retry = True

    def __init__(self, conversation_id: str) -> None:
        super().__init__(
            f"Another response of the conversation '{conversation_id[:_MAX_SHOWN_ID]}' is under "
            "way. Please try again when it has ended.",
            retry_after_s=1.0,
        )


class KeyInUseError(CallerError):
    """Two requests at once with one Idempotency-Key: the later one gets the first one's answer."""

    status = 409
    code = "idempotency_key_in_use"
    error_type = "caller_conflict"
    should_retry = True

    def __init__(self) -> None:
        super().__init__(
            "A request with this Idempotency-Key is under way. Please try again when it has ended.",
            retry_after_s=1.0,
        )


class KeyReusedError(CallerError):
    """One Idempotency-Key for two different requests."""

    status = 422
    code = "idempotency_key_reused"
    should_retry = False

    def __init__(self) -> None:
        super().__init__(
            "This Idempotency-Key came with another request before. Use a new key for each."
        )


class AnswerLostError(PlatformInterruptedError):
    """Whoever made the first answer was cut off, so there is none; nothing is bought twice."""

    code = "idempotent_answer_lost"
    should_retry = False

    def __init__(self) -> None:
        super().__init__(
            "The first request with this Idempotency-Key was broken off before its answer was "
            "complete. Use a new key to ask again."
        )


class StoreUnavailableError(ServiceUnavailableError):
    """The database failed or took too long; what was to be written may still be written."""

    error_type = "platform_store"

    def __init__(self) -> None:
        super().__init__("The store is not available. Please try again.", retry_after_s=1.0)


def no_such(kind: str, object_id: str) -> NotFoundError:
    """The same words whether there is no such object or it belongs to another team."""
    return NotFoundError(f"{kind} with id '{object_id[:_MAX_SHOWN_ID]}' not found.")
