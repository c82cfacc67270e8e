"""API keys at rest: made, listed, revoked, never deleted and never readable."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, insert, select, update

from api_gateway.stores.tables import api_keys
from wire.ids import new_id

if TYPE_CHECKING:
    from sqlalchemy import Row, ScalarSelect
    from sqlalchemy.ext.asyncio import AsyncEngine


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredKey:
    """`hint` shows people which key it is; `digest` shows the gateway."""

    key_id: str
    tenant_id: str
    name: str
    digest: bytes
    hint: str
    created_unix_s: int
    expires_unix_s: int | None
    revoked_unix_s: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    tenant_id: str
    name: str
    digest: bytes
    hint: str
    created_unix_s: int
    expires_unix_s: int | None = None


class KeyStore:
    """The table of keys."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def revision(self) -> int:
        """Grows with every change of any key, by whichever replica."""
        async with self._engine.connect() as connection:
            newest = await connection.execute(select(func.max(api_keys.c.revision)))
            return newest.scalar() or 0

    async def all(self) -> tuple[int, list[StoredKey]]:
        """The revision, and every key there ever was, oldest first."""
        ordered = select(api_keys).order_by(
            api_keys.c.created_unix_s, api_keys.c.name, api_keys.c.key_id
        )
        async with self._engine.connect() as connection:
            rows = (await connection.execute(ordered)).all()
        return max((row.revision for row in rows), default=0), [_stored(row) for row in rows]

    async def add(self, key: NewKey) -> StoredKey:
        """Keep a key."""
        key_id = new_id("key_")
        async with self._engine.begin() as connection:
            await connection.execute(
                insert(api_keys).values(
                    key_id=key_id,
                    tenant_id=key.tenant_id,
                    name=key.name,
                    digest=key.digest,
                    hint=key.hint,
                    created_unix_s=key.created_unix_s,
                    expires_unix_s=key.expires_unix_s,
                    revision=_next_revision(),
                )
            )
        return StoredKey(
            key_id=key_id,
            tenant_id=key.tenant_id,
            name=key.name,
            digest=key.digest,
            hint=key.hint,
            created_unix_s=key.created_unix_s,
            expires_unix_s=key.expires_unix_s,
            revoked_unix_s=None,
        )

    async def by_digest(self, digest: bytes) -> StoredKey | None:
        """The key with this digest, revoked or not."""
        async with self._engine.connect() as connection:
            found = await connection.execute(select(api_keys).where(api_keys.c.digest == digest))
            row = found.one_or_none()
        return _stored(row) if row is not None else None

    async def revoke(self, key_id: str, *, now_unix_s: int) -> StoredKey | None:
        """Void a key for good; the second time changes nothing. None: there is no such key."""
        async with self._engine.begin() as connection:
            await connection.execute(
                update(api_keys)
                .where(api_keys.c.key_id == key_id, api_keys.c.revoked_unix_s.is_(None))
                .values(revoked_unix_s=now_unix_s, revision=_next_revision())
            )
            found = await connection.execute(select(api_keys).where(api_keys.c.key_id == key_id))
            row = found.one_or_none()
        return _stored(row) if row is not None else None


def _next_revision() -> ScalarSelect[int]:
    return select(func.coalesce(func.max(api_keys.c.revision), 0) + 1).scalar_subquery()


def _stored(row: Row[tuple[object, ...]]) -> StoredKey:
    return StoredKey(
        key_id=row.key_id,
        tenant_id=row.tenant_id,
        name=row.name,
        digest=bytes(row.digest),
        hint=row.hint,
        created_unix_s=row.created_unix_s,
        expires_unix_s=row.expires_unix_s,
        revoked_unix_s=row.revoked_unix_s,
    )
