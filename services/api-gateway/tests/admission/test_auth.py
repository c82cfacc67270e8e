"""Who may come in."""

from __future__ import annotations

import pytest

from api_gateway.admission.auth import Caller, KeyRing
from api_gateway.admission.keys import digest_of
from api_gateway.stores.keys import StoredKey
from service_kit.testing import FakeClock
from wire.errors import AuthenticationError

PEPPER = b"p" * 32


def stored(key: str, **changes: object) -> StoredKey:
    members: dict[str, object] = {
        "key_id": f"key_{key}",
        "tenant_id": "team",
        "name": "n",
        "digest": digest_of(key, PEPPER),
        "hint": "h",
        "created_unix_s": 1,
        "expires_unix_s": None,
        "revoked_unix_s": None,
        **changes,
    }
    return StoredKey(**members)  # type: ignore[arg-type]


def ring(*keys: StoredKey, clock: FakeClock | None = None) -> KeyRing:
    made = KeyRing(PEPPER, clock or FakeClock())
    made.replace(1, keys)
    return made


@pytest.mark.parametrize("header", ["Bearer good", "bearer good", "BEARER  good "])
def test_the_holder_of_a_key_is_known(header: str) -> None:
    assert ring(stored("good")).authenticate(header) == Caller("key_good", "team")


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (None, None),
        ("", None),
        ("good", None),
        ("Bearer", None),
        ("Bearer ", None),
        ("Basic good", None),
        ("Bearer bad", "invalid_api_key"),
        ("Bearer good2", "invalid_api_key"),
        ("Bearer \udcff", "invalid_api_key"),
    ],
)
@pytest.mark.requirement("gateway:auth:first")
def test_nobody_else_is(header: str | None, code: str | None) -> None:
    with pytest.raises(AuthenticationError) as refused:
        ring(stored("good")).authenticate(header)

    assert (refused.value.status, refused.value.code) == (401, code)


def test_an_empty_ring_lets_nobody_in() -> None:
    with pytest.raises(AuthenticationError):
        KeyRing(PEPPER, FakeClock()).authenticate("Bearer good")


def test_a_revoked_key_is_void() -> None:
    with pytest.raises(AuthenticationError):
        ring(stored("good", revoked_unix_s=5)).authenticate("Bearer good")


def test_a_key_expires_while_it_is_in_the_ring() -> None:
    clock = FakeClock(unix_s=100)
    keys = ring(stored("good", expires_unix_s=110), clock=clock)

    keys.authenticate("Bearer good")
    clock.advance(10)

    with pytest.raises(AuthenticationError):
        keys.authenticate("Bearer good")


def test_another_pepper_voids_every_key() -> None:
    other = KeyRing(b"q" * 32, FakeClock())
    other.replace(1, [stored("good")])

    with pytest.raises(AuthenticationError):
        other.authenticate("Bearer good")


def test_a_new_snapshot_replaces_the_old_one() -> None:
    keys = ring(stored("old"))

    keys.replace(2, [stored("new")])

    assert (len(keys), keys.revision) == (1, 2)
    assert keys.authenticate("Bearer new").key_id == "key_new"
    with pytest.raises(AuthenticationError):
        keys.authenticate("Bearer old")
