"""Background responses: stored first, encoded from their run's events, ended once."""

from __future__ import annotations

import json
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, cast

import pytest

from api_gateway.dialects.responses.decode import decode_body
from api_gateway.dialects.responses.head import decode_head
from api_gateway.dialects.responses.items import split_input
from api_gateway.dialects.responses.response_object import echo_of
from api_gateway.lanes import background
from api_gateway.lanes.background import (
    START_GRACE_S,
    BackgroundRequest,
    BackgroundResponses,
    Telling,
)
from api_gateway.stores.records import NewResponse, ResponseEnd, StoredResponse
from service_kit.internal_client import CallContext, InternalClient
from service_kit.testing import FakeClock
from wire.conversation import ChoiceFinished, GenerationRequest, TextDelta, Usage
from wire.coordination import RunEnded, RunRecord, RunStarted, StartRun
from wire.deadline import Deadline
from wire.endpoints import CANCEL_RUN, GET_RUN, START_RUN
from wire.errors import NotFoundError, RemoteError, ServiceUnavailableError, UpstreamError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from api_gateway.stores.protocols import ResponseStore
    from wire.coordination import RunEvent, RunStatus

CONTEXT = CallContext("team", "req_1", Deadline(1e9))
COMPLETED = RunEnded("completed", usage=Usage(30, 3), delivered_usage=Usage(10, 1))
WHOLE = (RunStarted("run_1"), TextDelta("Hel"), TextDelta("lo"), ChoiceFinished("stop"), COMPLETED)


def request_of(*, sums_usage: bool = False) -> BackgroundRequest:
    asked = {"model": "council", "input": "hi", "background": True}
    head = decode_head(json.dumps(asked).encode())
    body = decode_body(head, split_input(head.parameters.input))
    echo = echo_of(body, response_id="resp_1", created_unix_s=7, shows_reasoning=False)
    return BackgroundRequest(echo, sums_usage)


@dataclass
class Store:
    """One response, ended at most once."""

    saved: list[NewResponse] = field(default_factory=list[NewResponse])
    ends: list[ResponseEnd] = field(default_factory=list[ResponseEnd])
    deleted: list[str] = field(default_factory=list[str])

    async def save(self, response: NewResponse) -> None:
        self.saved.append(response)

    async def update(self, _tenant_id: str, _response_id: str, end: ResponseEnd) -> bool:
        self.ends.append(end)
        return len(self.ends) == 1

    async def get(self, _tenant_id: str, _response_id: str) -> StoredResponse | None:
        raise AssertionError("nobody reads here")

    async def delete(self, _tenant_id: str, response_id: str) -> bool:
        self.deleted.append(response_id)
        return True


class Named(Protocol):
    """An endpoint, as far as it matters here."""

    name: str


@dataclass
class Orchestrator:
    """Plays one run; `breaks`: how often its events end before their time."""

    status: RunStatus = "completed"
    events: tuple[RunEvent, ...] = WHOLE
    breaks: int = 0
    refuses: Exception | None = None
    knows_run: bool = True
    called: list[str] = field(default_factory=list[str])
    asked_after: list[int] = field(default_factory=list[int])

    async def call(self, endpoint: Named, _request: object, _context: object, **_: str) -> object:
        self.called.append(endpoint.name)
        if not self.knows_run:
            raise RemoteError(NotFoundError("no such run").info())
        return record(self.status)

    async def stream(
        self, endpoint: Named, _request: object, _context: object, *, after: int = 0, **_: str
    ) -> AsyncGenerator[RunEvent]:
        self.called.append(endpoint.name)
        if self.refuses is not None:
            raise self.refuses
        self.asked_after.append(after)
        cut = after + 2 if self.breaks > 0 else None
        self.breaks -= 1
        for event in self.events[after:cut]:
            yield event
        if cut is not None:
            raise ServiceUnavailableError("away")


def record(status: RunStatus) -> RunRecord:
    return RunRecord(
        run_id="run_1", request_id="req_1", tenant_id="team", key_id="key", public_model="council",
        panel="council", status=status, created_unix_s=7.0,
    )  # fmt: skip


@dataclass
class Scene:
    orchestrator: Orchestrator = field(default_factory=Orchestrator)
    store: Store = field(default_factory=Store)
    clock: FakeClock = field(default_factory=lambda: FakeClock(unix_s=100.0))

    @property
    def responses(self) -> BackgroundResponses:
        client = cast("InternalClient", self.orchestrator)
        return BackgroundResponses(client, cast("ResponseStore", self.store), self.clock)

    async def begun(self) -> StoredResponse:
        return await self.responses.begin(new_response(), request_of(), start_run(), CONTEXT)


def new_response() -> NewResponse:
    return NewResponse(
        response_id="resp_1", tenant_id="team", created_unix_s=7, model="council",
        status="completed", body=b"", input=(), streamed=True,
    )  # fmt: skip


def start_run() -> StartRun:
    return StartRun(
        run_id="run_1", request_id="req_1", tenant_id="team", key_id="key",
        public_model="council", panel=cast("Any", None), request=GenerationRequest(()),
    )  # fmt: skip


def text_of(body: bytes) -> str:
    return "".join(
        part["text"] for item in json.loads(body)["output"] for part in item.get("content", ())
    )


