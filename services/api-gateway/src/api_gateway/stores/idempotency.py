"""The first answer to each Idempotency-Key, for as long as its client may ask again."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import delete, select, update

from api_gateway.stores.errors import AnswerLostError, KeyInUseError, KeyReusedError
from api_gateway.stores.tables import idempotency_keys as table

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Row
    from sqlalchemy.dialects import postgresql, sqlite
    from sqlalchemy.ext.asyncio import AsyncConnection

    from api_gateway.stores.database import Database
    from service_kit.clock import Clock

KEPT_S = 86_400.0


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """A team's key. `digest` stands for what was asked."""

    tenant_id: str
    key: str
    digest: bytes

    @property
    def entry_id(self) -> str:
        return hashlib.sha256(f"{self.tenant_id}\0{self.key}".encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """What the first request was answered, to the byte."""

    status: int
    streamed: bool
    body: bytes


class SqlIdempotency:
    """`FirstAnswers` of the routes."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def claim(self, key: IdempotencyKey, holder: str, *, lease_s: float) -> KeptAnswer | None:
        """None: the key is new, and `holder` is to make its answer.

        Raises:
            KeyInUseError: somebody else makes it.
            KeyReusedError: it belongs to another request.
            AnswerLostError: whoever was to make it was cut off.
            StoreUnavailableError: the database failed.
        """
        now_s = self._clock.unix_s()
        async with self._database.writing() as connection:
            await connection.execute(
                delete(table).where(*_of(key), table.c.created_unix_s < now_s - KEPT_S)
            )
            if await _insert(connection, key, holder, now_s, lease_s):
                return None
            found = await connection.execute(select(table).where(*_of(key)))
            row = found.one_or_none()
        if row is None:  # its first request gave it back just now
            raise KeyInUseError
        return _answer(row, key, now_s)

    async def extend(self, key: IdempotencyKey, holder: str, *, lease_s: float) -> None:
        """The holder is alive."""
        await self._set(key, holder, held_until_unix_s=self._clock.unix_s() + lease_s)

    async def keep(self, key: IdempotencyKey, holder: str, answer: KeptAnswer) -> None:
        """The answer there is from now on."""
        await self._set(
            key, holder, status=answer.status, streamed=answer.streamed, body=answer.body
        )

    async def abandon(self, key: IdempotencyKey, holder: str) -> None:
        """There will be none."""
        await self._set(key, holder, held_until_unix_s=0.0)

    async def release(self, key: IdempotencyKey, holder: str) -> None:
        """As if the key had never come: nothing was done."""
        async with self._database.writing() as connection:
            await connection.execute(delete(table).where(*_of(key), table.c.holder == holder))

    async def _set(self, key: IdempotencyKey, holder: str, **values: object) -> None:
        async with self._database.writing() as connection:
            await connection.execute(
                update(table)
                .where(*_of(key), table.c.holder == holder, table.c.status.is_(None))
                .values(**values)
            )


def _of(key: IdempotencyKey) -> tuple[ColumnElement[bool], ...]:
    return table.c.entry_id == key.entry_id, table.c.tenant_id == key.tenant_id


def _insert_of(dialect: str) -> postgresql.Insert | sqlite.Insert:
    """Only the database's own dialect is imported: PostgreSQL's takes 2 MB."""
    if dialect == "sqlite":
        from sqlalchemy.dialects.sqlite import insert as insert_sqlite  # noqa: PLC0415

        return insert_sqlite(table)
    from sqlalchemy.dialects.postgresql import insert as insert_postgresql  # noqa: PLC0415

    return insert_postgresql(table)


async def _insert(
    connection: AsyncConnection, key: IdempotencyKey, holder: str, now_s: float, lease_s: float
) -> bool:
    """Whether the row is ours; of several at once one is the first."""
    made = await connection.execute(
        _insert_of(connection.dialect.name)
        .values(
            entry_id=key.entry_id,
            tenant_id=key.tenant_id,
            created_unix_s=int(now_s),
            request_digest=key.digest,
            holder=holder,
            held_until_unix_s=now_s + lease_s,
        )
        .on_conflict_do_nothing(index_elements=["entry_id"])
    )
    return made.rowcount == 1


def _answer(row: Row[tuple[object, ...]], key: IdempotencyKey, now_s: float) -> KeptAnswer:
    if row.request_digest != key.digest:
        raise KeyReusedError
    if row.status is not None:
        return KeptAnswer(row.status, row.streamed, row.body)
    if row.held_until_unix_s > now_s:
        raise KeyInUseError
    raise AnswerLostError
