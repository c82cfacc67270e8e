"""When a run's conversation goes to the compactor, and what the run is made of it."""

import msgspec
import pytest

from orchestrator.context_budget import ContextBudget, Fitted, terms_of
from orchestrator.metrics import OrchestratorMetrics
from service_kit.call_context import CallContext
from service_kit.testing import FakeClock
from wire.compaction import CompactRequest, CompactResult
from wire.conversation import (
    Compacted,
    CompactionItem,
    GenerationRequest,
    Item,
    ItemDone,
    Sampling,
    Usage,
    user_text,
)
from wire.coordination import CallRecord, StartRun
from wire.deadline import Deadline
from wire.endpoints import Endpoint
from wire.errors import (
    DeadlineExceededError,
    InvalidRequestError,
    PlatformError,
    RemoteError,
    ServiceUnavailableError,
)
from wire.specs import AgentSpec, CompactionSpec, ModelSpec, PanelSpec, ProviderSpec, RunLimits

CONTEXT = CallContext("team-a", "req_1", Deadline(60))
SEALED = CompactionItem("cmp1.sealed")
SHORT = (user_text("hi"),)
LONG = (user_text("several words that count " * 2000), user_text("and now?"))
WINDOW_ITEMS = (user_text("what was said"), user_text("and now?"))


def model(name: str = "m", *, window: int = 10_000, **fields: object) -> ModelSpec:
    provider = ProviderSpec(name="p", kind="openai", base_url="http://x")
    made = ModelSpec(
        name=name, provider=provider, upstream_model=name, context_window_tokens=window
    )
    return msgspec.structs.replace(made, **fields)


def started(
    *models: ModelSpec,
    items: tuple[Item, ...] = LONG,
    threshold: int | None = None,
    **panel: object,
) -> StartRun:
    agents = tuple(AgentSpec(agent_id=f"a{n}", model=each) for n, each in enumerate(models))
    spec = PanelSpec(name="council", agents=agents, kind="panel" if len(models) > 1 else "model")
    return StartRun(
        run_id="run_1",
        request_id="req_1",
        tenant_id="team-a",
        key_id="key_1",
        public_model="council",
        panel=msgspec.structs.replace(spec, **panel),
        request=GenerationRequest(items=items, sampling=Sampling(max_output_tokens=500)),
        compact_threshold_tokens=threshold,
    )


def made(**fields: object) -> CompactResult:
    result = CompactResult(
        items=(user_text("and now?"), SEALED),
        level="summary",
        tokens_before=8000,
        tokens_after=900,
        budget_tokens=3000,
        compaction=SEALED,
        window=WINDOW_ITEMS,
    )
    return msgspec.structs.replace(result, **fields)


class Compactor:
    """Answers every request alike, and remembers what it was asked."""

    def __init__(self, answer: CompactResult | PlatformError) -> None:
        self._answer = answer
        self.asked: list[CompactRequest] = []

    async def call(
        self,
        endpoint: Endpoint[CompactRequest, CompactResult],
        request: CompactRequest,
        context: CallContext,
    ) -> CompactResult:
        assert (endpoint.name, context.tenant_id) == ("compact", "team-a")
        self.asked.append(request)
        if isinstance(self._answer, PlatformError):
            raise self._answer
        return self._answer


class Scene:
    def __init__(self, answer: CompactResult | PlatformError) -> None:
        self.compactor = Compactor(answer)
        self.metrics = OrchestratorMetrics()
        self.budget = ContextBudget(self.compactor, self.metrics, FakeClock())

    async def fit(self, start: StartRun) -> Fitted:
        return await self.budget.fit(start, CONTEXT)

    def counted(self, outcome: str) -> float:
        labels = {"panel": "council", "outcome": outcome}
        name = "conclave_orchestrator_compactions_total"
        return self.metrics.registry.get_sample_value(name, labels) or 0.0


@pytest.mark.requirement("compaction-doors:fit")
async def test_a_conversation_that_fits_is_nobody_elses_business() -> None:
    scene = Scene(made())
    start = started(model(), items=SHORT)

    fitted = await scene.fit(start)

    assert fitted == Fitted(start)
    assert scene.compactor.asked == []


@pytest.mark.requirement("compaction-doors:fit")
async def test_one_past_the_threshold_is_replaced_by_its_window() -> None:
    scene = Scene(made())

    fitted = await scene.fit(started(model(), model("wide", window=900_000)))

    (asked,) = scene.compactor.asked
    assert asked.model.context_window_tokens == 10_000
    assert (asked.mode, asked.expand, asked.force) == ("automatic", True, False)
    assert fitted.start.request.items == WINDOW_ITEMS
    assert fitted.start.compacted == Compacted("summary", 8000, 900)
    assert fitted.handed_out == ()
    assert scene.counted("made") == 1


@pytest.mark.requirement("compaction-doors:fit")
async def test_a_sealed_item_is_opened_however_short_the_conversation_is() -> None:
    scene = Scene(made(noop="below_threshold"))

    fitted = await scene.fit(started(model(), items=(SEALED, *SHORT)))

    assert fitted.start.request.items == WINDOW_ITEMS
    assert fitted.start.compacted is None
    assert scene.counted("opened") == 1


