"""Chains of responses: whole or refused, oldest first, nobody else's."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from api_gateway.stores import paging
from api_gateway.stores.conversations import SqlConversations
from api_gateway.stores.errors import (
    ChainTooLongError,
    HistoryTooLargeError,
    PreviousResponseNotFoundError,
    PreviousResponseUnfinishedError,
    UnknownCursorError,
)
from api_gateway.stores.records import Conversation, NewResponse, PageRequest, StoredItem
from api_gateway.stores.response_history import SqlHistory
from api_gateway.stores.responses import SqlResponses
from wire.errors import NotFoundError

if TYPE_CHECKING:
    from api_gateway.stores.database import Database
    from service_kit.testing import FakeClock

TEAM = "team"


def items(*names: str, size: int = 0) -> tuple[StoredItem, ...]:
    return tuple(
        StoredItem(name, b'{"id":"%b"%b}' % (name.encode(), b" " * size)) for name in names
    )


@pytest.fixture
def history(database: Database) -> SqlHistory:
    return SqlHistory(database, max_history_bytes=10_000, max_chain_responses=5)


@pytest.fixture
def responses(database: Database, clock: FakeClock) -> SqlResponses:
    return SqlResponses(database, clock)


async def keep(
    responses: SqlResponses, *names: str, previous: str | None = None, size: int = 0,
    **changes: Any,  # noqa: ANN401
) -> None:  # fmt: skip
    """Responses one after the other; `r` was asked `r-in` and said `r-out` and `r-end`."""
    for name in names:
        response = NewResponse(
            response_id=name,
            tenant_id=TEAM,
            created_unix_s=10,
            model="sim",
            status="completed",
            body=b"{}",
            input=items(f"{name}-in", size=size),
            output=items(f"{name}-out", f"{name}-end"),
            previous_response_id=previous,
        )
        await responses.save(replace(response, **changes))
        previous = name


async def chain(history: SqlHistory, response_id: str) -> list[str]:
    return [item.item_id for item in await history.chain(TEAM, response_id)]


def of(*names: str) -> list[str]:
    return [f"{name}-{part}" for name in names for part in ("in", "out", "end")]


@pytest.mark.requirement("responses:chain")
async def test_a_chain_is_all_inputs_and_outputs_oldest_first(
    history: SqlHistory, responses: SqlResponses
) -> None:
    await keep(responses, "z", "a", "m")
    await keep(responses, "branch", previous="a")

    assert await chain(history, "m") == of("z", "a", "m")
    assert await chain(history, "branch") == of("z", "a", "branch")
    assert await chain(history, "z") == of("z")


@pytest.mark.requirement("responses:chain")
async def test_a_chain_with_a_missing_response_is_refused_by_its_name(
    history: SqlHistory, responses: SqlResponses
) -> None:
    await keep(responses, "a", "b", "c")
    await responses.delete(TEAM, "a")

    with pytest.raises(PreviousResponseNotFoundError) as missing:
        await history.chain(TEAM, "c")
    with pytest.raises(PreviousResponseNotFoundError):
        await history.chain(TEAM, "never\x00")

    assert "'a'" in missing.value.message
    assert missing.value.info().param == "previous_response_id"
    assert missing.value.code == "previous_response_not_found"


@pytest.mark.requirement("stores:tenant")
async def test_a_chain_never_leads_to_another_team(
    history: SqlHistory, responses: SqlResponses
) -> None:
    await keep(responses, "foreign", tenant_id="other")
    await keep(responses, "mine", previous="foreign")

    for response_id in ("foreign", "mine"):
        with pytest.raises(PreviousResponseNotFoundError):
            await history.chain(TEAM, response_id)
    assert await history.item(TEAM, "foreign-in") is None
    listed = await history.input_items(TEAM, "mine", PageRequest())
    assert [item.item_id for item in listed.items] == ["mine-in"]
    with pytest.raises(NotFoundError):
        await history.input_items(TEAM, "foreign", PageRequest())


@pytest.mark.parametrize("status", ["queued", "in_progress"])
async def test_a_response_that_runs_cannot_be_continued(
    history: SqlHistory, responses: SqlResponses, status: str
) -> None:
    await keep(responses, "a", status=status)

    with pytest.raises(PreviousResponseUnfinishedError):
        await history.chain(TEAM, "a")


@pytest.mark.requirement("responses:chain")
async def test_a_chain_starts_anew_with_the_output_of_a_response_that_begins_one(
    history: SqlHistory, responses: SqlResponses
) -> None:
    await keep(responses, "a", "b")
    await keep(responses, "compact", previous="b", begins_chain=True)
    await keep(responses, "c", previous="compact")
    await responses.delete(TEAM, "a")

    assert await chain(history, "c") == ["compact-out", "compact-end", *of("c")]
    assert await chain(history, "compact") == ["compact-out", "compact-end"]


@pytest.mark.requirement("stores:bounded")
async def test_a_chain_is_bounded_in_responses_and_in_bytes(
    history: SqlHistory, responses: SqlResponses
) -> None:
    await keep(responses, "1", "2", "3", "4", "5", "6")
    await keep(responses, "large", "larger", size=5_000)

    assert len(await chain(history, "5")) == 15
    with pytest.raises(ChainTooLongError):
        await history.chain(TEAM, "6")
    assert len(await chain(history, "large")) == 3
    with pytest.raises(HistoryTooLargeError):
        await history.chain(TEAM, "larger")


async def listed(history: SqlHistory, response_id: str, **page: Any) -> tuple[list[str], bool]:  # noqa: ANN401
    found = await history.input_items(TEAM, response_id, PageRequest(**page))
    assert all(item.item_id.encode() in item.payload for item in found.items)
    return [item.item_id for item in found.items], found.has_more


async def test_input_items_are_the_chain_before_and_the_own_input(
    history: SqlHistory, responses: SqlResponses
) -> None:
    await keep(responses, "a", "b", "c")

    assert await listed(history, "a", order="asc") == (["a-in"], False)
    assert await listed(history, "c", order="asc") == ([*of("a", "b"), "c-in"], False)
    await responses.delete(TEAM, "a")
    assert await listed(history, "c", order="desc") == ([*of("b"), "c-in"][::-1], False)


async def test_input_items_of_a_compaction_are_what_was_compacted(
    history: SqlHistory, responses: SqlResponses
) -> None:
    await keep(responses, "a")
    await keep(responses, "compact", previous="a", begins_chain=True)
    await keep(responses, "b", previous="compact")

    assert await listed(history, "compact", order="asc") == ([*of("a"), "compact-in"], False)
    assert await listed(history, "b", order="asc") == (
        ["compact-out", "compact-end", "b-in"],
        False,
    )


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.requirement("stores:cursor")
async def test_pages_of_input_items_follow_each_other(
    history: SqlHistory, responses: SqlResponses, order: str
) -> None:
    await keep(responses, "a", "b", "c")
    everything, _ = await listed(history, "c", order=order)

    for limit in range(1, 9):
        seen: list[str] = []
        for _ in itertools.count():
            page, has_more = await listed(
                history, "c", order=order, limit=limit, after=seen[-1] if seen else None
            )
            seen += page
            if not has_more:
                break
        assert seen == everything
    with pytest.raises(UnknownCursorError):
        await listed(history, "c", after="c-out")


@pytest.mark.requirement("stores:bounded")
async def test_a_page_of_input_items_is_bounded_in_bytes(
    history: SqlHistory, responses: SqlResponses, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "MAX_PAGE_BYTES", 1500)
    await keep(responses, "a", "b", "c", size=1000)

    page, has_more = await listed(history, "c", order="asc")

    assert (page, has_more) == (["a-in", "a-out", "a-end"], True)


@pytest.mark.requirement("stores:tenant")
async def test_an_item_is_found_by_its_id_the_newest_first(
    history: SqlHistory, responses: SqlResponses, database: Database, clock: FakeClock
) -> None:
    conversations = SqlConversations(database, clock)
    await conversations.create(
        Conversation(conversation_id="conv_1", tenant_id=TEAM, created_unix_s=1, metadata={}),
        items("said", "a-in"),
    )
    await keep(responses, "old", created_unix_s=5, input=(StoredItem("a-in", b"old"),))
    await keep(responses, "new", created_unix_s=6, input=(StoredItem("a-in", b"new"),))

    assert await history.item(TEAM, "a-in") == StoredItem("a-in", b"new")
    assert await history.item(TEAM, "said") == items("said")[0]
    assert await history.item(TEAM, "none\x00") is None
    assert await history.item("other", "said") is None
