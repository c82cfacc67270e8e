"""What routes and lanes may ask of the stores.

Every method names the team first: another team's object is not there. Every method may raise
`StoreUnavailableError`; after it, a completed answer is still delivered, with `"store": false`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from api_gateway.stores.records import (
        CompletionFilter,
        Conversation,
        NewCompletion,
        NewResponse,
        Page,
        PageRequest,
        ResponseEnd,
        StoredItem,
        StoredResponse,
    )


class ResponseStore(Protocol):
    """Stored responses, one by one."""

    async def save(self, response: NewResponse) -> None:
        """Keep a response, ended or still running. On return it is committed.

        If it has ended and is of a conversation, its claim is released; if it is completed or
        incomplete, its input and output are appended there in the same transaction (or nowhere,
        if that was deleted meanwhile). A client that hung up leaves a cancelled one.
        """
        ...

    async def update(self, tenant_id: str, response_id: str, end: ResponseEnd) -> bool:
        """Put what a running response has become in place of what is kept of it.

        False, and nothing is changed: there is none, or it has ended already. So of several who
        end one response exactly one gets True. Conversations as with `save`.
        """
        ...

    async def get(self, tenant_id: str, response_id: str) -> StoredResponse | None: ...

    async def delete(self, tenant_id: str, response_id: str) -> bool:
        """False: there is none. Responses that continue it can no longer be continued."""
        ...


class ResponseHistory(Protocol):
    """What models were given before, put together from stored responses."""

    async def chain(self, tenant_id: str, response_id: str) -> list[StoredItem]:
        """All items up to and with this response's output, oldest first, to be continued.

        Raises:
            PreviousResponseNotFoundError: the response, or one before it, is not there.
            PreviousResponseUnfinishedError: it has not ended.
            ChainTooLongError, HistoryTooLargeError: more than is put together.
        """
        ...

    async def input_items(self, tenant_id: str, response_id: str, page: PageRequest) -> Page:
        """A response's input, that of the chain before it included.

        Raises:
            NotFoundError: no such response.
            UnknownCursorError: `after` is not among them.
        """
        ...

    async def item(self, tenant_id: str, item_id: str) -> StoredItem | None:
        """For `item_reference`: the newest item of this id, of a response or a conversation."""
        ...


class ConversationStore(Protocol):
    """Conversations as objects."""

    async def create(self, conversation: Conversation, items: Sequence[StoredItem]) -> None: ...

    async def get(self, tenant_id: str, conversation_id: str) -> Conversation | None: ...

    async def set_metadata(
        self, tenant_id: str, conversation_id: str, metadata: Mapping[str, str]
    ) -> Conversation | None:
        """None: there is no such conversation."""
        ...

    async def delete(self, tenant_id: str, conversation_id: str) -> bool:
        """With all its items. False: there is none."""
        ...


class ConversationItems(Protocol):
    """The items of a conversation. Each raises NotFoundError when that is not there."""

    async def items(self, tenant_id: str, conversation_id: str, page: PageRequest) -> Page: ...

    async def item(self, tenant_id: str, conversation_id: str, item_id: str) -> StoredItem: ...

    async def append(
        self, tenant_id: str, conversation_id: str, items: Sequence[StoredItem]
    ) -> None:
        """All of them together, behind what is there."""
        ...

    async def remove(self, tenant_id: str, conversation_id: str, item_id: str) -> Conversation: ...


class ConversationTurns(Protocol):
    """One response at a time continues a conversation.

    `holder` is the response's id. A claim ends with `release`, with `append_turn`, with the
    response that is saved as ended, or by itself after its lease. `stores.conversation_claims`
    holds one for as long as a block of code runs.
    """

    async def claim(
        self, tenant_id: str, conversation_id: str, holder: str, *, lease_s: float
    ) -> list[StoredItem]:
        """All items, oldest first.

        Raises:
            NotFoundError: no such conversation.
            ConversationLockedError: another holder has it.
            HistoryTooLargeError: more than is put together.
        """
        ...

    async def extend(
        self, tenant_id: str, conversation_id: str, holder: str, *, lease_s: float
    ) -> None:
        """Prolong a claim; raises as `claim` does when it is lost."""
        ...

    async def release(self, tenant_id: str, conversation_id: str, holder: str) -> None:
        """Give it back; nothing happens when somebody else holds it by now."""
        ...

    async def append_turn(
        self, tenant_id: str, conversation_id: str, holder: str, items: Sequence[StoredItem]
    ) -> bool:
        """For a completed response that is not stored (`store: false`): append and release.

        False: the conversation was deleted meanwhile.
        """
        ...


class StoredCompletionStore(Protocol):
    """Chat completions with `store: true`."""

    async def save(self, completion: NewCompletion) -> None: ...

    async def get(self, tenant_id: str, completion_id: str) -> bytes | None:
        """The completion's JSON, metadata included."""
        ...

    async def set_metadata(
        self, tenant_id: str, completion_id: str, metadata: Mapping[str, str]
    ) -> bytes | None:
        """The completion as it is now; None: there is none."""
        ...

    async def delete(self, tenant_id: str, completion_id: str) -> bool: ...


class StoredCompletionLists(Protocol):
    async def completions(
        self, tenant_id: str, wanted: CompletionFilter, page: PageRequest
    ) -> Page:
        """In the order they were created.

        Raises:
            UnknownCursorError: `after` is none of the wanted.
        """
        ...

    async def messages(self, tenant_id: str, completion_id: str, page: PageRequest) -> Page:
        """The request's messages.

        Raises:
            NotFoundError: no such completion.
            UnknownCursorError: `after` is not among them.
        """
        ...
