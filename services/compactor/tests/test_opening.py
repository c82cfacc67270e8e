"""Conversations opened."""

from __future__ import annotations

from compactor.opening import question_of
from services.compactor.tests.conversations import assistant, model, system, user
from services.compactor.tests.test_making import ITEMS, Workshop
from wire.compaction import OpenRequest
from wire.conversation import CompactionItem, Item, Message


async def opened(shop: Workshop, items: tuple[Item, ...], **changed: object) -> tuple[Item, ...]:
    values: dict[str, object] = {"items": items, "model": model(), **changed}
    request = OpenRequest(**values)  # pyright: ignore[reportArgumentType]
    return (await shop.opener.open(request, tenant_id="red")).items


async def sealed(shop: Workshop, budget: int = 900) -> tuple[Item, ...]:
    made = await shop.make(ITEMS, budget)
    assert made.compaction is not None
    return (*made.kept, made.compaction)


async def test_a_conversation_without_a_sealed_item_is_returned_as_it_is() -> None:
    result = await Workshop().opener.open(OpenRequest(items=ITEMS, model=model()), tenant_id="red")

    assert (result.items, result.level) == (ITEMS, "none")
    assert result.tokens > 0


async def test_only_the_latest_of_several_items_is_opened() -> None:
    shop = Workshop()
    items = await sealed(shop)

    window = await opened(shop, (CompactionItem("cmp1.junk"), assistant("old"), *items))

    assert assistant("old") not in window
    assert not any(isinstance(item, CompactionItem) for item in window)


async def test_what_stands_before_the_item_and_is_part_of_it_is_not_repeated() -> None:
    shop = Workshop()
    kept, item = (await sealed(shop))[:-1], (await sealed(shop))[-1]

    window = await opened(shop, (*ITEMS, item), budget_tokens=900)

    assert sum(isinstance(i, Message) and i.role == "assistant" for i in window) <= 3
    assert all(message in window for message in kept)


async def test_what_was_said_since_comes_on_top_of_the_target() -> None:
    shop = Workshop()
    since = tuple(user(f"And {n}? " + "more words " * 40) for n in range(12))

    window = await opened(shop, (*(await sealed(shop)), *since), model=model(8_000))

    assert window[-12:] == since
    assert any("conversation-memory" in str(item) for item in window)


async def test_without_recall_the_question_changes_nothing() -> None:
    shop = Workshop()
    items = await sealed(shop)

    one = await opened(shop, items, recall=False, question="ORCHID_0?", budget_tokens=900)
    other = await opened(shop, items, recall=False, question="FALCON_1?", budget_tokens=900)
    asked = await opened(shop, items, question="What is the value of ORCHID_0?", budget_tokens=900)

    assert one == other
    assert asked != one


def test_the_question_is_what_the_user_said_last() -> None:
    assert question_of((user("A"), user("B"), assistant("C"))) == "B"
    assert question_of((system("A"),)) is None
