"""The internal endpoints, through their socket."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import aiohttp
import msgspec
import pytest

from services.compactor.tests.conversations import (
    EXTRACTIVE,
    assistant,
    model,
    planted_conversation,
    system,
    text_of,
    user,
    written_chat,
)
from services.compactor.tests.running import RunningCompactor, running_compactor
from wire.compaction import CompactRequest, OpenRequest
from wire.conversation import CompactionItem, Item, Message
from wire.endpoints import OPEN_COMPACTION
from wire.errors import RemoteError
from wire.specs import CompactionSpec, ModelSpec, ProviderSpec

if TYPE_CHECKING:
    from pathlib import Path

    from provider_sim.testing import SimulatorClient

MESSAGES, VALUES = planted_conversation(70, facts=6)
ITEMS: tuple[Item, ...] = (system("Be brief."), *MESSAGES, user("Go on, please."))


def explicit(items: tuple[Item, ...] = ITEMS, **changed: object) -> CompactRequest:
    values: dict[str, object] = {
        "items": items, "model": model(), "mode": "explicit", "spec": EXTRACTIVE, **changed,
    }  # fmt: skip
    return CompactRequest(**values)  # pyright: ignore[reportArgumentType]


def automatic(items: tuple[Item, ...] = ITEMS, **changed: object) -> CompactRequest:
    spec = CompactionSpec(level="extractive", threshold_tokens=3_000, target_ratio=0.05)
    return explicit(items, **{"mode": "automatic", "spec": spec, **changed})


async def refused(compactor: RunningCompactor, request: OpenRequest, tenant_id: str) -> str:
    with pytest.raises(RemoteError) as caught:
        await compactor.open(request, tenant_id=tenant_id)
    assert (caught.value.status, caught.value.code) == (400, "invalid_encrypted_content")
    return caught.value.message


@pytest.mark.requirement("compaction:doors:one-item")
async def test_an_explicit_compaction_keeps_the_users_words_and_ends_with_one_item(
    compactor: RunningCompactor,
) -> None:
    result = await compactor.compact(explicit())

    *kept, sealed = result.items
    assert isinstance(sealed, CompactionItem)
    assert kept == [i for i in ITEMS if isinstance(i, Message) and i.role != "assistant"]
    assert result.level == "extractive"
    assert result.tokens_after < result.tokens_before / 2
    assert result.calls == ()


@pytest.mark.requirement("compaction:guarantee:second-pass")
async def test_compacting_twice_changes_nothing_and_leaves_one_item(
    compactor: RunningCompactor,
) -> None:
    first = await compactor.compact(explicit())

    second = await compactor.compact(explicit(first.items))

    assert second.noop == "nothing_new"
    assert second.items == first.items


async def test_a_later_compaction_subsumes_the_earlier_one(compactor: RunningCompactor) -> None:
    first = await compactor.compact(explicit())
    later = (*first.items, *planted_conversation(30, facts=2, seed=9)[0])

    second = await compactor.compact(explicit(later))

    sealed = [item for item in second.items if isinstance(item, CompactionItem)]
    assert sealed == [second.items[-1]]
    assert sealed[0] != first.items[-1]


async def test_what_is_tiny_is_sealed_as_it_is(compactor: RunningCompactor) -> None:
    items = (user("My name is Ada."), assistant("Hello, Ada."))

    result = await compactor.compact(explicit(items))
    opened = await compactor.open(OpenRequest(items=result.items, model=model()))

    assert len(result.items) == 2
    assert opened.items == items


@pytest.mark.slow
@pytest.mark.requirement("compaction:recall:question")
async def test_every_fact_can_be_asked_for_afterwards(compactor: RunningCompactor) -> None:
    result = await compactor.compact(automatic())

    for name, value in VALUES.items():
        question = user(f"What is the value of {name}? Answer only from this conversation.")
        request = OpenRequest(items=(*result.items, question), model=model(), budget_tokens=1600)
        opened = await compactor.open(request)
        assert f"The value of {name} is {value}." in text_of(opened.items)
        assert opened.items[-1] == question
        assert opened.recalled > 0
        assert opened.tokens <= 1600


async def test_the_window_of_a_result_is_opened_for_the_live_question(
    compactor: RunningCompactor,
) -> None:
    name, value = next(iter(VALUES.items()))
    question = user(f"What is the value of {name}?")

    result = await compactor.compact(automatic((*ITEMS, question), expand=True))

    assert not any(isinstance(item, CompactionItem) for item in result.window)
    assert f"{name} is {value}" in text_of(result.window)
    assert result.window[-1] == question


async def test_below_its_threshold_nothing_changes(compactor: RunningCompactor) -> None:
    request = automatic(spec=CompactionSpec(level="extractive"), model=model(128_000), expand=True)

    result = await compactor.compact(request)

    assert (result.noop, result.level) == ("below_threshold", "none")
    assert result.items == result.window == ITEMS


@pytest.mark.requirement("compaction:envelope:refusals")
async def test_a_foreign_or_changed_item_is_refused_with_one_text(
    compactor: RunningCompactor,
) -> None:
    result = await compactor.compact(explicit())
    sealed = result.items[-1]
    assert isinstance(sealed, CompactionItem)
    middle = len(sealed.encrypted_content) // 2
    swapped = "A" if sealed.encrypted_content[middle] != "A" else "B"
    changed = CompactionItem(
        sealed.encrypted_content[:middle] + swapped + sealed.encrypted_content[middle + 1 :]
    )
    genuine = OpenRequest(items=result.items, model=model())
    tampered = OpenRequest(items=(*result.items[:-1], changed), model=model())

    texts = {
        await refused(compactor, genuine, "blue"),
        await refused(compactor, tampered, "red"),
    }

    assert len(texts) == 1
    assert compactor.count("opens_total", level="none", outcome="refused") == 2


@pytest.mark.requirement("compaction:envelope:rotation")
async def test_items_of_the_old_key_open_after_a_rotation_and_not_after_its_retirement(
    tmp_path: Path,
) -> None:
    old, new = "b2xk" * 10 + "b2w=", "bmV3" * 10 + "bmU="
    keys = tmp_path / "keys"
    keys.write_text(f"k1 {old}\n")
    async with running_compactor(sealing_keys_file=keys) as before:
        result = await before.compact(explicit())
    request = OpenRequest(items=result.items, model=model())

    keys.write_text(f"k1 {old}\nk2 {new}\n")
    async with running_compactor(sealing_keys_file=keys) as rotated:
        assert (await rotated.open(request)).level == "extractive"

    keys.write_text(f"k1 {old} retired\nk2 {new}\n")
    async with running_compactor(sealing_keys_file=keys) as retired:
        await refused(retired, request, "red")


@pytest.mark.requirement("compaction:continues-elsewhere")
async def test_an_item_of_one_backend_continues_on_another(compactor: RunningCompactor) -> None:
    result = await compactor.compact(explicit())
    other = ModelSpec(
        name="other",
        provider=ProviderSpec(name="b", kind="anthropic", base_url="http://127.0.0.1:1"),
        upstream_model="claude",
        context_window_tokens=8_000,
    )

    opened = await compactor.open(OpenRequest(items=result.items, model=other))

    assert opened.level == "extractive"
    assert 0 < opened.tokens <= 8_000
    assert ITEMS[0] in opened.items
    assert ITEMS[-1] in opened.items


async def test_no_team_no_items_and_no_token_are_refused(compactor: RunningCompactor) -> None:
    with pytest.raises(RemoteError, match="no team"):
        await compactor.compact(explicit(), tenant_id="")
    with pytest.raises(RemoteError, match="nothing to compact"):
        await compactor.compact(explicit(()))
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{compactor.url}{OPEN_COMPACTION.path}", data=b"{}") as response,
    ):
        assert response.status == 401


# ------------------------------------------------------------------------------------- with vendors


def simulated(vendor: SimulatorClient, profile: str = "", **changed: object) -> ModelSpec:
    url = vendor.profiled_url(profile) if profile else vendor.base_url
    provider = ProviderSpec(
        name="sim", kind="openai-compatible", base_url=url, max_attempts=1, idle_timeout_s=1.0,
        first_byte_timeout_s=1.0,
    )  # fmt: skip
    return msgspec.structs.replace(model(provider=provider), **changed)  # pyright: ignore[reportArgumentType]


def responding(vendor: SimulatorClient) -> ModelSpec:
    """The same as a vendor that compacts by itself."""
    spec = simulated(vendor, dialects=("chat", "responses"))
    return msgspec.structs.replace(
        spec, provider=msgspec.structs.replace(spec.provider, kind="openai")
    )


SUMMARISED = CompactionSpec(level="summary", threshold_tokens=3_000, target_ratio=0.1)


async def test_a_summary_is_made_booked_and_stated(
    compactor: RunningCompactor, vendor: SimulatorClient
) -> None:
    request = automatic(spec=SUMMARISED, model=simulated(vendor), expand=True)

    result = await compactor.compact(request)

    assert result.level == "summary"
    assert "Summary:" in text_of(result.window)
    assert [call.phase for call in result.calls] == ["compact"]
    records = await vendor.record()
    assert len(records) == 1
    assert result.usage.input_tokens > 0
    assert compactor.count("summariser_tokens_total", level="summary", direction="in") > 0


@pytest.mark.requirement("compaction:levels:fall-through")
@pytest.mark.parametrize(
    "fault",
    ["400", "401", "429", "500", "503", "hang", "reset", "malformed", "truncated", "empty",
     "error_body_200", "content_filter", "reply=I%20am%20sorry"],
)  # fmt: skip
async def test_any_fault_of_the_summariser_leads_to_the_level_below(
    compactor: RunningCompactor, vendor: SimulatorClient, fault: str
) -> None:
    profile = fault if "=" in fault else f"fault={fault}"

    result = await compactor.compact(automatic(spec=SUMMARISED, model=simulated(vendor, profile)))

    assert result.level == "extractive"
    (failure,) = result.fallbacks
    assert failure.level == "summary"
    assert failure.reason.replace("_", "").isalnum()
    assert result.tokens_after < result.tokens_before
    labels = {"level": "summary", "reason": failure.reason}
    assert compactor.count("level_failures_total", **labels) == 1


@pytest.mark.requirement("compaction:levels:fall-through")
async def test_an_inflated_summary_leads_to_the_level_below(
    compactor: RunningCompactor, vendor: SimulatorClient
) -> None:
    endless = "## Goal\n## Progress\n" + "very long words " * 4000
    await vendor.add_rules({"profile": {"reply": endless}})

    result = await compactor.compact(automatic(spec=SUMMARISED, model=simulated(vendor)))

    assert result.level == "extractive"
    assert result.fallbacks[0].reason == "inflated"


@pytest.mark.requirement("compaction:native:untouched")
async def test_a_native_compaction_serves_its_vendor_and_its_portable_part_the_others(
    compactor: RunningCompactor, vendor: SimulatorClient
) -> None:
    native = responding(vendor)
    result = await compactor.compact(explicit(model=native, spec=CompactionSpec(level="native")))
    name, value = next(iter(VALUES.items()))
    items = (*result.items, user(f"What is the value of {name}?"))

    there = await compactor.open(OpenRequest(items=items, model=native))
    elsewhere = await compactor.open(OpenRequest(items=items, model=model()))

    assert result.level == there.level == "native"
    assert [getattr(item, "item_type", "") for item in there.items].count("compaction") == 1
    assert elsewhere.level == "extractive"
    assert "native_left" in elsewhere.signals
    assert f"{name} is {value}" in text_of(elsewhere.items)
    assert result.usage.input_tokens > 0


@pytest.mark.requirement("compaction:levels:fall-through")
async def test_a_native_compaction_that_fails_leads_to_a_summary(
    compactor: RunningCompactor, vendor: SimulatorClient
) -> None:
    await vendor.add_rules({"match": {"kind": "compact"}, "profile": {"fault": "500"}})
    native = responding(vendor)

    result = await compactor.compact(explicit(model=native, spec=CompactionSpec(level="native")))

    assert result.level == "summary"
    assert [failure.level for failure in result.fallbacks] == ["native"]


async def test_without_money_no_vendor_is_asked(
    compactor: RunningCompactor, vendor: SimulatorClient
) -> None:
    result = await compactor.compact(
        automatic(spec=SUMMARISED, model=simulated(vendor), max_usd=0.0)
    )

    assert result.level == "extractive"
    assert result.fallbacks[0].reason == "budget"
    assert await vendor.record() == []


@pytest.mark.requirement("compaction:cache:single-flight")
@pytest.mark.requirement("compaction:bill-once")
async def test_concurrent_identical_requests_make_one_call_and_one_bill(
    compactor: RunningCompactor, vendor: SimulatorClient
) -> None:
    request = automatic(spec=SUMMARISED, model=simulated(vendor, "ttft=200"))

    results = await asyncio.gather(*(compactor.compact(request) for _ in range(5)))
    repeated = await compactor.compact(request)

    assert len(await vendor.record()) == 1
    assert {result.compaction for result in results} == {repeated.compaction}
    assert sorted(len(result.calls) for result in results) == [0, 0, 0, 0, 1]
    assert repeated.calls == ()
    assert repeated.reused


async def test_another_team_shares_nothing(
    compactor: RunningCompactor, vendor: SimulatorClient
) -> None:
    request = automatic(spec=SUMMARISED, model=simulated(vendor))

    red = await compactor.compact(request, tenant_id="red")
    blue = await compactor.compact(request, tenant_id="blue")

    assert len(await vendor.record()) == 2
    assert red.compaction != blue.compaction


@pytest.mark.requirement("compaction:cache:single-flight")
async def test_the_vendors_call_ends_when_the_last_caller_hangs_up(
    compactor: RunningCompactor, vendor: SimulatorClient
) -> None:
    slow = simulated(vendor, "ttft=20000")
    slow = msgspec.structs.replace(
        slow, provider=msgspec.structs.replace(slow.provider, first_byte_timeout_s=30.0)
    )
    request = automatic(spec=SUMMARISED, model=slow)
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        callers = [group.create_task(compactor.compact(request)) for _ in range(2)]
        await _active(vendor, 1)
        callers[0].cancel()
        await asyncio.wait([callers[0]])
        assert (await vendor.count())["active"] == 1
        callers[1].cancel()
        await _active(vendor, 0)


async def _active(vendor: SimulatorClient, wanted: int) -> None:
    """Wait until the vendor works on so many requests; the test's timeout bounds it."""
    while (await vendor.count())["active"] != wanted:  # noqa: ASYNC110 - another process's state
        await asyncio.sleep(0.01)


