"""One call: what is asked of the model, and the one event that comes back."""

import asyncio
from collections.abc import AsyncGenerator, Callable

import msgspec
import pytest

from model_providers.calls import CallObserver
from model_providers.provider import ModelCall
from orchestrator.agents.answer_checks import answer_check
from orchestrator.coordination.commands import Brief, StartCall
from orchestrator.coordination.events import (
    BallotReturned,
    CallCancelled,
    CallFailed,
    CallFinished,
    DeliveryBegan,
    Input,
)
from orchestrator.driver.call_ledger import CallLedger
from orchestrator.driver.call_runner import CallRunner, RunScope
from services.orchestrator.tests.driver.test_call_ledger import journal_as_writer
from services.orchestrator.tests.driver.test_planning import started
from wire.conversation import AnswerEvent, ChoiceFinished, ResponseFormat, TextDelta
from wire.deadline import Deadline
from wire.errors import UpstreamTimeoutError
from wire.ids import CallId
from wire.specs import AgentSpec, Capabilities, ModelSpec, PanelSpec, ProviderSpec

MODEL = ModelSpec(
    name="m",
    provider=ProviderSpec(name="p", kind="openai", base_url="http://x"),
    upstream_model="m",
)
BALLOT = '{"ranking":["A"],"approve":[],"reason":"r","refined_answer":"%s"}'


class Scene:
    """A runner with a scripted model; `events` is what the core was told."""

    def __init__(
        self,
        script: Callable[[ModelCall], AsyncGenerator[AnswerEvent]],
        *,
        model: ModelSpec = MODEL,
        checked: bool = False,
    ) -> None:
        self.events: list[Input] = []
        self.pushed: list[AnswerEvent] = []
        self.calls: list[ModelCall] = []
        self._script = script
        panel = PanelSpec(
            name="c",
            agents=(AgentSpec(agent_id="ada", model=model), AgentSpec(agent_id="bob", model=model)),
        )
        start = started(panel)
        ledger = CallLedger(start, journal_as_writer(), admitted_s=0)
        check = answer_check(ResponseFormat("json_object")) if checked else None
        self.runner = CallRunner(
            self,
            ledger,
            RunScope(
                start=start,
                deadline=Deadline(1e9),
                check=check,
                traceparent="trace",
                now_ms=lambda: 5,
                post=self.events.append,
                push=self.pushed.append,
                call_id=lambda call: CallId(f"call-{call}"),
            ),
        )

    def stream(
        self,
        call: ModelCall,
        *,
        observer: CallObserver | None = None,  # noqa: ARG002 - the ledger is not asked here
    ) -> AsyncGenerator[AnswerEvent]:
        self.calls.append(call)
        return self._script(call)

    async def perform(self, brief: Brief) -> Input:
        await self.runner.perform(StartCall(1, "ada", brief, 100))
        return self.events[-1]


def says(*texts: str) -> Callable[[ModelCall], AsyncGenerator[AnswerEvent]]:
    async def script(_: ModelCall) -> AsyncGenerator[AnswerEvent]:
        for text in texts:
            yield TextDelta(text)
        yield ChoiceFinished("stop")

    return script


async def test_an_answer_comes_back_whole() -> None:
    scene = Scene(says("hel", "lo"))

    event = await scene.perform(Brief("answer"))

    assert event == CallFinished(5, 1, "hello")
    assert scene.pushed == []
    (call,) = scene.calls
    assert (call.agent_id, call.phase, call.traceparent, call.stream) == (
        "ada",
        "answer",
        "trace",
        True,
    )


async def test_a_live_call_is_passed_on_and_says_when_it_begins() -> None:
    scene = Scene(says("hel", "lo"))

    await scene.perform(Brief("present", live="text"))

    assert scene.pushed == [TextDelta("hel"), TextDelta("lo"), ChoiceFinished("stop")]
    assert [type(event) for event in scene.events] == [DeliveryBegan, CallFinished]


async def test_a_ballot_comes_back_read_and_is_asked_for_whole() -> None:
    scene = Scene(says(BALLOT % "better"))

    event = await scene.perform(Brief("ballot"))

    assert isinstance(event, BallotReturned)
    assert event.paper is not None
    assert (event.paper.ranking, event.paper.refined_answer) == (("A",), "better")
    assert not scene.calls[0].stream


async def test_a_reasoning_models_ballot_is_streamed() -> None:
    reasoning = msgspec.structs.replace(MODEL, capabilities=Capabilities(reasoning=True))
    scene = Scene(says(BALLOT % "x"), model=reasoning)

    await scene.perform(Brief("ballot"))

    assert scene.calls[0].stream


@pytest.mark.requirement("coordination:ballots:repair")
async def test_what_is_no_ballot_says_why() -> None:
    event = await Scene(says("I like A")).perform(Brief("ballot"))

    assert event == BallotReturned(5, 1, None, "it holds no JSON object")


@pytest.mark.requirement("orchestrator:structured-output")
async def test_a_refined_answer_that_breaks_the_format_is_dropped_and_the_vote_kept() -> None:
    event = await Scene(says(BALLOT % "no JSON"), checked=True).perform(Brief("ballot"))

    assert isinstance(event, BallotReturned)
    assert event.paper is not None
    assert (event.paper.ranking, event.paper.refined_answer) == (("A",), None)


@pytest.mark.requirement("orchestrator:structured-output")
async def test_an_answer_is_checked_and_comes_back_without_its_fence() -> None:
    good = await Scene(says('```json\n{"a":1}\n```'), checked=True).perform(Brief("answer"))
    bad = await Scene(says("no"), checked=True).perform(Brief("answer"))

    assert isinstance(good, CallFinished)
    assert (good.text, good.invalid) == ('{"a":1}', None)
    assert isinstance(bad, CallFinished)
    assert bad.invalid is not None


async def test_a_typed_failure_comes_back_as_it_is_and_a_defect_as_ours() -> None:
    async def fails(_: ModelCall) -> AsyncGenerator[AnswerEvent]:
        yield TextDelta("x")
        raise UpstreamTimeoutError("slow", provider="p")

    async def crashes(_: ModelCall) -> AsyncGenerator[AnswerEvent]:
        yield TextDelta("x")
        raise ZeroDivisionError

    typed = await Scene(fails).perform(Brief("answer"))
    defect = await Scene(crashes).perform(Brief("answer"))

    assert isinstance(typed, CallFailed)
    assert typed.error.error_type == "provider_timeout"
    assert isinstance(defect, CallFailed)
    assert defect.error.status == 500


@pytest.mark.requirement("orchestrator:runs:hang-up")
async def test_a_cut_call_says_so_and_ends() -> None:
    closed = asyncio.Event()
    waiting = asyncio.Event()

    async def hangs(_: ModelCall) -> AsyncGenerator[AnswerEvent]:
        try:
            yield TextDelta("x")
            waiting.set()
            await asyncio.Event().wait()
        finally:
            closed.set()

    scene = Scene(hangs)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(scene.runner.perform(StartCall(1, "ada", Brief("answer"), 100)))
        async with asyncio.timeout(5):
            await waiting.wait()
        task.cancel()

    assert closed.is_set()
    assert scene.events == [CallCancelled(5, 1)]


async def test_an_ended_run_holds_nothing_of_the_conversation() -> None:
    scene = Scene(says("hello"))
    await scene.perform(Brief("answer"))

    scene.runner.forget()

    assert scene.runner._scope.start.request.items == ()
    assert scene.runner.call_id(1) is not None
