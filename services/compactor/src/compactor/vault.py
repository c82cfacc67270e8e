"""Payloads into sealed items and back, with what is too large for an item kept beside it.

An item is at most 1.8 bytes for each token it stands for and 2 KiB, and holds at most 256 KiB of
history. A longer history is thinned in the item, to what is most worth keeping, and kept whole in a
blob; pictures and files of the tail are blobs too. Whoever opens the item where the blob is gone
gets the thinned history.
"""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from compactor.envelope import packed_bytes, sealed_characters
from compactor.history import History
from compactor.payload import (
    Payload,
    decode_payload,
    decode_turns,
    encode_payload,
    encode_turns,
)
from compactor.result_cache import ResultCache
from compactor.strategies.extractive import condense
from compactor.turns import Turn, passages_of
from model_providers.token_estimate import estimate_text
from wire.conversation import (
    AudioPart,
    CompactionItem,
    FilePart,
    ImagePart,
    Message,
    TextPart,
    ToolResult,
)
from wire.errors import InvalidRequestError
from wire.ids import derived_id

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from compactor.blobs import BlobStore
    from compactor.envelope import Envelope
    from compactor.strategies.extractive import Condensed
    from service_kit.clock import Clock
    from wire.conversation import Item, Part
    from wire.sealed_items import SealedHeader

_CHARACTERS_PER_TOKEN = 1.8
_FIXED_CHARACTERS = 2048
_MAX_INLINE_CHARACTERS = 256 * 1024 * 4 // 3
_THINNING_TRIES = 5
_SAFETY = 0.9
# What a history takes that was read: its text, its words counted by chunk, its digests.
_BYTES_PER_CHARACTER = 12
_LARGE_CHARACTERS = 4096
_BLOB_SCHEME = "conclave-blob:"
_GONE = "[no longer kept]"
_THINNER = 0.7
_FAMILY_CHARACTERS = 64


@dataclass(frozen=True, slots=True)
class OpenedItem:
    """`history_lost`: the item names a blob that is gone; the payload's turns are the thinned."""

    payload: Payload
    header: SealedHeader
    history: History
    history_lost: bool


@dataclass(frozen=True, slots=True)
class SealedItem:
    """`thinned`: the whole history stands in a blob beside it."""

    item: CompactionItem
    thinned: bool


class Vault:
    """Seals and opens. What was opened is remembered for a while, with its history read."""

    def __init__(
        self,
        envelope: Envelope,
        blobs: BlobStore,
        clock: Clock,
        opened: ResultCache[OpenedItem] | None = None,
    ) -> None:
        self._envelope = envelope
        self._blobs = blobs
        self._clock = clock
        if opened is None:  # an empty cache is falsy
            opened = ResultCache(clock, ttl_s=0.0, max_entries=1, max_bytes=0)
        self._opened = opened

    async def seal(
        self, payload: Payload, *, tenant_id: str, model_family: str, parent_hash: bytes
    ) -> SealedItem:
        """One item that holds the payload, or as much of it as an item may."""
        content, thinned = await self._content(payload, tenant_id)
        sealed = await asyncio.to_thread(
            self._envelope.seal,
            content,
            tenant_id=tenant_id,
            model_family=model_family[:_FAMILY_CHARACTERS],
            level=payload.level,
            created_unix_s=int(self._clock.unix_s()),
            parent_hash=parent_hash,
            opens_to_tokens=payload.item_tokens,
        )
        return SealedItem(CompactionItem(sealed, derived_id("cmp_", sealed[-64:], 0)), thinned)

    async def open(self, item: CompactionItem, *, tenant_id: str) -> OpenedItem:
        """The payload, with its history whole where that is still to be had.

        Raises:
            InvalidRequestError: 400 `invalid_encrypted_content`.
        """
        key = hashlib.sha256(f"{tenant_id}\0{item.encrypted_content}".encode()).digest()
        known = self._opened.get(key)
        if known is not None and self._envelope.knows(known.header.key_id):
            return known
        opened = await self._open(item, tenant_id)
        if not opened.history_lost:
            size_bytes = _BYTES_PER_CHARACTER * opened.history.characters
            self._opened.put(key, opened, size_bytes=size_bytes)
        return opened

    async def _open(self, item: CompactionItem, tenant_id: str) -> OpenedItem:
        opened = await asyncio.to_thread(
            self._envelope.open, item.encrypted_content, tenant_id=tenant_id
        )
        payload = decode_payload(opened.content)
        lost = False
        if payload.blob is not None:
            whole = await self._fetch(payload.blob, tenant_id)
            lost = whole is None
            if whole is not None:
                payload = msgspec.structs.replace(payload, turns=decode_turns(whole), blob=None)
        payload = await self._with_attachments(payload, tenant_id)
        history = History(payload.turns, payload.summarised)
        return OpenedItem(payload, opened.header, history, lost)

    async def _content(self, payload: Payload, tenant_id: str) -> tuple[bytes, bool]:
        """The payload's bytes, within what an item may hold, and whether that took thinning."""
        payload = await self._without_attachments(payload, tenant_id, texts=False)
        limit = allowed_characters(payload.original_tokens)
        content = encode_payload(payload)
        if await asyncio.to_thread(_fits, content, limit):
            return content, False
        name = await self._keep(encode_turns(payload.turns), tenant_id)
        payload = msgspec.structs.replace(payload, blob=name)
        content = await asyncio.to_thread(_thinned, payload, limit)
        if not await asyncio.to_thread(_fits, content, limit):
            payload = await self._without_attachments(payload, tenant_id, texts=True)
            content = await asyncio.to_thread(_thinned, payload, limit)
        return content, True

    async def _keep(self, content: bytes, tenant_id: str) -> str:
        name, blob = self._envelope.seal_blob(content, tenant_id=tenant_id)
        await self._blobs.put(name, blob)
        return name

    async def _fetch(self, name: str, tenant_id: str) -> bytes | None:
        blob = await self._blobs.get(name)
        if blob is None:
            return None
        try:
            return self._envelope.open_blob(name, blob, tenant_id=tenant_id)
        except InvalidRequestError:  # damaged on disk: as good as gone
            return None

    async def _without_attachments(
        self, payload: Payload, tenant_id: str, *, texts: bool
    ) -> Payload:
        """Pictures and files of the tail as blobs; with `texts` its long texts too."""

        async def detach(data: str) -> str:
            if data.startswith(_BLOB_SCHEME) or len(data) <= _LARGE_CHARACTERS:
                return data
            return _BLOB_SCHEME + await self._keep(data.encode(), tenant_id)

        return await _with_tail(payload, detach, texts=texts)

    async def _with_attachments(self, payload: Payload, tenant_id: str) -> Payload:
        async def attach(data: str) -> str:
            if not data.startswith(_BLOB_SCHEME):
                return data
            content = await self._fetch(data.removeprefix(_BLOB_SCHEME), tenant_id)
            return _GONE if content is None else content.decode()

        return await _with_tail(payload, attach, texts=True)