@pytest.mark.slow
@pytest.mark.requirement("compaction:summary:incremental")
async def test_a_chain_reads_only_what_is_new(
    compactor: RunningCompactor, vendor: SimulatorClient
) -> None:
    request = automatic(spec=SUMMARISED, model=simulated(vendor))
    first = await compactor.compact(request)
    await vendor.clear()
    later = planted_conversation(50, facts=3, seed=5)[0]

    second = await compactor.compact(
        automatic((*first.items, *later), spec=SUMMARISED, model=simulated(vendor))
    )

    assert second.level == "summary"
    billed = sum(call.usage.input_tokens for call in second.calls)
    assert 0 < billed < first.usage.input_tokens


@pytest.mark.slow
@pytest.mark.requirement("compaction:stateless-reuse")
async def test_a_client_that_sends_everything_again_pays_for_its_beginning_once(
    compactor: RunningCompactor, vendor: SimulatorClient
) -> None:
    request = automatic(spec=SUMMARISED, model=simulated(vendor), expand=True)
    first = await compactor.compact(request)
    again = (*ITEMS, assistant("Sure."), user("And then?"))

    second = await compactor.compact(
        automatic(again, spec=SUMMARISED, model=simulated(vendor), expand=True)
    )

    assert second.reused
    assert second.noop == "below_threshold"
    assert second.compaction == first.compaction
    assert second.items[-2:] == again[-2:]
    assert second.window[-1] == user("And then?")
    assert len(await vendor.record()) == 1


