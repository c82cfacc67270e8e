"""What can be written, as values. A writer turns a batch of them into one transaction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wire.conversation import Usage
    from wire.coordination import CallPhase, CallStatus, RunStatus, UsageBasis


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOpened:
    """A run has been admitted. `start`: all that another process needs to go on with it."""

    run_id: str
    tenant_id: str
    request_id: str
    key_id: str
    public_model: str
    panel: str
    detached: bool
    created_unix_s: float
    spec: bytes
    owner: str = ""
    start: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallJournalled:
    """An upstream attempt is about to leave."""

    run_id: str
    tenant_id: str
    call_id: str
    attempt: int
    agent_id: str
    phase: CallPhase
    provider: str
    model: str
    upstream_model: str
    reserved_output_tokens: int | None
    started_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CallSettled:
    """An upstream attempt has ended."""

    call_id: str
    attempt: int
    status: CallStatus
    basis: UsageBasis
    usage: Usage
    ended_ms: int
    first_token_ms: int | None
    cost_nano_usd: int | None
    error: bytes | None


@dataclass(frozen=True, slots=True)
class FenceHeld:
    """Not a row but a condition: what is written with it is only if the run is still ours."""

    run_id: str
    fence: int


@dataclass(frozen=True, slots=True)
class LeasesRenewed:
    """The process lives, and with it every run it holds."""

    owner: str


@dataclass(frozen=True, slots=True)
class RunReleased:
    """The process shuts down and lets go of a run: another may go on with it at once."""

    run_id: str


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    seq: int
    at_ms: int
    type: str
    payload: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class EventsLogged:
    """A detached run has come so far."""

    run_id: str
    tenant_id: str
    log: Sequence[LoggedEvent]


@dataclass(frozen=True, slots=True)
class LogForgotten:
    """A detached run is over, and its log, which holds answers, is not to be kept."""

    run_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputSaid:
    """A piece of a detached run's output."""

    run_id: str
    tenant_id: str
    seq: int
    payload: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class RunClosed:
    """A run is over: its record, and what is to be kept of its log beyond `EventsLogged`."""

    run_id: str
    tenant_id: str
    status: RunStatus
    ended_unix_s: float
    record: bytes
    log: Sequence[LoggedEvent]


Write = (
    RunOpened
    | CallJournalled
    | CallSettled
    | FenceHeld
    | LeasesRenewed
    | RunReleased
    | EventsLogged
    | LogForgotten
    | OutputSaid
    | RunClosed
)
