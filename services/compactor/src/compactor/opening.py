"""A conversation with a sealed item in it, turned into one that a model can read."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from compactor import policy
from compactor.assembly import Assembled, Surroundings, assemble, standing_of
from compactor.guarantees import last_user_message, without_orphans
from compactor.sections import split_at_compaction, user_messages
from compactor.strategies.native import can_continue, continued
from compactor.turns import text_of_parts
from model_providers.token_estimate import estimate_items
from wire.compaction import OpenResult

if TYPE_CHECKING:
    from collections.abc import Sequence

    from compactor.history import History
    from compactor.payload import NativePart, Payload
    from compactor.sections import AtCompaction
    from compactor.vault import OpenedItem, SealedItem, Vault
    from wire.compaction import OpenRequest, Signal
    from wire.conversation import CompactionItem, Item

# Condensing is pure CPU in a thread; more at once would only take turns on the interpreter.
_AT_ONCE = 2


class Opener:
    """Opens windows; the CPU work leaves the event loop free."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._places = asyncio.Semaphore(_AT_ONCE)

    async def open(self, request: OpenRequest, *, tenant_id: str) -> OpenResult:
        """The window for the request's model.

        Raises:
            InvalidRequestError: 400 `invalid_encrypted_content`.
        """
        parts = split_at_compaction(request.items)
        if parts.sealed is None:
            items = parts.after
            return OpenResult(items=items, level="none", tokens=estimate_items(items))
        opened = await self._vault.open(parts.sealed, tenant_id=tenant_id)
        native = opened.payload.native
        if native is not None and can_continue(native, request.model):
            return _continued(opened.payload, native, parts)
        return await self._portable(request, parts, opened)

    async def unseal(self, item: CompactionItem, *, tenant_id: str) -> OpenedItem:
        """What an item holds, for the compaction that follows it.

        Raises:
            InvalidRequestError: 400 `invalid_encrypted_content`.
        """
        return await self._vault.open(item, tenant_id=tenant_id)

    async def seal(
        self, payload: Payload, *, tenant_id: str, model_family: str, parent_hash: bytes
    ) -> SealedItem:
        """An item that `open` and `unseal` read."""
        return await self._vault.seal(
            payload, tenant_id=tenant_id, model_family=model_family, parent_hash=parent_hash
        )

    async def assemble(
        self,
        payload: Payload,
        around: Surroundings,
        budget_tokens: int,
        *,
        history: History | None = None,
        question: str | None = None,
        merge_roles: bool = False,
    ) -> Assembled:
        """`assembly.assemble`, off the event loop."""
        async with self._places:
            return await asyncio.to_thread(
                assemble,
                payload,
                around,
                budget_tokens,
                history=history,
                question=question,
                merge_roles=merge_roles,
            )

    async def _portable(
        self, request: OpenRequest, parts: AtCompaction, opened: OpenedItem
    ) -> OpenResult:
        payload = opened.payload
        assembled = await self.assemble(
            payload,
            Surroundings(parts.before, parts.after),
            _budget(request, parts, payload),
            history=opened.history,
            question=_question(request, parts, payload) if request.recall else None,
            merge_roles=request.merge_roles,
        )
        signals: list[Signal] = list(assembled.signals)
        if opened.history_lost:
            signals.append("history_unavailable")
        if payload.native is not None:
            signals.append("native_left")
        return OpenResult(
            items=assembled.items,
            level="extractive" if payload.level == "native" else payload.level,
            tokens=assembled.tokens,
            recalled=assembled.recalled,
            recalled_tokens=assembled.recalled_tokens,
            signals=tuple(signals),
        )


def question_of(items: Sequence[Item]) -> str | None:
    """The words of the last user message."""
    last = last_user_message(items)
    return None if last is None else text_of_parts(last.content)


def _question(request: OpenRequest, parts: AtCompaction, payload: Payload) -> str | None:
    if request.question is not None:
        return request.question
    return question_of((*payload.tail, *parts.after))


def _budget(request: OpenRequest, parts: AtCompaction, payload: Payload) -> int:
    """What the item was made for, at most the target, and what was said since on top of it.

    Without the item's own bound a client that compacts at a few thousand tokens would get back all
    it had, in a window that is large enough, and compact again at once.
    """
    if request.budget_tokens is not None:
        return request.budget_tokens
    window = request.model.context_window_tokens
    target = policy.target_tokens(request.spec, window)
    if payload.room_tokens:
        standing = estimate_items(standing_of(payload, parts.before))
        target = min(target, standing + payload.room_tokens)
    wanted = target + estimate_items(parts.after)
    return max(1, min(wanted, window - request.reserved_tokens))


def _continued(payload: Payload, native: NativePart, parts: AtCompaction) -> OpenResult:
    """The vendor's own items, for the vendor."""
    ours = (*standing_of(payload, parts.before), *user_messages(parts.before))
    items = without_orphans((*continued(native, ours), *parts.after))
    tokens = payload.tokens_after + estimate_items(parts.after)
    return OpenResult(items=items, level="native", tokens=tokens)