OFTEN = CompactionSpec(level="extractive", threshold_tokens=1_500, target_ratio=0.04)


@pytest.mark.slow
@pytest.mark.requirement("compaction:guarantee:verbatim")
async def test_ten_generations_keep_what_must_stay_verbatim(compactor: RunningCompactor) -> None:
    rules = system("Be brief.\n  And exact: é, 学.")
    items: tuple[Item, ...] = (rules, *MESSAGES)
    last = user("")
    for generation in range(10):
        last = user(f"Question {generation}: naïve «quoted»?")
        items = (*items, assistant("Fine. " * 300), last)
        result = await compactor.compact(automatic(items, pinned=("Never say £5.",)))
        assert result.level == "extractive", result.noop
        items = result.items

    opened = await compactor.open(OpenRequest(items=items, model=model(), budget_tokens=1500))

    assert opened.items[0] == rules
    assert last in opened.items
    assert text_of(opened.items).count("Never say £5.") == 1


@pytest.mark.slow
async def test_ten_compactions_forget_no_planted_fact(compactor: RunningCompactor) -> None:
    items: tuple[Item, ...] = ()
    values: dict[str, str] = {}
    for generation in range(10):
        messages, planted = planted_conversation(12, facts=2, seed=generation)
        renamed = {f"G{generation}_{name}": value for name, value in planted.items()}
        for name, value in planted.items():
            messages = [
                _renamed(message, f"{name} is {value}", f"G{generation}_{name} is {value}")
                for message in messages
            ]
        values |= renamed
        items = (*items, *messages, user("Go on."))
        result = await compactor.compact(automatic(items, spec=OFTEN, force=True))
        assert result.compaction is not None, (generation, result.noop)
        items = result.items

    for name, value in list(values.items())[::3]:
        question = user(f"What is the value of {name}?")
        opened = await compactor.open(
            OpenRequest(items=(*items, question), model=model(), budget_tokens=1600)
        )
        assert f"{name} is {value}" in text_of(opened.items), name


def _renamed(message: Message, old: str, new: str) -> Message:
    text = text_of((message,)).replace(old, new)
    return user(text) if message.role == "user" else assistant(text)


@pytest.mark.requirement("compaction:guarantee:half-free")
async def test_a_window_that_cannot_be_half_free_says_so(compactor: RunningCompactor) -> None:
    rules = system("All of these rules are important. " * 700)
    small = model(8_000)

    result = await compactor.compact(automatic((rules, *MESSAGES, user("Go.")), model=small))

    assert result.compaction is not None
    assert "half_window_not_free" in result.signals
    assert "budget_raised" in result.signals


@pytest.mark.slow
async def test_chats_of_people_survive_the_whole_way(compactor: RunningCompactor) -> None:
    messages, facts = written_chat("friends_c")
    items = (*messages, user("Thanks!"))
    result = await compactor.compact(automatic(items, target_tokens=800, force=True))

    found = 0
    for fact in facts:
        opened = await compactor.open(
            OpenRequest(
                items=(*result.items, user(fact.question)), model=model(), budget_tokens=800
            )
        )
        found += fact.words in text_of(opened.items)

    assert found >= 0.8 * len(facts)
