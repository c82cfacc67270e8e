"""One compaction made."""

from __future__ import annotations

import itertools
import os
from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from compactor.blobs import MemoryBlobs
from compactor.calls import CallCounter
from compactor.envelope import Envelope
from compactor.guarantees import (
    ends_well,
    last_user_message,
    lost_messages,
    orphans,
    same_message,
    with_merged_roles,
    without_orphans,
)
from compactor.keys import FixedRing, KeyRing, MasterKey
from compactor.making import Bill, Limits, Made, Maker, Material
from compactor.metrics import CompactorMetrics
from compactor.opening import Opener
from compactor.payload import NativePart
from compactor.sections import split_at_compaction, without_standing
from compactor.strategies.native import (
    NativeCompaction,
    NativeJob,
    NativeSupport,
    affinity_of,
)
from compactor.vault import Vault
from model_providers.token_estimate import estimate_items
from service_kit.testing import FakeClock
from services.compactor.tests.conversations import (
    EXTRACTIVE,
    assistant,
    call,
    histories,
    model,
    planted_conversation,
    result,
    system,
    text_of,
    user,
)
from services.compactor.tests.running import context
from services.compactor.tests.strategies.test_summary import Models
from wire.compaction import CompactionMode, CompactRequest, LevelFailure, OpenRequest
from wire.conversation import CompactionItem, Item, Message, Usage
from wire.specs import CompactionSpec, ModelSpec, Prices

if TYPE_CHECKING:
    from collections.abc import Sequence

    from model_providers.calls import CallObserver

# Of the slow suite; 10,000 take two minutes and a half.
_FUZZED_HISTORIES = int(os.environ.get("COMPACTOR_FUZZED_HISTORIES", "2000"))  # noqa: TID251
CLOCK = FakeClock()
ITEMS: tuple[Item, ...] = (system("Be brief."), *planted_conversation(60)[0], user("Go on."))


class Vendor(NativeCompaction):
    """Compacts natively to so many tokens, and remembers what it was given."""

    def __init__(self, output_tokens: int) -> None:
        support = NativeSupport(CLOCK, lambda _place, _offered: None)
        super().__init__(lambda _provider: None, CLOCK, support, CallCounter(CompactorMetrics()))
        self._output_tokens = output_tokens
        self.given: list[Sequence[Item]] = []

    async def compact(
        self,
        job: NativeJob,
        observer: CallObserver,  # noqa: ARG002 - nothing is sent
    ) -> tuple[NativePart, Usage]:
        self.given.append(job.items)
        sealed = msgspec.Raw(b'{"type":"compaction","encrypted_content":"gAAAA"}')
        return NativePart(affinity_of(job.model), (sealed,)), Usage(500, self._output_tokens)


class Workshop:
    def __init__(
        self, models: Models | None = None, native: NativeCompaction | None = None
    ) -> None:
        envelope = Envelope(FixedRing(KeyRing([MasterKey("k1", b"m" * 32)])))
        blobs = MemoryBlobs(CLOCK, ttl_s=1e6, max_bytes=10**9)
        self.models = models or Models()
        self.opener = Opener(Vault(envelope, blobs, CLOCK))
        support = NativeSupport(CLOCK, lambda _place, _offered: None)
        counter = CallCounter(CompactorMetrics())
        self.maker = Maker(
            self.opener,
            self.models,
            native or NativeCompaction(lambda _provider: None, CLOCK, support, counter),
            CLOCK,
            Limits(summary_timeout_s=60, native_timeout_s=60),
        )

    async def make(
        self,
        items: tuple[Item, ...],
        budget: int,
        *,
        mode: CompactionMode = "automatic",
        left_s: float = 60.0,
        **request: object,
    ) -> Made:
        values: dict[str, object] = {
            "items": items, "model": model(), "mode": mode, "spec": EXTRACTIVE, **request,
        }  # fmt: skip
        wanted = CompactRequest(**values)  # pyright: ignore[reportArgumentType]
        parts = split_at_compaction(items)
        parent = None
        if parts.sealed is not None:
            parent = await self.opener.unseal(parts.sealed, tenant_id="red")
        called = context("red", left_s)
        deadline = called.deadline.after(left_s, now_s=CLOCK.monotonic_s())
        before = 0 if parent is None else parent.payload.tokens_after
        return await self.maker.make(
            Material(
                request=wanted,
                parts=parts,
                parent=None if parent is None else parent.payload,
                parent_hash=b"" if parent is None else parent.header.content_hash,
                tokens_before=before + estimate_items(parts.after),
                budget_tokens=budget,
                context=type(called)("red", "req", deadline),
            )
        )

    async def opened(
        self, made: Made, budget: int | None = None, window_tokens: int = 32_000
    ) -> tuple[Item, ...]:
        assert made.compaction is not None
        request = OpenRequest(
            items=(*made.kept, made.compaction), model=model(window_tokens), budget_tokens=budget
        )
        return (await self.opener.open(request, tenant_id="red")).items