def allowed_characters(original_tokens: int) -> int:
    """How long a sealed item may be that stands for so many tokens."""
    bound = int(_CHARACTERS_PER_TOKEN * original_tokens) + _FIXED_CHARACTERS
    return min(bound, _MAX_INLINE_CHARACTERS)


def _fits(content: bytes, limit: int) -> bool:
    return sealed_characters(packed_bytes(content)) <= limit


def _thinned(payload: Payload, limit: int) -> bytes:
    """The payload with as much of its history as fits; the tail and what is pinned stay."""
    passages = passages_of(payload.turns)
    tokens = sum(estimate_text(passage.text) + 1 for passage in passages)
    share = _SAFETY * limit / max(1, sealed_characters(packed_bytes(encode_payload(payload))))
    content = b""
    for _ in range(_THINNING_TRIES):
        kept = condense(passages, int(tokens * share), estimate_text)
        content = encode_payload(_with_turns(payload, kept))
        if _fits(content, limit):
            return content
        share *= _THINNER
    return encode_payload(msgspec.structs.replace(payload, turns=(), summarised=0))


def _with_turns(payload: Payload, kept: Sequence[Condensed]) -> Payload:
    """The payload with only what is left of its turns."""
    turns: list[Turn] = []
    for each in kept:
        turn = payload.turns[each.index]
        text = turn.text if each.whole else each.text.removeprefix(f"{turn.name} ")
        turns.append(Turn(turn.speaker, text, turn.name, turn.thinned or not each.whole))
    return msgspec.structs.replace(
        payload,
        turns=tuple(turns),
        summarised=sum(each.index < payload.summarised for each in kept),
    )


async def _with_tail(
    payload: Payload, change: Callable[[str], Awaitable[str]], *, texts: bool
) -> Payload:
    """The payload with the large strings of its tail changed."""
    tail = [await _changed(item, change, texts=texts) for item in payload.tail]
    return msgspec.structs.replace(payload, tail=tuple(tail))


async def _changed(item: Item, change: Callable[[str], Awaitable[str]], *, texts: bool) -> Item:
    match item:
        case Message():
            parts = [await _changed_part(part, change, texts=texts) for part in item.content]
            return msgspec.structs.replace(item, content=tuple(parts))
        case ToolResult():
            parts = [await _changed_part(part, change, texts=texts) for part in item.output]
            return msgspec.structs.replace(item, output=tuple(parts))
        case _:
            return item


async def _changed_part(
    part: Part, change: Callable[[str], Awaitable[str]], *, texts: bool
) -> Part:
    match part:
        case TextPart(text) if texts:
            return TextPart(await change(text))
        case ImagePart(url, detail):
            changed = await change(url)
            return TextPart(changed) if changed == _GONE else ImagePart(changed, detail)
        case AudioPart(data, audio_format):
            changed = await change(data)
            return TextPart(changed) if changed == _GONE else AudioPart(changed, audio_format)
        case FilePart(filename, file_data, file_url) if file_data is not None:
            changed = await change(file_data)
            if changed == _GONE:
                return TextPart(f"{_GONE} {filename or ''}".rstrip())
            return FilePart(filename, changed, file_url)
        case _:
            return part
