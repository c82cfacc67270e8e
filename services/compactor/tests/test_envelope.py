"""Sealed items: only their team opens them, and only whole."""

from __future__ import annotations

import base64
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compactor.envelope import Envelope, packed_bytes, sealed_characters
from compactor.keys import FixedRing, KeyRing, MasterKey, parse_ring
from wire.errors import InvalidRequestError
from wire.sealed_items import PREFIX

ENVELOPE = Envelope(FixedRing(KeyRing([MasterKey("k1", b"m" * 32)])))
CONTENT = b"what was said " * 20


def seal(envelope: Envelope = ENVELOPE, content: bytes = CONTENT, tenant_id: str = "red") -> str:
    return envelope.seal(
        content, tenant_id=tenant_id, model_family="sim", level="extractive", created_unix_s=1
    )


def refusal(item: str, envelope: Envelope = ENVELOPE, tenant_id: str = "red") -> str:
    with pytest.raises(InvalidRequestError) as caught:
        envelope.open(item, tenant_id=tenant_id)
    assert caught.value.status == 400
    assert caught.value.code == "invalid_encrypted_content"
    return caught.value.message


@given(st.binary(max_size=5000))
def test_what_is_sealed_comes_back(content: bytes) -> None:
    assert ENVELOPE.open(seal(content=content), tenant_id="red").content == content


def test_the_header_is_readable_and_holds_no_team() -> None:
    item = ENVELOPE.seal(
        CONTENT,
        tenant_id="red",
        model_family="sim",
        level="summary",
        created_unix_s=7,
        parent_hash=b"p" * 16,
    )

    opened = ENVELOPE.open(item, tenant_id="red")

    assert item.startswith("cmp1.")
    header = opened.header
    assert (header.key_id, header.level, header.created_unix_s) == ("k1", "summary", 7)
    assert header.parent_hash == b"p" * 16
    assert b"red" not in base64.urlsafe_b64decode(item[5:])


@pytest.mark.requirement("compaction:envelope:refusals")
def test_every_flipped_bit_is_noticed() -> None:
    item = seal(content=b"short")
    genuine = refusal("cmp1.nonsense")

    for place, character in enumerate(item):
        for bit in range(8):
            flipped = chr(ord(character) ^ (1 << bit))
            assert refusal(item[:place] + flipped + item[place + 1 :]) == genuine


@pytest.mark.requirement("compaction:envelope:refusals")
def test_every_truncation_and_addition_is_noticed() -> None:
    item = seal(content=b"short")

    for length in range(len(item)):
        refusal(item[:length])
    for added in ("A", "=", "AAAA", "\n", " "):
        refusal(item + added)


@pytest.mark.requirement("compaction:envelope:refusals")
def test_foreign_team_unknown_key_and_anything_else_get_the_same_text() -> None:
    stranger = Envelope(FixedRing(KeyRing([MasterKey("k9", b"m" * 32)])))
    same_id = Envelope(FixedRing(KeyRing([MasterKey("k1", b"x" * 32)])))

    texts = {
        refusal(seal(), tenant_id="blue"),
        refusal(seal(stranger)),
        refusal(seal(same_id)),
        refusal("gAAAAABh-somebody-elses-item"),
        refusal(""),
        refusal(PREFIX),
        refusal(PREFIX + "A" * 400),
        refusal(PREFIX + "é" * 40),
    }

    assert len(texts) == 1


@given(st.binary(max_size=300))
def test_no_bytes_behind_the_prefix_are_opened_or_crash(junk: bytes) -> None:
    refusal(PREFIX + base64.urlsafe_b64encode(junk).decode())


@pytest.mark.requirement("compaction:envelope:rotation")
def test_rotation_loses_nothing_and_retiring_does() -> None:
    old, new = (base64.b64encode(os.urandom(32)).decode() for _ in range(2))
    before = Envelope(FixedRing(parse_ring(f"k1 {old}")))
    rotated = Envelope(FixedRing(parse_ring(f"k1 {old}\nk2 {new}")))
    retired = Envelope(FixedRing(parse_ring(f"k1 {old} retired\nk2 {new}")))
    item = seal(before)

    assert rotated.open(item, tenant_id="red").content == CONTENT
    assert rotated.open(seal(rotated), tenant_id="red").header.key_id == "k2"
    refusal(item, retired)


def test_length_tells_only_kibibytes() -> None:
    short = {len(seal(content=os.urandom(size))) for size in range(0, 900, 37)}

    assert len(short) == 1


def test_the_length_of_an_item_can_be_told_beforehand() -> None:
    for size in (0, 100, 5_000, 90_000):
        content = os.urandom(size)

        assert len(seal(content=content)) <= sealed_characters(packed_bytes(content))


def test_equal_content_is_sealed_differently_each_time() -> None:
    assert seal() != seal()


def test_a_blob_belongs_to_its_team_and_its_name() -> None:
    name, blob = ENVELOPE.seal_blob(CONTENT, tenant_id="red")
    other_name, other = ENVELOPE.seal_blob(b"else", tenant_id="red")

    assert ENVELOPE.open_blob(name, blob, tenant_id="red") == CONTENT
    assert ENVELOPE.seal_blob(CONTENT, tenant_id="blue")[0] != name
    for args in ((name, blob, "blue"), (other_name, blob, "red"), (name, other, "red")):
        with pytest.raises(InvalidRequestError):
            ENVELOPE.open_blob(args[0], args[1], tenant_id=args[2])
    for damaged in (b"", blob[:-1], blob[:5], bytes([blob[0] ^ 1]) + blob[1:]):
        with pytest.raises(InvalidRequestError):
            ENVELOPE.open_blob(name, damaged, tenant_id="red")
