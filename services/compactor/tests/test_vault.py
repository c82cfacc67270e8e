"""Payloads sealed and opened again."""

from __future__ import annotations

import random

import pytest

from compactor.blobs import MemoryBlobs
from compactor.envelope import Envelope
from compactor.keys import FixedRing, KeyRing, MasterKey
from compactor.payload import Payload
from compactor.result_cache import ResultCache
from compactor.turns import Turn, turns_of
from compactor.vault import OpenedItem, Vault, allowed_characters
from model_providers.token_estimate import estimate_items
from service_kit.testing import FakeClock
from services.compactor.tests.conversations import (
    assistant,
    call,
    planted_conversation,
    text_of,
    user,
    written_chat,
)
from wire.conversation import (
    CompactionItem,
    FilePart,
    ImagePart,
    Item,
    Message,
    TextPart,
    ToolResult,
)
from wire.errors import InvalidRequestError

CLOCK = FakeClock()


class Vaults:
    """A vault, and another replica of it that shares the keys but not the blobs."""

    def __init__(self) -> None:
        envelope = Envelope(FixedRing(KeyRing([MasterKey("k1", b"m" * 32)])))
        self.here = Vault(envelope, self._blobs(), CLOCK)
        self.elsewhere = Vault(envelope, self._blobs(), CLOCK)

    def _blobs(self) -> MemoryBlobs:
        return MemoryBlobs(CLOCK, ttl_s=1000, max_bytes=100_000_000)

    async def seal(self, payload: Payload) -> tuple[str, bool]:
        sealed = await self.here.seal(payload, tenant_id="red", model_family="sim", parent_hash=b"")
        assert sealed.item.id is not None
        assert sealed.item.id.startswith("cmp_")
        return sealed.item.encrypted_content, sealed.thinned


def payload_of(items: list[Message], tail: tuple[Item, ...] = ()) -> Payload:
    return Payload(
        level="extractive",
        turns=tuple(turns_of(items)),
        tail=tail,
        original_tokens=estimate_items((*items, *tail)),
    )


async def opened(vault: Vault, text: str, tenant_id: str = "red") -> tuple[Payload, bool]:
    found = await vault.open(CompactionItem(text), tenant_id=tenant_id)
    return found.payload, found.history_lost


async def test_a_payload_comes_back_on_any_replica_with_the_keys() -> None:
    vaults = Vaults()
    payload = payload_of(planted_conversation(20)[0], (user("Last"), assistant("Yes")))

    text, thinned = await vaults.seal(payload)

    assert not thinned
    assert await opened(vaults.elsewhere, text) == (payload, False)


@pytest.mark.requirement("compaction:envelope:rotation")
async def test_what_was_opened_is_remembered_but_not_past_its_keys_retirement() -> None:
    retired: list[str] = []

    class Ring:
        def ring(self) -> KeyRing:
            keys = [MasterKey("k1", b"m" * 32), MasterKey("k2", b"n" * 32)]
            return KeyRing([key for key in keys if key.key_id not in retired])

    blobs = MemoryBlobs(CLOCK, ttl_s=1000, max_bytes=10**8)
    cache: ResultCache[OpenedItem] = ResultCache(CLOCK, ttl_s=100, max_entries=10, max_bytes=10**8)
    vault = Vault(Envelope(Ring()), blobs, CLOCK, cache)
    payload = payload_of(planted_conversation(5)[0])
    sealed = await vault.seal(payload, tenant_id="red", model_family="sim", parent_hash=b"")

    first = await vault.open(sealed.item, tenant_id="red")

    assert await vault.open(sealed.item, tenant_id="red") is first
    with pytest.raises(InvalidRequestError):
        await vault.open(sealed.item, tenant_id="blue")
    retired.append("k2")
    with pytest.raises(InvalidRequestError):
        await vault.open(sealed.item, tenant_id="red")


