"""The ring of master keys."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest

from compactor.keys import KeyFile, KeyRing, KeyRingError, MasterKey, parse_ring, ring_from_token
from service_kit.testing import FakeClock

if TYPE_CHECKING:
    from pathlib import Path

OLD = base64.b64encode(b"o" * 32).decode()
NEW = base64.b64encode(b"n" * 32).decode()


def test_the_last_key_that_is_not_retired_seals_and_all_such_keys_open() -> None:
    ring = parse_ring(f"# sealing keys\nk1 {OLD}\n\nk2 {NEW}\nk3 {OLD} retired\n")

    assert ring.newest_id == "k2"
    assert ring.knows("k1")
    assert not ring.knows("k3")


def test_a_key_may_be_written_in_either_base64_alphabet() -> None:
    secret = bytes([255, 254, 251]) * 10 + b"xx"
    url_safe = base64.urlsafe_b64encode(secret).decode()
    plain = base64.b64encode(secret).decode()

    assert url_safe != plain
    one, other = parse_ring(f"k {url_safe}"), parse_ring(f"k {plain}")
    assert one.tenant_key("k", "t", b"seal") == other.tenant_key("k", "t", b"seal")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "no key"),
        (f"k1 {OLD} retired", "no key"),
        ("k1", "line 1"),
        ("k1 short", "line 1"),
        (f"k1 {OLD}\nk1 {NEW}", "line 2"),
        (f"k1 {OLD} old", "line 1"),
        (f"k/1 {OLD}", "line 1"),
    ],
)
def test_a_bad_line_is_named_and_no_key_is_quoted(text: str, named: str) -> None:
    with pytest.raises(KeyRingError, match=named) as caught:
        parse_ring(text)

    assert OLD not in str(caught.value)


def test_every_team_and_purpose_has_a_key_of_its_own() -> None:
    ring = KeyRing([MasterKey("k1", b"m" * 32)])

    keys = {
        ring.tenant_key("k1", tenant, purpose)
        for tenant in ("red", "blue")
        for purpose in (b"seal", b"hash", b"blob")
    }

    assert len(keys) == 6
    assert ring.tenant_key("k1", "red", b"seal") in keys


def test_the_ring_of_a_token_is_the_same_after_a_restart() -> None:
    one, other = ring_from_token("t" * 32), ring_from_token("t" * 32)

    assert one.tenant_key("installation", "red", b"seal") == other.tenant_key(
        "installation", "red", b"seal"
    )


@pytest.mark.requirement("compaction:envelope:rotation")
def test_a_changed_file_is_taken_up_without_a_restart(tmp_path: Path) -> None:
    path, clock = tmp_path / "keys", FakeClock()
    path.write_text(f"k1 {OLD}\n")
    keys = KeyFile(path, clock)

    path.write_text(f"k1 {OLD}\nk2 {NEW}\n")
    before = keys.ring().newest_id
    clock.advance(6)

    assert (before, keys.ring().newest_id) == ("k1", "k2")


def test_a_broken_file_keeps_the_ring_and_says_so(tmp_path: Path) -> None:
    path, clock = tmp_path / "keys", FakeClock()
    path.write_text(f"k1 {OLD}\n")
    keys = KeyFile(path, clock)

    path.write_text("k1 nonsense\n")
    clock.advance(6)

    assert keys.ring().newest_id == "k1"
    assert keys.problem is not None
    assert "line 1" in keys.problem


def test_a_missing_file_keeps_the_process_from_starting(tmp_path: Path) -> None:
    with pytest.raises(KeyRingError, match="cannot read"):
        KeyFile(tmp_path / "none", FakeClock())