async def test_a_compaction_fits_its_budget_and_keeps_what_must_stay() -> None:
    shop = Workshop()

    made = await shop.make(ITEMS, 900)

    assert made.level == "extractive"
    assert made.tokens_after <= 900
    assert made.kept == (system("Be brief."), user("Go on."))
    window = await shop.opened(made, 900)
    assert estimate_items(window) <= 900
    assert lost_messages(ITEMS, window) == []


async def test_a_tool_loop_under_way_keeps_its_last_pairs_whole() -> None:
    loop = [
        part
        for n in range(30)
        for part in (call(f"c{n}"), result(f"c{n}", f"row {n} says A{n:04d} " * 12))
    ]
    items = (user("Count the rows."), *loop)

    shop = Workshop()
    made = await shop.make(items, 900)
    window = await shop.opened(made, 900)

    assert window[-1] == loop[-1]
    assert user("Count the rows.") in window
    assert orphans(window) == []


@pytest.mark.slow
async def test_pinned_words_and_standing_instructions_are_carried_along() -> None:
    shop = Workshop()
    items = (user("From now on answer in French."), *ITEMS)

    made = await shop.make(items, 900, pinned=("Ticket T-77",))
    assert made.compaction is not None
    again = await shop.make((*made.kept, made.compaction, *ITEMS[1:]), 900)
    text = text_of(await shop.opened(again, 900))

    assert "- From now on answer in French." in text
    assert "- Ticket T-77" in text


async def test_what_fits_needs_no_model() -> None:
    models = Models()

    made = await Workshop(models).make(
        (user("Hi"), assistant("Hello"), user("Bye")), 5_000, mode="explicit",
        spec=CompactionSpec(),
    )  # fmt: skip

    assert models.asked == []
    assert (made.level, made.noop) == ("extractive", "not_smaller")


@pytest.mark.requirement("compaction:guarantee:never-more")
async def test_an_item_opens_to_what_it_was_made_for_however_wide_the_window_is() -> None:
    """A client that compacts near its own limit must not get everything back with the item."""
    shop = Workshop()

    made = await shop.make(ITEMS, 900, mode="explicit")
    window = await shop.opened(made, window_tokens=1_000_000)

    assert estimate_items(window) <= 900


@pytest.mark.requirement("compaction:guarantee:never-more")
async def test_what_is_too_short_to_be_told_shorter_opens_unchanged_again_and_again() -> None:
    shop = Workshop()
    said: tuple[Item, ...] = (system("Be kind."), user("Hi"), assistant("Hello, Ada."))
    made = await shop.make(said, 5_000, mode="explicit")

    for turn in range(3):
        assert made.compaction is not None
        assert (made.noop, await shop.opened(made)) == ("not_smaller", said)
        more = (user(f"And {turn}?"), assistant("Sure."))
        said = (*said, *more)
        made = await shop.make((*made.kept, made.compaction, *more), 5_000, mode="explicit")


@pytest.mark.requirement("compaction:guarantee:never-more")
async def test_a_level_whose_result_is_not_smaller_is_refused() -> None:
    rambling = Models("## Goal\nGo on.\n## Progress\n" + "many words " * 2_000)

    made = await Workshop(rambling).make(
        ITEMS, 1_500, mode="explicit", spec=CompactionSpec(level="summary")
    )

    assert made.fallbacks == (LevelFailure("summary", "inflated"),)
    assert (made.level, made.noop) == ("extractive", None)
    assert rambling.asked[0].request.sampling.max_output_tokens is not None
    assert rambling.asked[0].request.sampling.max_output_tokens <= 1_500


def vendors_model() -> ModelSpec:
    spec = msgspec.structs.replace(model(), dialects=("responses",))
    return msgspec.structs.replace(
        spec, provider=msgspec.structs.replace(spec.provider, kind="openai")
    )


@pytest.mark.requirement("compaction:guarantee:verbatim")
async def test_a_vendor_is_not_given_the_instructions_to_fold() -> None:
    vendor = Vendor(200)

    made = await Workshop(native=vendor).make(
        ITEMS, 1_500, mode="explicit", model=vendors_model(), spec=CompactionSpec()
    )

    assert (made.level, made.item_tokens) == ("native", 200)
    assert tuple(vendor.given[0]) == ITEMS[1:]
    assert made.kept[0] == system("Be brief.")


@pytest.mark.requirement("compaction:guarantee:never-more")
async def test_a_vendors_item_that_is_not_smaller_is_refused() -> None:
    vendor = Vendor(estimate_items(ITEMS))

    made = await Workshop(native=vendor).make(
        ITEMS, 1_500, mode="explicit", model=vendors_model(), spec=CompactionSpec()
    )

    assert made.fallbacks[0] == LevelFailure("native", "not_smaller")
    assert made.level == "summary"


async def test_an_item_counts_as_what_it_adds_to_the_window() -> None:
    made = await Workshop().make(ITEMS, 900)

    assert made.compaction is not None
    assert estimate_items([made.compaction]) == made.item_tokens
    assert made.item_tokens + estimate_items([system("Be brief.")]) == made.tokens_after


async def test_an_automatic_compaction_that_gains_nothing_is_none() -> None:
    made = await Workshop().make((user("Hi"), assistant("Hello"), user("Bye")), 5_000)

    assert (made.level, made.noop, made.compaction) == ("none", "not_smaller", None)