async def collected(frames: AsyncGenerator[bytes]) -> bytes:
    async with aclosing(frames):
        return b"".join([piece async for piece in frames])


@pytest.mark.requirement("background:create")
async def test_it_is_stored_as_queued_before_its_run_begins() -> None:
    scene = Scene()

    stored = await scene.begun()

    (kept,) = scene.store.saved
    assert (kept.status, kept.background, kept.run_id) == ("queued", True, "run_1")
    assert json.loads(stored.body)["status"] == "queued"
    assert scene.orchestrator.called == [START_RUN.name]


async def test_what_could_not_be_started_is_not_kept() -> None:
    scene = Scene(Orchestrator(refuses=ServiceUnavailableError("away")))

    with pytest.raises(ServiceUnavailableError):
        await scene.begun()

    assert scene.store.deleted == ["resp_1"]


async def test_a_run_that_tells_nothing_has_not_started() -> None:
    scene = Scene(Orchestrator(events=()))

    with pytest.raises(Exception, match="could not be started"):
        await scene.begun()

    assert scene.store.deleted == ["resp_1"]


@pytest.mark.requirement("background:create")
async def test_whoever_asks_after_the_end_gets_the_answer_and_keeps_it() -> None:
    scene = Scene()
    stored = await scene.begun()

    now = await scene.responses.refreshed(stored, CONTEXT)

    assert (now.status, text_of(now.body)) == ("completed", "Hello")
    assert [end.status for end in scene.store.ends] == ["completed"]
    assert scene.store.ends[0].body == now.body
    assert json.loads(now.body)["usage"]["total_tokens"] == 11


async def test_one_that_runs_is_in_progress_and_nothing_is_kept() -> None:
    scene = Scene(Orchestrator(status="in_progress"))
    stored = await scene.begun()

    now = await scene.responses.refreshed(stored, CONTEXT)

    assert (now.status, json.loads(now.body)["status"]) == ("in_progress", "in_progress")
    assert not scene.store.ends


async def test_one_that_has_ended_is_asked_nobody_about() -> None:
    scene = Scene()
    ended = await scene.responses.refreshed(await scene.begun(), CONTEXT)
    scene.orchestrator.called.clear()

    assert await scene.responses.refreshed(ended, CONTEXT) is ended
    assert not scene.orchestrator.called


@pytest.mark.parametrize(
    ("end", "status"),
    [
        (
            RunEnded("failed", error=UpstreamError("vendor broke", provider="vendor").info()),
            "failed",
        ),
        (RunEnded("cancelled"), "cancelled"),
    ],
)
async def test_however_its_run_ends_so_does_the_response(end: RunEnded, status: str) -> None:
    scene = Scene(Orchestrator(status=end.status, events=(RunStarted("run_1"), end)))

    now = await scene.responses.refreshed(await scene.begun(), CONTEXT)

    assert (now.status, json.loads(now.body)["status"]) == (status, status)


async def test_without_a_run_it_has_failed_but_not_at_once() -> None:
    scene = Scene(clock=FakeClock(unix_s=7.0))
    stored = await scene.begun()
    scene.orchestrator.knows_run = False

    early = await scene.responses.refreshed(stored, CONTEXT)
    scene.clock.advance(START_GRACE_S)
    late = await scene.responses.refreshed(stored, CONTEXT)

    assert (early.status, late.status) == ("queued", "failed")
    assert [end.status for end in scene.store.ends] == ["failed"]


@pytest.mark.requirement("background:replay")
async def test_the_stream_is_the_same_through_any_number_of_connections(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(background, "RECONNECT_PAUSE_S", 0.0)
    unbroken, broken = Scene(), Scene()
    stored = await unbroken.begun()
    broken.orchestrator.breaks = 2

    once = await collected(unbroken.responses.frames(stored, CONTEXT))
    again = await collected(broken.responses.frames(stored, CONTEXT))

    assert again == once
    assert broken.orchestrator.asked_after == [0, 2, 4]


@pytest.mark.requirement("background:replay")
async def test_the_stream_goes_on_after_any_event() -> None:
    scene = Scene()
    stored = await scene.begun()
    whole = await collected(scene.responses.frames(stored, CONTEXT))
    frames = whole.split(b"\n\n")

    for after in range(-1, len(frames) - 1):
        rest = await collected(scene.responses.frames(stored, CONTEXT, after=after))
        assert rest == b"\n\n".join(frames[after + 1 :])


async def test_cancelling_tells_the_run_and_what_became_of_it() -> None:
    scene = Scene(Orchestrator(status="cancelled"))
    stored = await scene.begun()
    scene.orchestrator.events = (RunStarted("run_1"), RunEnded("cancelled"))

    now = await scene.responses.cancel(stored, CONTEXT)

    assert now.status == "cancelled"
    assert scene.orchestrator.called[1:3] == [CANCEL_RUN.name, GET_RUN.name]


def test_usage_is_all_calls_where_that_was_asked_for() -> None:
    told = {sums: Telling(request_of(sums_usage=sums)) for sums in (False, True)}

    for telling in told.values():
        for event in WHOLE:
            telling.tell(event)

    totals = [
        json.loads(telling.final.body)["usage"]["total_tokens"]
        for telling in told.values()
        if telling.final is not None
    ]
    assert totals == [11, 33]
