"""The readable head of a sealed item."""

from __future__ import annotations

import base64

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire.sealed_items import PREFIX, SealedHeader, decode_header, encode_header, opens_to_tokens

HEADER = SealedHeader(1, "k1", "sim", 7, "extractive", b"c" * 16, b"p" * 16, 1234)


def item(header: bytes, rest: bytes = b"sealed" * 40) -> str:
    raw = len(header).to_bytes(2, "big") + header + rest
    return PREFIX + base64.urlsafe_b64encode(raw).decode()


@pytest.mark.requirement("compaction-doors:counted")
@given(st.integers(1, 10_000_000), st.text(max_size=64), st.binary(max_size=60))
def test_an_item_says_what_it_opens_to(tokens: int, family: str, rest: bytes) -> None:
    header = msgspec.structs.replace(HEADER, opens_to_tokens=tokens, model_family=family)

    assert opens_to_tokens(item(encode_header(header), rest)) == tokens


def test_an_item_of_an_older_version_does_not_say() -> None:
    older = msgspec.msgpack.encode(list(msgspec.structs.astuple(HEADER))[:-1])

    assert decode_header(older).opens_to_tokens == 0
    assert opens_to_tokens(item(older)) is None


@pytest.mark.parametrize(
    "other",
    [
        "", "gAAAA-a-vendors-own", PREFIX, PREFIX + "é" * 40, PREFIX + "A", PREFIX + "____" * 40,
        item(b"junk"), item(encode_header(HEADER))[:60],
        item(msgspec.msgpack.encode([*msgspec.structs.astuple(HEADER)[:-1], -5])),
        item(msgspec.msgpack.encode([*msgspec.structs.astuple(HEADER)[:-1], 2**62])),
    ],
)  # fmt: skip
def test_what_is_no_item_of_ours_says_nothing(other: str) -> None:
    assert opens_to_tokens(other) is None


@given(st.text(max_size=200))
def test_no_text_upsets_the_reader(text: str) -> None:
    assert (opens_to_tokens(PREFIX + text) or 0) >= 0
