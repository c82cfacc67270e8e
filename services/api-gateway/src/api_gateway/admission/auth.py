"""Authentication: a key's HMAC looked up in memory. No request waits for the database."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING

from api_gateway.admission.keys import KeyDigest
from wire.errors import AuthenticationError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from api_gateway.stores.keys import StoredKey
    from service_kit.clock import Clock

_SCHEME = "bearer "


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is asking. The team comes from the key alone."""

    key_id: str
    tenant_id: str


@dataclass(frozen=True, slots=True)
class _Entry:
    caller: Caller
    digest: bytes
    expires_unix_s: int | None


class KeyRing:
    """The keys that are valid now, by digest. Without any key nobody gets in."""

    def __init__(self, pepper: bytes, clock: Clock) -> None:
        self._digest = KeyDigest(pepper)
        self._clock = clock
        self._entries: dict[bytes, _Entry] = {}
        self.revision = -1

    def __len__(self) -> int:
        return len(self._entries)

    def replace(self, revision: int, keys: Iterable[StoredKey]) -> None:
        """Take the store's keys of this revision in place of the earlier ones."""
        self._entries = {
            key.digest: _Entry(Caller(key.key_id, key.tenant_id), key.digest, key.expires_unix_s)
            for key in keys
            if key.revoked_unix_s is None
        }
        self.revision = revision

    def authenticate(self, authorization: str | None) -> Caller:
        """Who shows this `Authorization` header.

        Raises:
            AuthenticationError: no key, no bearer scheme, or not a valid key.
        """
        key = _bearer(authorization)
        digest = self._digest.of(key)
        entry = self._entries.get(digest)
        # The look-up compares a keyed hash, which an attacker cannot steer; this compares the rest.
        if entry is None or not hmac.compare_digest(entry.digest, digest):
            raise _incorrect_key()
        if entry.expires_unix_s is not None and entry.expires_unix_s <= self._clock.unix_s():
            raise _incorrect_key()
        return entry.caller


def _bearer(authorization: str | None) -> str:
    if authorization is None:
        raise AuthenticationError(
            "You didn't provide an API key. Provide it in an Authorization header, as "
            "'Authorization: Bearer YOUR_KEY'."
        )
    key = authorization[len(_SCHEME) :].strip()
    if not key or authorization[: len(_SCHEME)].lower() != _SCHEME:
        raise AuthenticationError("The Authorization header must have the form 'Bearer YOUR_KEY'.")
    return key


def _incorrect_key() -> AuthenticationError:
    return AuthenticationError("Incorrect API key provided.", code="invalid_api_key")
