"""The table of keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy.exc import IntegrityError

from api_gateway.stores.keys import KeyStore, NewKey

if TYPE_CHECKING:
    from api_gateway.stores.database import Database


@pytest.fixture
def store(database: Database) -> KeyStore:
    return KeyStore(database.engine)


def new(name: str = "a", **changes: int) -> NewKey:
    return NewKey(
        tenant_id="team", name=name, digest=name.encode(), hint="h", created_unix_s=10, **changes
    )


async def test_a_key_is_found_by_its_digest(store: KeyStore) -> None:
    added = await store.add(new(expires_unix_s=99))

    assert await store.by_digest(b"a") == added
    assert await store.by_digest(b"b") is None
    assert added.key_id.startswith("key_")
    assert added.expires_unix_s == 99


async def test_a_digest_is_kept_once(store: KeyStore) -> None:
    await store.add(new())

    with pytest.raises(IntegrityError):
        await store.add(new())


async def test_every_change_grows_the_revision(store: KeyStore) -> None:
    seen = [await store.revision()]
    first = await store.add(new("a"))
    seen.append(await store.revision())
    await store.add(new("b"))
    seen.append(await store.revision())
    await store.revoke(first.key_id, now_unix_s=20)
    seen.append(await store.revision())

    revision, keys = await store.all()
    assert seen == [0, 1, 2, 3]
    assert revision == 3
    assert [(key.name, key.revoked_unix_s) for key in keys] == [("a", 20), ("b", None)]


async def test_revoking_again_changes_nothing(store: KeyStore) -> None:
    key = await store.add(new())
    first = await store.revoke(key.key_id, now_unix_s=20)
    again = await store.revoke(key.key_id, now_unix_s=30)

    assert first == again
    assert await store.revision() == 2
    assert await store.revoke("key_none", now_unix_s=30) is None
