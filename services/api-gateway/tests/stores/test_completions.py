"""Stored chat completions: filters, metadata, messages, nobody else's."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from api_gateway.stores.completions import SqlCompletions
from api_gateway.stores.errors import UnknownCursorError
from api_gateway.stores.records import CompletionFilter, NewCompletion, PageRequest, StoredItem
from wire.errors import NotFoundError

if TYPE_CHECKING:
    from api_gateway.stores.database import Database

TEAM = "team"


def completion(name: str = "c1", **changes: Any) -> NewCompletion:  # noqa: ANN401
    kept = NewCompletion(
        completion_id=name,
        tenant_id=TEAM,
        created_unix_s=10,
        model="sim",
        body=b'{"id":"%b"}' % name.encode(),
        messages=(StoredItem(f"{name}-0", b"{}"), StoredItem(f"{name}-1", b"[]")),
        metadata={"k": "v"},
    )
    return replace(kept, **changes)


@pytest.fixture
def store(database: Database) -> SqlCompletions:
    return SqlCompletions(database)


async def listed(
    store: SqlCompletions, wanted: CompletionFilter | None = None, **page: Any,  # noqa: ANN401
) -> tuple[list[str], bool]:  # fmt: skip
    request = replace(PageRequest(order="asc"), **page)
    found = await store.completions(TEAM, wanted or CompletionFilter(), request)
    return [item.item_id for item in found.items], found.has_more


async def test_a_completion_is_read_with_its_metadata(store: SqlCompletions) -> None:
    await store.save(completion(metadata={"k": "v\x00", "e": ""}))

    body = await store.get(TEAM, "c1")

    assert body is not None
    assert json.loads(body) == {"id": "c1", "metadata": {"k": "v\x00", "e": ""}}


async def test_new_metadata_is_read_and_filtered_by(store: SqlCompletions) -> None:
    await store.save(completion())

    body = await store.set_metadata(TEAM, "c1", {"other": "w"})

    assert body == await store.get(TEAM, "c1")
    assert json.loads(body or b"")["metadata"] == {"other": "w"}
    assert await listed(store, CompletionFilter(metadata={"k": "v"})) == ([], False)
    assert await listed(store, CompletionFilter(metadata={"other": "w"})) == (["c1"], False)
    assert await store.set_metadata(TEAM, "none", {}) is None


async def test_deleting_takes_everything_along(store: SqlCompletions) -> None:
    await store.save(completion())

    assert await store.delete(TEAM, "c1")

    assert not await store.delete(TEAM, "c1")
    assert await store.get(TEAM, "c1") is None
    await store.save(completion(messages=(), metadata={}))
    assert (await store.messages(TEAM, "c1", PageRequest())).items == ()
    assert await listed(store, CompletionFilter(metadata={"k": "v"})) == ([], False)


async def test_completions_are_listed_by_model_and_every_pair(store: SqlCompletions) -> None:
    await store.save(completion("c1", metadata={"a": "1", "b": "2"}))
    await store.save(completion("c2", metadata={"a": "1"}))
    await store.save(completion("c3", metadata={"a": "1", "b": "2"}, model="council"))

    assert await listed(store) == (["c1", "c2", "c3"], False)
    both = CompletionFilter(metadata={"a": "1", "b": "2"})
    assert await listed(store, both) == (["c1", "c3"], False)
    of_council = CompletionFilter(model="council", metadata={"a": "1"})
    assert await listed(store, of_council) == (["c3"], False)
    assert await listed(store, CompletionFilter(model="\x00")) == ([], False)


@pytest.mark.requirement("stores:cursor")
async def test_pages_of_completions_follow_each_other(store: SqlCompletions) -> None:
    for name in ("c3", "c1", "c2"):
        await store.save(completion(name))

    assert await listed(store, limit=2) == (["c3", "c1"], True)
    assert await listed(store, limit=2, after="c1") == (["c2"], False)
    assert await listed(store, limit=2, order="desc") == (["c2", "c1"], True)
    assert await listed(store, limit=2, order="desc", after="c1") == (["c3"], False)
    with pytest.raises(UnknownCursorError):
        await listed(store, after="none")


@pytest.mark.requirement("stores:cursor")
async def test_messages_are_listed_in_pages(store: SqlCompletions) -> None:
    await store.save(completion())

    first = await store.messages(TEAM, "c1", PageRequest(order="asc", limit=1))
    rest = await store.messages(TEAM, "c1", PageRequest(order="asc", after="c1-0"))

    assert (first.items, first.has_more) == ((StoredItem("c1-0", b"{}"),), True)
    assert (rest.items, rest.has_more) == ((StoredItem("c1-1", b"[]"),), False)
    with pytest.raises(NotFoundError):
        await store.messages(TEAM, "none", PageRequest())


@pytest.mark.requirement("stores:tenant")
async def test_nothing_of_another_team_is_found_or_changed(store: SqlCompletions) -> None:
    await store.save(completion())
    before = await store.get(TEAM, "c1")

    assert await store.get("other", "c1") is None
    assert await store.set_metadata("other", "c1", {}) is None
    assert not await store.delete("other", "c1")
    found = await store.completions("other", CompletionFilter(metadata={"k": "v"}), PageRequest())
    assert found.items == ()
    with pytest.raises(UnknownCursorError):
        await store.completions("other", CompletionFilter(), PageRequest(after="c1"))
    with pytest.raises(NotFoundError):
        await store.messages("other", "c1", PageRequest())
    assert await store.get(TEAM, "c1") == before


@pytest.mark.requirement("stores:bounded")
async def test_the_longest_metadata_there_may_be_fits_the_index(store: SqlCompletions) -> None:
    # Four bytes a character, and nothing an index could compress.
    letters = [chr(0x20000 + n) for n in range(0x6000)]
    metadata = {"".join(random.sample(letters, 64)): "".join(random.sample(letters, 512))}
    await store.save(replace(completion(metadata=metadata), tenant_id="t" * 100))

    found = await store.completions("t" * 100, CompletionFilter(metadata=metadata), PageRequest())

    assert len(found.items) == 1
