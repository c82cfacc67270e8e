"""The master keys that everything sealed depends on.

A ring in a file, one key a line, oldest first: `<id> <base64 of 32 bytes> [retired]`. The newest
that is not retired seals; any that is not retired opens. A rotation appends a line; retiring a key
makes every item unreadable that it sealed.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from service_kit.lifecycle import StartupError
from service_kit.logging import get_logger

if TYPE_CHECKING:
    from pathlib import Path

    from service_kit.clock import Clock

KEY_BYTES = 32
_KEY_ID = re.compile(r"[A-Za-z0-9._-]{1,32}")
_RECHECK_S = 5.0
_MAX_DERIVED = 4096

log = get_logger(__name__)


class KeyRingError(StartupError):
    """The key file cannot be used; the message names the line and never a key."""


@dataclass(frozen=True, slots=True)
class MasterKey:
    key_id: str
    secret: bytes


class KeyRing:
    """Keys by id, newest last, and what is derived from them for each tenant."""

    def __init__(self, keys: list[MasterKey]) -> None:
        if not keys:
            raise KeyRingError("The sealing key ring holds no key that is not retired.")
        self._keys = {key.key_id: key for key in keys}
        self._newest = keys[-1]
        self._derived: dict[tuple[str, str, bytes], bytes] = {}

    @property
    def newest_id(self) -> str:
        return self._newest.key_id

    def knows(self, key_id: str) -> bool:
        """Whether items of this key can still be opened."""
        return key_id in self._keys

    def tenant_key(self, key_id: str, tenant_id: str, purpose: bytes) -> bytes:
        """A key for one tenant and one purpose. An unknown id is a KeyError."""
        slot = (key_id, tenant_id, purpose)
        derived = self._derived.get(slot)
        if derived is None:
            info = b"conclave compaction\x00" + purpose + b"\x00" + tenant_id.encode()
            secret = self._keys[key_id].secret
            derived = HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=info).derive(
                secret
            )
            if len(self._derived) >= _MAX_DERIVED:
                self._derived.clear()
            self._derived[slot] = derived
        return derived


class KeyFile:
    """A ring that follows its file: a Secret that is updated in place needs no restart.

    A file that has become unreadable leaves the ring as it was; `problem` says so.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self.problem: str | None = None
        self._text = _read(path)
        self._ring = parse_ring(self._text)
        self._checked_at_s = clock.monotonic_s()

    def ring(self) -> KeyRing:
        """The ring as the file has it now, looked at no more often than every 5 s."""
        now_s = self._clock.monotonic_s()
        if now_s - self._checked_at_s >= _RECHECK_S:
            self._checked_at_s = now_s
            self._reload()
        return self._ring

    def _reload(self) -> None:
        try:
            text = _read(self._path)
            if text != self._text:
                self._ring = parse_ring(text)
                self._text = text
            self.problem = None
        except KeyRingError as error:
            self.problem = str(error)


class FixedRing:
    """A ring that never changes."""

    def __init__(self, ring: KeyRing) -> None:
        self._ring = ring

    def ring(self) -> KeyRing:
        return self._ring


async def report_problems(keys: KeyFile) -> None:
    """For the process's background: follow the file, and say once when it cannot be used."""
    told: str | None = None
    while True:
        keys.ring()
        if keys.problem is not None and keys.problem != told:
            log.error("sealing_keys_unusable", problem=keys.problem)
        told = keys.problem
        await asyncio.sleep(_RECHECK_S)


def parse_ring(text: str) -> KeyRing:
    """Read a key file.

    Raises:
        KeyRingError: a line that is no key, an id twice, or no key left that is not retired.
    """
    keys: list[MasterKey] = []
    seen: set[str] = set()
    for number, line in enumerate(text.splitlines(), start=1):
        fields = line.split("#", 1)[0].split()
        if not fields:
            continue
        key = _parse_line(number, fields)
        if key.key_id in seen:
            raise KeyRingError(f"Sealing keys, line {number}: the id {key.key_id!r} stands twice.")
        seen.add(key.key_id)
        if "retired" not in fields[2:]:
            keys.append(key)
    return KeyRing(keys)


def ring_from_token(token: str) -> KeyRing:
    """The ring of an installation without a key file: one key, made of the installation token."""
    secret = HKDF(
        algorithm=SHA256(), length=KEY_BYTES, salt=None, info=b"conclave compaction master"
    ).derive(token.encode())
    return KeyRing([MasterKey("installation", secret)])


def _parse_line(number: int, fields: list[str]) -> MasterKey:
    remedy = "write `<id> <base64 of 32 bytes>`; make one with: openssl rand -base64 32"
    if len(fields) < 2 or not _KEY_ID.fullmatch(fields[0]):  # noqa: PLR2004 - id and key
        raise KeyRingError(f"Sealing keys, line {number}: {remedy}")
    try:
        standard = fields[1].replace("-", "+").replace("_", "/")
        secret = base64.b64decode(standard, validate=True)
    except (binascii.Error, ValueError):
        secret = b""
    if len(secret) != KEY_BYTES:
        raise KeyRingError(
            f"Sealing keys, line {number}: the key has not {KEY_BYTES} bytes; {remedy}"
        )
    unknown = [word for word in fields[2:] if word != "retired"]
    if unknown:
        raise KeyRingError(f"Sealing keys, line {number}: only `retired` may follow the key.")
    return MasterKey(fields[0], secret)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise KeyRingError(f"Sealing keys: cannot read {path}: {error}") from error
