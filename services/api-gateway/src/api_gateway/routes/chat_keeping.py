"""Chat completions with `store: true` are committed before their client sees the end of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from api_gateway.dialects import json_members
from api_gateway.dialects.chat.completion import CompletionBuilder
from api_gateway.dialects.chat.stored import kept_completion, kept_messages
from api_gateway.stores.errors import StoreUnavailableError
from api_gateway.stores.records import NewCompletion, StoredItem
from service_kit.logging import get_logger

if TYPE_CHECKING:
    from collections.abc import Sequence

    import msgspec

    from api_gateway.dialects.chat.encode import ChunkEncoder, Identity
    from api_gateway.dialects.chat.head import ChatHead
    from api_gateway.routes.exchange import Exchange
    from api_gateway.stores.protocols import StoredCompletionStore
    from wire.conversation import AnswerEvent
    from wire.coordination import RunDetails
    from wire.errors import ErrorInfo

log = get_logger(__name__)


class RememberingEncoder:
    """Encodes a stream, and builds the completion it amounts to beside it."""

    def __init__(self, encoder: ChunkEncoder, identity: Identity) -> None:
        self._encoder = encoder
        self.builder = CompletionBuilder(identity)

    def opening(self) -> bytes:
        return self._encoder.opening()

    def encode(self, event: AnswerEvent) -> bytes:
        self.builder.add(event)
        return self._encoder.encode(event)

    def finish(self, details: Sequence[RunDetails]) -> bytes:
        return self._encoder.finish(details)

    def failure(self, info: ErrorInfo) -> bytes:
        return self._encoder.failure(info)


class ChatKeeper:
    def __init__(self, completions: StoredCompletionStore) -> None:
        self._completions = completions

    async def keep(
        self, exchange: Exchange, head: ChatHead, identity: Identity, completion: bytes
    ) -> bool:
        """False: the store failed. The answer is delivered all the same."""
        kept = NewCompletion(
            completion_id=identity.completion_id,
            tenant_id=exchange.tenant_id,
            created_unix_s=identity.created_unix_s,
            model=identity.model,
            body=kept_completion(completion, head, exchange.request_id),
            messages=tuple(
                StoredItem(*message) for message in kept_messages(head, identity.completion_id)
            ),
            metadata=head.parameters.metadata or {},
        )
        try:
            await self._completions.save(kept)
        except StoreUnavailableError as error:
            log.warning("completion_not_kept", request_id=exchange.request_id, error=error)
            return False
        return True


def not_stored(completion: bytes) -> bytes:
    """The completion, and that it cannot be retrieved although it was to be kept."""
    members: dict[str, msgspec.Raw] = json_members.split(completion)
    members["store"] = json_members.FALSE
    return json_members.join(members)
