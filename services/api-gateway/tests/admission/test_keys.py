"""API keys: how they look and what is kept of them."""

import hmac

from hypothesis import given
from hypothesis import strategies as st

from api_gateway.admission.keys import PREFIX, KeyDigest, digest_of, hint_of, new_key


def test_keys_are_long_random_and_recognisable() -> None:
    keys = {new_key() for _ in range(100)}

    assert len(keys) == 100
    assert all(key.startswith(PREFIX) and len(key) >= len(PREFIX) + 43 for key in keys)


def test_a_digest_depends_on_key_and_pepper_and_tells_neither() -> None:
    digest = digest_of("key", b"pepper")

    assert len(digest) == 32
    assert digest == digest_of("key", b"pepper")
    assert len({digest, digest_of("key", b"other"), digest_of("other", b"pepper")}) == 3


def test_a_hint_shows_four_characters() -> None:
    assert hint_of(PREFIX + "abcdefgh") == PREFIX + "abcd…"
    assert hint_of("own-format-key") == "own-…"


@given(st.binary(max_size=200), st.text(max_size=200))
def test_a_digest_is_hmac_sha256(pepper: bytes, key: str) -> None:
    expected = hmac.digest(pepper, key.encode("utf-8", "surrogateescape"), "sha256")

    assert KeyDigest(pepper).of(key) == expected
