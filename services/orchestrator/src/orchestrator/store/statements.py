"""A batch of writes as SQL: one statement per kind, in the order their rows depend on each other.

A run is opened before its calls, a call before it is settled; so kinds in this order keep every
order that matters within a batch.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, TypeAlias

from sqlalchemy import bindparam, delete, insert, update

from orchestrator.store.schema import run_calls, run_events, run_outputs, runs
from orchestrator.store.writes import (
    CallJournalled,
    CallSettled,
    EventsLogged,
    LeasesRenewed,
    LogForgotten,
    OutputSaid,
    RunClosed,
    RunOpened,
    RunReleased,
    Write,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy.sql.dml import UpdateBase

Row: TypeAlias = "dict[str, str | int | float | bytes | None]"

_OPEN_RUN = insert(runs)
_JOURNAL_CALL = insert(run_calls)
_SETTLE_CALL = (
    update(run_calls)
    .where(run_calls.c.call_id == bindparam("of_call"))
    .where(run_calls.c.attempt == bindparam("of_attempt"))
    .values(
        {
            name: bindparam(name)
            for name in (
                "status",
                "basis",
                "ended_ms",
                "first_token_ms",
                "input_tokens",
                "output_tokens",
                "cached_tokens",
                "cache_write_tokens",
                "reasoning_tokens",
                "cost_nano_usd",
                "error",
            )
        }
    )
)
_CLOSE_RUN = (
    update(runs)
    .where(runs.c.run_id == bindparam("of_run"))
    .values(
        status=bindparam("status"),
        ended_unix_s=bindparam("ended_unix_s"),
        record=bindparam("record"),
        start=None,
    )
)
_RENEW_LEASES = (
    update(runs)
    .where(runs.c.owner == bindparam("of_owner"), runs.c.status == "in_progress")
    .values(beat=runs.c.beat + 1)
)
_RELEASE_RUN = update(runs).where(runs.c.run_id == bindparam("of_run")).values(owner="")
_FORGET_LOG = delete(run_events).where(run_events.c.run_id == bindparam("of_run"))
_LOG_EVENT = insert(run_events)
_SAY_OUTPUT = insert(run_outputs)


def statements(writes: Sequence[Write]) -> list[tuple[UpdateBase, list[Row]]]:
    """Each statement with the rows to execute it for; kinds without rows are left out."""
    closed = [write for write in writes if isinstance(write, RunClosed)]
    every: list[tuple[UpdateBase, list[Row]]] = [
        (_OPEN_RUN, [_opened(w) for w in writes if isinstance(w, RunOpened)]),
        (_JOURNAL_CALL, [_row(w) for w in writes if isinstance(w, CallJournalled)]),
        (_SETTLE_CALL, [_settled(w) for w in writes if isinstance(w, CallSettled)]),
        (_SAY_OUTPUT, [_row(w) for w in writes if isinstance(w, OutputSaid)]),
        (_LOG_EVENT, [row for w in writes if isinstance(w, EventsLogged) for row in _events(w)]),
        (_LOG_EVENT, [row for write in closed for row in _events(write)]),
        (_FORGET_LOG, [{"of_run": w.run_id} for w in writes if isinstance(w, LogForgotten)]),
        (_CLOSE_RUN, [_closed(write) for write in closed]),
        (_RELEASE_RUN, [{"of_run": w.run_id} for w in writes if isinstance(w, RunReleased)]),
        (_RENEW_LEASES, [{"of_owner": owner} for owner in _renewed(writes)]),
    ]
    return [(statement, rows) for statement, rows in every if rows]


def _row(write: CallJournalled | OutputSaid) -> Row:
    return asdict(write)


def _opened(write: RunOpened) -> Row:
    return {**asdict(write), "status": "in_progress"}


def _settled(write: CallSettled) -> Row:
    usage = write.usage
    return {
        "of_call": write.call_id,
        "of_attempt": write.attempt,
        "status": write.status,
        "basis": write.basis,
        "ended_ms": write.ended_ms,
        "first_token_ms": write.first_token_ms,
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cached_tokens": usage.cached_tokens,
        "cache_write_tokens": usage.cache_write_tokens,
        "reasoning_tokens": usage.reasoning_tokens,
        "cost_nano_usd": write.cost_nano_usd,
        "error": write.error,
    }


def _closed(write: RunClosed) -> Row:
    return {
        "of_run": write.run_id,
        "status": write.status,
        "ended_unix_s": write.ended_unix_s,
        "record": write.record,
    }


def _renewed(writes: Sequence[Write]) -> set[str]:
    return {write.owner for write in writes if isinstance(write, LeasesRenewed)}


def _events(write: RunClosed | EventsLogged) -> Iterable[Row]:
    for event in write.log:
        yield {
            "run_id": write.run_id,
            "tenant_id": write.tenant_id,
            "seq": event.seq,
            "at_ms": event.at_ms,
            "type": event.type,
            "payload": event.payload,
        }
