"""A run's log as lines for people. Agents by name, nothing of an answer's text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.coordination import events
from orchestrator.coordination.outcomes import reason
from wire.coordination import RunMoment

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from orchestrator.coordination.events import LogEntry


def timeline(log: Iterable[LogEntry]) -> Iterator[RunMoment]:
    """What happened, in order; inputs that only feed the rules are left out."""
    for entry in log:
        told = _tell(entry)
        if told is not None:
            kind, text, agent_id = told
            yield RunMoment(entry.at_ms, kind, text, agent_id)


def _tell(entry: LogEntry) -> tuple[str, str, str | None] | None:  # noqa: C901, PLR0911, PLR0912 - a table
    match entry:
        case events.RunAdmitted(plan=plan):
            drafts = f", {len(plan.drafts)} of whom have answered before" if plan.drafts else ""
            return "admitted", f"admitted; {len(plan.agents)} agents{drafts}", None
        case events.RunResumed():
            return "resumed", "taken over by another process", None
        case events.RoundOpened(round=number, phase=phase):
            return phase, f"round {number}: {phase}", None
        case events.AnswerAccepted(agent_id=agent, revision=revision):
            return "answered", f"answer {revision}, {entry.output_tokens} tokens", agent
        case events.AnswerRejected(agent_id=agent, repair=repair):
            return "rejected", f"answer rejected{'; asked again' if repair else ''}", agent
        case events.AgentFailed(agent_id=agent, error=error):
            return "failed", reason(error), agent
        case events.QuorumReached(count=count, waiting=waiting):
            return "quorum", f"{count} are back; waiting for {', '.join(waiting)}", None
        case events.ClusterFormed(agents=agents) if len(agents) > 1:
            return "cluster", f"the same answer: {', '.join(agents)}", None
        case events.VoteCast(voter_id=voter, ranking=ranking, refined=refined):
            added = "; proposes a refined answer" if refined else ""
            return "voted", f"ranks {' > '.join(ranking)}{added}", voter
        case events.VoteInvalid(voter_id=voter, repair=repair):
            return "abstained", "asked again" if repair else "abstains", voter
        case events.BallotSkipped(reason=why):
            return "ballot_skipped", f"no ballot: {why}", None
        case events.CallCut(call=call, reason=why):
            return "cut", f"call {call} cut: {why}", None
        case events.BudgetExceeded(which=which, phase=phase, agent_id=agent):
            return "budget", f"no {phase} call: {which} used up", agent
        case events.DecisionMade(winner=winner, rule=rule, agreement=agreement):
            return "decided", f"by {rule}, {agreement}", winner
        case events.PresentStarted(mode=mode, agent_id=agent):
            return "presenting", mode, agent
        case events.ToolsRequested(agent_id=agent, names=names):
            return "tools", f"asks for {', '.join(names)}", agent
        case events.RunFinished(status=status):
            return "ended", status, None
        case _:
            return None