async def test_another_team_gets_nothing() -> None:
    vaults = Vaults()
    text, _ = await vaults.seal(payload_of(planted_conversation(3)[0]))

    with pytest.raises(InvalidRequestError):
        await opened(vaults.elsewhere, text, "blue")


def noise(turns: int) -> list[Message]:
    """Words that do not compress."""
    chance = random.Random(3)  # noqa: S311 - a test's dice
    return [user(" ".join(f"{chance.getrandbits(40):x}" for _ in range(30))) for _ in range(turns)]


@pytest.mark.requirement("compaction:envelope:size")
@pytest.mark.parametrize(
    "items",
    [
        written_chat("friends_a")[0],
        [m for name in ("friends_a", "friends_b", "assistant_a") for m in written_chat(name)[0]],
        planted_conversation(300)[0],
        noise(60),
        noise(700),
        [user("hi")],
    ],
    ids=["chat", "chats", "planted", "noise", "long noise", "tiny"],
)
async def test_an_item_keeps_its_size_bound_whatever_it_holds(items: list[Message]) -> None:
    payload = payload_of(items)

    text, _ = await Vaults().seal(payload)

    assert len(text) <= allowed_characters(payload.original_tokens)
    assert len(text) <= 1.8 * payload.original_tokens + 2048


@pytest.mark.requirement("compaction:envelope:size")
async def test_a_huge_last_message_does_not_break_the_bound() -> None:
    vaults = Vaults()
    words = text_of(tuple(noise(900)))
    payload = payload_of([], (user(words),))

    text, _ = await vaults.seal(payload)

    assert len(text) <= allowed_characters(payload.original_tokens)
    assert await opened(vaults.here, text) == (payload, False)


async def test_a_thinned_history_is_whole_where_its_blob_is_and_condensed_elsewhere() -> None:
    vaults = Vaults()
    payload = payload_of([m for n in ("friends_a", "friends_b") for m in written_chat(n)[0]])

    text, thinned = await vaults.seal(payload)
    here, lost_here = await opened(vaults.here, text)
    there, lost_there = await opened(vaults.elsewhere, text)

    assert thinned
    assert here == payload
    assert not lost_here
    assert lost_there
    assert 0.4 * len(payload.turns) < len(there.turns) <= len(payload.turns)
    assert any(turn.thinned for turn in there.turns)
    whole = {turn.text for turn in payload.turns}
    assert all(turn.text in whole for turn in there.turns if not turn.thinned)


async def test_a_thinned_call_keeps_its_name_once() -> None:
    arguments = " ".join(f"key_{n}={n * 7919}" for n in range(400))
    payload = Payload(level="extractive", turns=(Turn("call", arguments, "find"),) * 3)

    text, _ = await Vaults().seal(payload)
    left, _ = await opened(Vaults().here, text)

    assert all(not turn.text.startswith("find") for turn in left.turns if turn.name == "find")


async def test_pictures_and_files_are_kept_beside_the_item() -> None:
    picture = ImagePart("data:image/png;base64," + "iVBO" * 20_000)
    file = FilePart("plan.pdf", "JVBE" * 20_000)
    tail: tuple[Item, ...] = (
        Message("user", (TextPart("See"), picture, file)),
        call("1"),
        ToolResult("1", (picture,)),
    )
    vaults = Vaults()
    payload = payload_of([], tail)

    text, _ = await vaults.seal(payload)
    here, _ = await opened(vaults.here, text)
    there, _ = await opened(vaults.elsewhere, text)

    assert len(text) < 4000
    assert here.tail == tail
    gone = there.tail[0]
    assert isinstance(gone, Message)
    assert gone.content == (
        TextPart("See"),
        TextPart("[no longer kept]"),
        TextPart("[no longer kept] plan.pdf"),
    )


async def test_small_pictures_travel_in_the_item() -> None:
    vaults = Vaults()
    payload = payload_of([], (Message("user", (ImagePart("data:image/png;base64,AAAA"),)),))

    text, _ = await vaults.seal(payload)

    assert await opened(vaults.elsewhere, text) == (payload, False)