@pytest.mark.requirement("compaction-doors:fit")
async def test_what_is_switched_off_is_not_done() -> None:
    scene = Scene(made())

    await scene.fit(started(model(compaction=CompactionSpec(enabled=False))))

    assert scene.compactor.asked == []


async def test_a_beginning_that_was_compacted_before_is_said_to_be_reused() -> None:
    scene = Scene(made(noop="below_threshold", reused=True))

    fitted = await scene.fit(started(model()))

    assert fitted.start.compacted == Compacted("summary", 8000, 900, reused=True)
    assert scene.counted("reused") == 1


@pytest.mark.requirement("compaction-doors:context-management")
async def test_a_client_that_manages_its_context_is_handed_the_item() -> None:
    scene = Scene(made())
    disabled = model(window=900_000, compaction=CompactionSpec(enabled=False))

    fitted = await scene.fit(started(disabled, threshold=1000))

    (asked,) = scene.compactor.asked
    assert (asked.spec.enabled, asked.spec.threshold_tokens) == (True, 1000)
    assert fitted.handed_out == (ItemDone(SEALED),)


@pytest.mark.requirement("compaction-doors:context-management")
@pytest.mark.parametrize("noop", ["below_threshold", "hysteresis", "mid_turn"])
async def test_an_item_that_stands_for_a_part_only_is_not_handed_out(noop: str) -> None:
    scene = Scene(made(noop=noop, reused=True))

    fitted = await scene.fit(started(model(), threshold=1000))

    assert fitted.handed_out == ()


@pytest.mark.requirement("compaction-doors:portable")
def test_a_panel_reads_nothing_that_only_one_vendor_could() -> None:
    narrow, wide = model("narrow"), model("wide", window=900_000)

    of_panel, of_model = terms_of(started(wide, narrow)), terms_of(started(narrow))

    assert of_model.reader == narrow
    assert of_panel.reader.provider.name != narrow.provider.name
    assert of_panel.reader.context_window_tokens == narrow.context_window_tokens
    assert of_panel.spec.summariser == wide


def test_answers_never_take_more_than_half_of_the_window() -> None:
    many = terms_of(started(*[model(f"m{n}") for n in range(12)], max_answer_tokens=4000))

    assert many.reserved_tokens == 5000


@pytest.mark.requirement("compaction-doors:once-per-run")
async def test_what_it_cost_is_the_runs_to_book_and_off_its_budget() -> None:
    call = CallRecord(
        call_id="c", attempt=1, agent_id="compactor", phase="compact", provider="p", model="m",
        upstream_model="m", status="completed", usage=Usage(10, 10), basis="reported",
        started_ms=0, ended_ms=5, cost_nano_usd=250_000_000,
    )  # fmt: skip
    scene = Scene(made(calls=(call,)))

    fitted = await scene.fit(started(model(), limits=RunLimits(max_usd=1.0)))

    (asked,) = scene.compactor.asked
    assert fitted.calls == (call,)
    assert (asked.max_usd, fitted.start.max_usd) == (1.0, 0.75)


@pytest.mark.requirement("compaction-doors:degrade")
async def test_without_the_compactor_the_conversation_goes_on_as_it_is() -> None:
    scene = Scene(ServiceUnavailableError("away"))
    start = started(model())

    fitted = await scene.fit(start)

    assert fitted == Fitted(start)
    assert scene.counted("unavailable") == 1


@pytest.mark.requirement("compaction-doors:degrade")
async def test_without_the_compactor_a_sealed_conversation_cannot_go_on() -> None:
    scene = Scene(ServiceUnavailableError("away"))

    with pytest.raises(ServiceUnavailableError):
        await scene.fit(started(model(), items=(SEALED, *SHORT)))


@pytest.mark.requirement("compaction-doors:sealed")
@pytest.mark.parametrize(
    "error",
    [
        RemoteError(InvalidRequestError("no", code="invalid_encrypted_content").info()),
        DeadlineExceededError("late"),
    ],
)
async def test_what_is_wrong_with_an_item_or_the_time_is_told(error: PlatformError) -> None:
    scene = Scene(error)

    with pytest.raises(type(error)):
        await scene.fit(started(model(), items=(SEALED, *SHORT)))


@pytest.mark.requirement("compaction-doors:overflow")
async def test_after_an_overflow_the_window_is_what_was_found_too_long() -> None:
    scene = Scene(made())

    fitted = await scene.budget.shrink(started(model(window=900_000)), CONTEXT)

    (asked,) = scene.compactor.asked
    assert fitted is not None
    assert fitted.start.request.items == WINDOW_ITEMS
    assert asked.force
    assert 5000 < asked.model.context_window_tokens < 20_000
    assert scene.counted("overflow") == 1


@pytest.mark.requirement("compaction-doors:overflow")
async def test_what_has_been_compacted_or_cannot_be_stays_as_it_is() -> None:
    before = msgspec.structs.replace(started(model()), compacted=Compacted("summary", 2, 1))

    assert await Scene(made()).budget.shrink(before, CONTEXT) is None
    assert await Scene(made(noop="not_smaller")).budget.shrink(started(model()), CONTEXT) is None