@pytest.mark.slow
async def test_a_summary_covers_the_folded_turns_and_is_updated_later() -> None:
    models = Models()
    shop = Workshop(models)
    spec = CompactionSpec(level="summary")

    first = await shop.make(ITEMS, 1_500, spec=spec)
    assert first.compaction is not None
    later = planted_conversation(40, seed=4)[0]
    second = await shop.make((*first.kept, first.compaction, *later), 1_500, spec=spec)

    assert (first.level, second.level) == ("summary", "summary")
    read = models.texts()[-1]
    assert "<previous-summary>\n## Goal" in read
    assert text_of((ITEMS[1],)) not in read
    assert text_of((later[0],)) in read


async def test_without_time_no_model_is_asked() -> None:
    models = Models()

    made = await Workshop(models).make(
        ITEMS, 1_500, left_s=3.0, spec=CompactionSpec(level="summary")
    )

    assert models.asked == []
    assert (made.level, made.fallbacks[0].reason) == ("extractive", "no_time")


@pytest.mark.parametrize(("max_usd", "level"), [(0.0, "extractive"), (1e-6, "extractive"),
                                                (1.0, "summary")])  # fmt: skip
async def test_a_summary_that_may_cost_more_than_allowed_is_not_made(
    max_usd: float, level: str
) -> None:
    prices = Prices(input_usd_per_mtok=3.0, output_usd_per_mtok=15.0)
    priced = msgspec.structs.replace(model(), prices=prices)

    made = await Workshop().make(
        ITEMS, 1_500, spec=CompactionSpec(level="summary"), model=priced, max_usd=max_usd
    )

    assert made.level == level


async def test_no_room_for_a_summary_means_none() -> None:
    made = await Workshop().make(ITEMS, 320, spec=CompactionSpec(level="summary"))

    assert made.fallbacks[0].reason == "no_room"


@pytest.mark.requirement("compaction:bill-once")
def test_a_bill_is_taken_once() -> None:
    bill = Bill(())

    assert bill.take() == bill.take() == bill.calls == ()


# -------------------------------------------------------------------------------- any history


_any_history = given(
    histories(60), st.integers(1, 1_500), st.sampled_from(["automatic", "explicit"])
)


@_any_history
@settings(max_examples=50, suppress_health_check=[HealthCheck.too_slow])
@pytest.mark.requirement("compaction:guarantee:budget")
@pytest.mark.requirement("compaction:guarantee:second-pass")
@pytest.mark.requirement("compaction:guarantee:whole-tool-pairs")
@pytest.mark.requirement("compaction:guarantee:verbatim")
@pytest.mark.requirement("compaction:guarantee:never-more")
async def test_every_history_keeps_every_guarantee(
    items: tuple[Item, ...], budget: int, mode: CompactionMode
) -> None:
    await _check_guarantees(items, budget, mode)


@_any_history
@settings(max_examples=_FUZZED_HISTORIES, suppress_health_check=[HealthCheck.too_slow])
@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.requirement("compaction:guarantee:budget")
async def test_thousands_of_histories_keep_every_guarantee(
    items: tuple[Item, ...], budget: int, mode: CompactionMode
) -> None:
    """Each is compacted, opened, opened in a wide window, and compacted again."""
    await _check_guarantees(items, budget, mode)


async def _check_guarantees(items: tuple[Item, ...], budget: int, mode: CompactionMode) -> None:
    shop = Workshop()

    made = await shop.make(items, budget, mode=mode)

    if made.compaction is None:
        assert made.noop == "not_smaller"
        return
    window = await shop.opened(made, budget)
    _check_window(items, window)
    if made.noop is None:
        assert made.tokens_after < estimate_items(items)
        assert made.tokens_after <= budget or "budget_raised" in made.signals
        assert estimate_items(window) <= budget or "budget_raised" in made.signals
        alternating = with_merged_roles(window)
        assert all(
            earlier.role != later.role or earlier.role not in {"user", "assistant"}
            for earlier, later in itertools.pairwise(alternating)
            if isinstance(earlier, Message) and isinstance(later, Message)
        )
    in_a_wide_window = await shop.opened(made, window_tokens=1_000_000)
    assert estimate_items(in_a_wide_window) <= estimate_items(items)
    if mode == "explicit":
        messages = [item for item in items if isinstance(item, Message)]
        assert list(made.kept) == [item for item in messages if item.role != "assistant"]
    again = await shop.make((*made.kept, made.compaction), budget, mode=mode)
    assert again.noop == "not_smaller" or again.tokens_after <= made.tokens_after


def _check_window(items: tuple[Item, ...], window: tuple[Item, ...]) -> None:
    assert orphans(window) == []
    assert lost_messages(items, window) == []
    assert not any(isinstance(item, CompactionItem) for item in window)
    own_end = without_standing(without_orphans(items))
    assert ends_well(window, own_end)
    last = last_user_message(items)
    if last is not None:
        shown = [item for item in window if isinstance(item, Message)]
        assert any(same_message(item, last) for item in shown)
