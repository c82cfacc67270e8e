"""What a run's log and calls say about it: the client's details, and the record that is kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import msgspec

from orchestrator.coordination.answers import text_sha256
from orchestrator.coordination.events import (
    AnswerAccepted,
    BallotIssued,
    BallotReturned,
    BallotSkipped,
    CallFinished,
    ClusterFormed,
    DecisionMade,
    PresentFinished,
    RoundOpened,
    ToolsRequested,
    VoteCast,
    VoteInvalid,
)
from orchestrator.coordination.outcomes import reason
from orchestrator.driver.call_ledger import sum_usage
from orchestrator.driver.timeline import timeline
from wire.conversation import Usage
from wire.coordination import AnswerEntry, BallotEntry, RunDetails, RunRecord

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from orchestrator.coordination.events import LogEntry
    from orchestrator.coordination.session import Session
    from wire.coordination import CallRecord, RunStatus, StartRun
    from wire.errors import ErrorInfo

_NANO = 1_000_000_000
FactT = TypeVar("FactT")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """What is known of a run besides its log."""

    start: StartRun
    status: RunStatus
    created_unix_s: float
    duration_ms: int | None
    calls: tuple[CallRecord, ...]
    calls_in_flight: int
    error: ErrorInfo | None


def delivered_call(session: Session) -> int | None:
    """The core's number of the call whose words went to the client."""
    presented = _last(session.log, PresentFinished)
    if presented is not None:
        return presented.call
    tools = _last(session.log, ToolsRequested)
    return tools.call if tools is not None else None


def delivered_usage(session: Session, calls: Sequence[CallRecord]) -> Usage:
    """The winning answer's prompt plus the tokens delivered: what editors compact by.

    Not the presenter's prompt: it also holds the candidates, which the client never sent.
    """
    decision = _last(session.log, DecisionMade)
    spoken = _spoken_usage(decision.winner if decision else None, calls)
    return _draft_usage(session) if spoken is None else spoken


def _spoken_usage(winner: str | None, calls: Sequence[CallRecord]) -> Usage | None:
    spoken = [call for call in calls if call.delivered]
    if not spoken:
        return None
    usage = spoken[-1].usage
    if spoken[-1].phase != "present":
        return usage
    asked = _answer_calls(winner, calls) or spoken
    return msgspec.structs.replace(
        usage,
        input_tokens=asked[-1].usage.input_tokens,
        cached_tokens=asked[-1].usage.cached_tokens,
        cache_write_tokens=asked[-1].usage.cache_write_tokens,
    )


def _draft_usage(session: Session) -> Usage:
    """Where an earlier turn's answer was delivered, for which this run made no call."""
    decision = _last(session.log, DecisionMade)
    if decision is None or _last(session.log, PresentFinished) is None:
        return Usage()
    drafts = session.board.plan.drafts
    return next((d.usage for d in drafts if d.agent_id == decision.winner), Usage())


def run_details(session: Session, summary: RunSummary) -> RunDetails:
    """The optional `conclave` object of a response."""
    log, calls = session.log, summary.calls
    decision = _last(log, DecisionMade)
    skipped = _last(log, BallotSkipped)
    return RunDetails(
        run_id=summary.start.run_id,
        rule=session.board.plan.rule,
        winner=decision.winner if decision else None,
        agreement=decision.agreement if decision else None,
        ballot_skipped=skipped.reason if skipped else None,
        rounds=sum(opened.phase == "refine" for opened in _all(log, RoundOpened)),
        tallies=decision.tallies if decision else (),
        failed_agents={agent: reason(error) for agent, error in session.board.failures.items()},
        usage_by_agent=_usage_by_agent(calls),
        summed_usage=sum_usage(calls),
        cost_usd=_cost_usd(calls),
        calls=len(calls),
        compacted=summary.start.compacted,
    )


def run_record(session: Session, summary: RunSummary, *, with_seed: bool) -> RunRecord:
    """The record without texts; `with_texts` adds them from the log."""
    start, log = summary.start, session.log
    presented = _last(log, PresentFinished)
    return RunRecord(
        run_id=start.run_id,
        request_id=start.request_id,
        tenant_id=start.tenant_id,
        key_id=start.key_id,
        public_model=start.public_model,
        panel=start.panel.name,
        status=summary.status,
        created_unix_s=summary.created_unix_s,
        duration_ms=summary.duration_ms,
        detached=start.detached,
        rule=session.board.plan.rule,
        seed=session.board.plan.seed if with_seed else None,
        usage=sum_usage(summary.calls),
        delivered_usage=delivered_usage(session, summary.calls),
        delivered_sha256=presented.sha256 if presented else None,
        answers=tuple(_answer_entries(log)),
        ballots=tuple(_ballot_entries(log)),
        calls=summary.calls,
        calls_in_flight=summary.calls_in_flight,
        details=run_details(session, summary),
        error=summary.error,
        timeline=tuple(timeline(log)),
        task_class=session.board.plan.task_class,
        weights=session.board.weights(),
        compacted=start.compacted,
    )


