"""Keys made, revoked and kept current: the store behind, the ring in front."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError

from api_gateway.admission.keys import digest_of, hint_of, new_key
from api_gateway.stores.keys import NewKey, StoredKey
from service_kit.logging import get_logger

if TYPE_CHECKING:
    from api_gateway.admission.auth import KeyRing
    from api_gateway.stores.keys import KeyStore
    from service_kit.clock import Clock

DEFAULT_TENANT = "default"

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """The only moment at which the key itself is known."""

    key: str
    stored: StoredKey


class KeyService:
    """Every change goes to the store first and is in this replica's ring when the call returns.

    Other replicas see it by `follow`, within the refresh period.
    """

    def __init__(self, store: KeyStore, ring: KeyRing, pepper: bytes, clock: Clock) -> None:
        self._store = store
        self._ring = ring
        self._pepper = pepper
        self._clock = clock

    async def issue(
        self, *, tenant_id: str, name: str, expires_unix_s: int | None = None
    ) -> IssuedKey:
        """Make a key and keep its digest."""
        key = new_key()
        stored = await self._keep(key, tenant_id, name, expires_unix_s)
        await self.refresh()
        return IssuedKey(key, stored)

    async def ensure(self, key: str) -> None:
        """Make a key that was handed in valid for the default team. A revoked one stays revoked."""
        known = await self._store.by_digest(digest_of(key, self._pepper))
        if known is None:
            await self._keep(key, DEFAULT_TENANT, "bootstrap", None)
        elif known.revoked_unix_s is not None:
            log.warning("bootstrap_key_revoked", key_id=known.key_id)
        await self.refresh()

    async def all(self) -> list[StoredKey]:
        """Every key there ever was, oldest first."""
        return (await self._store.all())[1]

    async def revoke(self, key_id: str) -> StoredKey | None:
        """Void a key; None when there is no such key."""
        stored = await self._store.revoke(key_id, now_unix_s=int(self._clock.unix_s()))
        await self.refresh()
        return stored

    async def refresh(self) -> None:
        """Bring the ring to the store's revision."""
        self._ring.replace(*await self._store.all())

    async def follow(self, every_s: float) -> None:
        """Look for changes until cancelled. While the database is away the ring stays as it is."""
        while True:
            await asyncio.sleep(every_s)
            try:
                if await self._store.revision() != self._ring.revision:
                    await self.refresh()
            except (SQLAlchemyError, OSError) as error:
                log.warning("keys_not_refreshed", error=error)

    async def _keep(
        self, key: str, tenant_id: str, name: str, expires_unix_s: int | None
    ) -> StoredKey:
        return await self._store.add(
            NewKey(
                tenant_id=tenant_id,
                name=name,
                digest=digest_of(key, self._pepper),
                hint=hint_of(key),
                created_unix_s=int(self._clock.unix_s()),
                expires_unix_s=expires_unix_s,
            )
        )
