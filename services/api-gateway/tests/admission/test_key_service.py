"""Keys made, revoked, kept current."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from api_gateway.admission.auth import KeyRing
from api_gateway.admission.key_service import KeyService
from api_gateway.stores.keys import KeyStore
from api_gateway.stores.tables import MIGRATIONS
from service_kit.sql import create_engine
from service_kit.testing import FakeClock
from tests.scenes.databases import migrated
from tests.scenes.waiting import WAIT_S, until
from wire.errors import AuthenticationError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

PEPPER = b"p" * 32


@asynccontextmanager
async def replica(folder: Path, clock: FakeClock) -> AsyncGenerator[tuple[KeyService, KeyRing]]:
    url = f"sqlite:///{folder / 'gateway.sqlite3'}"
    await migrated(url, MIGRATIONS)
    engine, ring = create_engine(url), KeyRing(PEPPER, clock)
    try:
        yield KeyService(KeyStore(engine), ring, PEPPER, clock), ring
    finally:
        await engine.dispose()


def everything_in(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.iterdir())


async def test_an_issued_key_works_at_once_and_a_revoked_one_no_more(tmp_path: Path) -> None:
    async with replica(tmp_path, FakeClock()) as (keys, ring):
        issued = await keys.issue(tenant_id="team", name="ci")
        caller = ring.authenticate(f"Bearer {issued.key}")
        revoked = await keys.revoke(issued.stored.key_id)

        with pytest.raises(AuthenticationError):
            ring.authenticate(f"Bearer {issued.key}")

    assert (caller.key_id, caller.tenant_id) == (issued.stored.key_id, "team")
    assert revoked is not None
    assert revoked.revoked_unix_s is not None


async def test_the_key_itself_is_nowhere_on_disk(tmp_path: Path) -> None:
    async with replica(tmp_path, FakeClock()) as (keys, _):
        issued = await keys.issue(tenant_id="team", name="ci")

    kept = everything_in(tmp_path)
    assert issued.stored.digest in kept
    assert issued.key.encode() not in kept


async def test_a_key_handed_in_is_made_valid_once(tmp_path: Path) -> None:
    async with replica(tmp_path, FakeClock()) as (keys, ring):
        await keys.ensure("bootstrap-key")
        await keys.ensure("bootstrap-key")

        assert ring.authenticate("Bearer bootstrap-key").tenant_id == "default"
        assert len(await keys.all()) == 1


async def test_a_key_handed_in_again_stays_revoked(tmp_path: Path) -> None:
    async with replica(tmp_path, FakeClock()) as (keys, ring):
        await keys.ensure("bootstrap-key")
        await keys.revoke((await keys.all())[0].key_id)
        await keys.ensure("bootstrap-key")

        with pytest.raises(AuthenticationError):
            ring.authenticate("Bearer bootstrap-key")


@pytest.mark.requirement("keys:revoked-everywhere")
async def test_another_replica_follows_what_this_one_changes(tmp_path: Path) -> None:
    clock = FakeClock()
    async with (
        replica(tmp_path, clock) as (ours, _),
        replica(tmp_path, clock) as (theirs, their_ring),
        asyncio.timeout(WAIT_S),
        asyncio.TaskGroup() as group,
    ):
        following = group.create_task(theirs.follow(0.01))
        issued = await ours.issue(tenant_id="team", name="ci")
        await until(lambda: len(their_ring) == 1)
        their_ring.authenticate(f"Bearer {issued.key}")
        await ours.revoke(issued.stored.key_id)
        await until(lambda: len(their_ring) == 0)
        following.cancel()


@pytest.mark.requirement("keys:survive-the-database")
async def test_keys_stay_valid_while_the_database_is_away(tmp_path: Path) -> None:
    async with (
        replica(tmp_path, FakeClock()) as (keys, ring),
        asyncio.timeout(WAIT_S),
        asyncio.TaskGroup() as group,
    ):
        issued = await keys.issue(tenant_id="team", name="ci")
        following = group.create_task(keys.follow(0.001))
        (tmp_path / "gateway.sqlite3").rename(tmp_path / "gone")
        for _ in range(20):
            await asyncio.sleep(0.001)

        assert ring.authenticate(f"Bearer {issued.key}").tenant_id == "team"
        assert not following.done()
        following.cancel()
