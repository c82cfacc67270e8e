"""How a run begins: with its request, or where the process that held it before had come to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from orchestrator.coordination.events import (
    BallotReturned,
    CallCancelled,
    CallFailed,
    CallFinished,
    DeadlineReached,
    RunAdmitted,
)
from orchestrator.coordination.replay import resume
from orchestrator.coordination.session import Session
from orchestrator.driver.planning import NOTHING_LEARNT, Learnt, make_plan
from orchestrator.driver.resumption import NO_PAST, Resumption
from wire.coordination import RunEvent, StartRun
from wire.ids import CallId, derived_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orchestrator.coordination.commands import Command
    from orchestrator.coordination.plan import RunPlan
    from orchestrator.driver.latencies import Latencies
    from wire.coordination import CallRecord

FIRST_FENCE = 1

_decode_start = msgspec.json.Decoder(StartRun).decode
_decode_event: msgspec.json.Decoder[RunEvent] = msgspec.json.Decoder(RunEvent)


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """What another process has done of the run: said, stored of the log, called.

    `call_ids` and `texts` are of the calls that ended, by the core's numbers.
    """

    said: Sequence[RunEvent] = ()
    stored_entries: int = 0
    calls: Sequence[CallRecord] = ()
    call_ids: dict[int, CallId] = field(default_factory=dict[int, CallId])
    texts: dict[int, str] = field(default_factory=dict[int, str])
    deadline_reached: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Preparation:
    """What was done for a run before it began; its time counts from then.

    `opening`: what the client is handed first.
    """

    took_s: float = 0.0
    calls: Sequence[CallRecord] = ()
    opening: Sequence[RunEvent] = ()


UNPREPARED = Preparation()


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """`commands` are the first to perform. `at_ms`: the run's time when it begins here.

    `calls` were made for it before, `opening` is what it says first.
    """

    start: StartRun
    session: Session
    commands: list[Command]
    created_unix_s: float
    traceparent: str | None = None
    fence: int = FIRST_FENCE
    at_ms: int = 0
    earlier: Earlier | None = None
    calls: Sequence[CallRecord] = ()
    opening: Sequence[RunEvent] = ()

    @property
    def plan(self) -> RunPlan:
        return self.session.board.plan

    def call_id(self, call: int) -> CallId:
        """The same for the same call of the same process, so it need not be stored."""
        return _call_id(self.start.run_id, self.fence, call)


def admitted(
    start: StartRun,
    *,
    seed: str,
    time_left_s: float,
    latencies: Latencies,
    unix_s: float,
    learnt: Learnt = NOTHING_LEARNT,
    traceparent: str | None = None,
    preparation: Preparation = UNPREPARED,
    resumption: Resumption = NO_PAST,
) -> Admission:
    """A new run. `seed` is secret."""
    plan = make_plan(
        start,
        seed=seed,
        time_left_s=time_left_s,
        latencies=latencies,
        learnt=learnt,
        resumption=resumption,
    )
    session = Session()
    commands = session.handle(RunAdmitted(0, plan))
    return Admission(
        start=start,
        session=session,
        commands=commands,
        created_unix_s=unix_s,
        traceparent=traceparent,
        at_ms=int(preparation.took_s * 1000),
        calls=preparation.calls,
        opening=preparation.opening,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Abandoned:
    """A run without a process, as the store has it; `fence` is already ours."""

    start: bytes
    log: Sequence[bytes]
    outputs: Sequence[bytes]
    calls: Sequence[CallRecord]
    created_unix_s: float
    fence: int


def resumed(abandoned: Abandoned) -> Admission:
    """The run where it was left.

    Raises:
        LogMismatchError, msgspec.MsgspecError: another version wrote it.
        ValueError: its first event was not stored.
    """
    if not abandoned.log:
        raise ValueError("nothing of the run's log was stored")
    start = _decode_start(abandoned.start)
    session, commands = resume(abandoned.log)
    return Admission(
        start=start,
        session=session,
        commands=commands,
        created_unix_s=abandoned.created_unix_s,
        fence=abandoned.fence,
        at_ms=session.board.now_ms,
        earlier=_earlier(abandoned, start, session),
    )


def _earlier(abandoned: Abandoned, start: StartRun, session: Session) -> Earlier:
    entries = session.log[: len(abandoned.log)]
    ended = [
        entry
        for entry in entries
        if isinstance(entry, CallFinished | BallotReturned | CallFailed | CallCancelled)
    ]
    return Earlier(
        said=[_decode_event.decode(payload) for payload in abandoned.outputs],
        stored_entries=len(abandoned.log),
        calls=abandoned.calls,
        call_ids={end.call: _known_id(start.run_id, end.call, abandoned) for end in ended},
        texts={end.call: end.text for end in ended if isinstance(end, CallFinished)},
        deadline_reached=any(isinstance(entry, DeadlineReached) for entry in entries),
    )


def _known_id(run_id: str, call: int, abandoned: Abandoned) -> CallId:
    """A call that an earlier process made: the latest of its ids under which there is a record."""
    made = {record.call_id for record in abandoned.calls}
    ids = [_call_id(run_id, fence, call) for fence in range(abandoned.fence, 0, -1)]
    return next((call_id for call_id in ids if call_id in made), ids[-1])


def _call_id(run_id: str, fence: int, call: int) -> CallId:
    return CallId(derived_id("ccall_", f"{run_id}.{fence}", call))