def with_looked_up(record: RunRecord, found: Iterable[CallRecord]) -> RunRecord:
    """The record with what vendors told afterwards of some of its calls, sums included.

    What the decision followed from stays as it was.
    """
    told = {(call.call_id, call.attempt): call for call in found}
    calls = tuple(
        msgspec.structs.replace(
            told.get((call.call_id, call.attempt), call), delivered=call.delivered
        )
        for call in record.calls
    )
    details = record.details
    winner = details.winner if details else None
    return msgspec.structs.replace(
        record,
        usage=sum_usage(calls),
        delivered_usage=_spoken_usage(winner, calls) or record.delivered_usage,
        calls=calls,
        details=details
        and msgspec.structs.replace(
            details,
            usage_by_agent=_usage_by_agent(calls),
            summed_usage=sum_usage(calls),
            cost_usd=_cost_usd(calls),
        ),
    )


def with_texts(record: RunRecord, log: Sequence[LogEntry], lines: Sequence[bytes]) -> RunRecord:
    """The record with the answers' texts and the log itself."""
    texts = {text_sha256(text): text for text in _texts(log)}
    return msgspec.structs.replace(
        record,
        answers=tuple(
            msgspec.structs.replace(answer, text=texts.get(answer.sha256))
            for answer in record.answers
        ),
        log=tuple(msgspec.Raw(line) for line in lines),
    )


def _answer_entries(log: Sequence[LogEntry]) -> Iterable[AnswerEntry]:
    clusters = _clusters(log)
    for accepted in _all(log, AnswerAccepted):
        yield AnswerEntry(
            agent_id=accepted.agent_id,
            revision=accepted.revision,
            round=accepted.round,
            sha256=accepted.sha256,
            output_tokens=accepted.output_tokens,
            cluster=clusters.get((accepted.round, accepted.agent_id)),
        )


def _clusters(log: Sequence[LogEntry]) -> dict[tuple[int, str], int]:
    return {
        (formed.round, agent): formed.cluster
        for formed in _all(log, ClusterFormed)
        for agent in formed.agents
    }


def _ballot_entries(log: Sequence[LogEntry]) -> Iterable[BallotEntry]:
    votes = {(vote.round, vote.voter_id): vote for vote in _all(log, VoteCast)}
    abstentions = {(no.round, no.voter_id): no.problem for no in _all(log, VoteInvalid)}
    for issued in _all(log, BallotIssued):
        key = (issued.round, issued.voter_id)
        vote = votes.get(key)
        yield BallotEntry(
            voter_id=issued.voter_id,
            round=issued.round,
            order=issued.order,
            revisions=issued.revisions,
            ranking=vote.ranking if vote else (),
            approved=vote.approved if vote else (),
            reason=vote.reason or None if vote else None,
            abstained=None if vote else abstentions.get(key, "the ballot was over before"),
            refined=vote.refined if vote else False,
        )


def _texts(log: Sequence[LogEntry]) -> Iterable[str]:
    for finished in _all(log, CallFinished):
        yield finished.text
    for returned in _all(log, BallotReturned):
        if returned.paper is not None and returned.paper.refined_answer:
            yield returned.paper.refined_answer.strip()


def _answer_calls(winner: str | None, calls: Sequence[CallRecord]) -> list[CallRecord]:
    return [
        call
        for call in calls
        if call.agent_id == winner
        and call.phase in {"answer", "tool", "single"}
        and call.status == "completed"
    ]


def _usage_by_agent(calls: Iterable[CallRecord]) -> dict[str, Usage]:
    usage: dict[str, Usage] = {}
    for call in calls:
        usage[call.agent_id] = usage.get(call.agent_id, Usage()) + call.usage
    return usage


def _cost_usd(calls: Sequence[CallRecord]) -> float | None:
    """None: not every call has a price."""
    priced = [call.cost_nano_usd for call in calls if call.cost_nano_usd is not None]
    return sum(priced) / _NANO if priced and len(priced) == len(calls) else None


def _all(log: Iterable[LogEntry], kind: type[FactT]) -> list[FactT]:
    return [entry for entry in log if isinstance(entry, kind)]


def _last(log: Sequence[LogEntry], kind: type[FactT]) -> FactT | None:
    return next((entry for entry in reversed(log) if isinstance(entry, kind)), None)
