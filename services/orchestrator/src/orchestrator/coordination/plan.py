"""What one run may do: the panel as far as the rules need it, with every estimate filled in.

Part of the log's first event, so that a decision can be recomputed from the log alone.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from wire.conversation import FinishReason, Usage
from wire.specs import Present, Rule, SelfVote

MAX_ROUNDS = 3  # hard limit of refine rounds, whatever a panel asks for

ToolPlan = Literal["none", "lead", "vote", "withheld", "dropped"]
"""none: the request has no tools. withheld: they are shown, and may not be called."""


class PlannedAgent(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One seat. Token counts are estimates; `*_p95_ms` are rolling, None while there are few calls.

    `input_tokens`: conversation, tools, persona and instruction together, without candidates.
    """

    agent_id: str
    weight: float = 1.0
    input_tokens: int = 0
    max_output_tokens: int = 4096
    ballot_output_tokens: int = 1024
    input_usd_per_mtok: float | None = None
    output_usd_per_mtok: float | None = None
    answer_p95_ms: int | None = None
    ballot_p95_ms: int | None = None


class Draft(msgspec.Struct, frozen=True, omit_defaults=True):
    """An agent's answer of an earlier turn. `usage`: what it had cost then."""

    agent_id: str
    text: str
    finish_reason: FinishReason = "stop"
    usage: Usage = Usage()


class CallLimits(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Bounds of all calls of a run together; `max_nano_usd` None: no cap."""

    max_calls: int = 64
    max_input_tokens: int = 2_000_000
    max_output_tokens: int = 200_000
    max_nano_usd: int | None = None


class RunPlan(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """`seed` is secret: labels and ties are keyed with it.

    `checked`: an answer must satisfy a schema before anybody sees it, so nothing streams live.
    `tool_call_required`: the client wants a tool called, not text.
    `drafts`: of the turn that this one goes on from. `conversation_*`: what a later turn must begin
    with to go on from this one; 0 where none may.
    `wrap_up_ms`: from here on decide with what is there. `deadline_ms`: the run is over.
    """

    seed: str
    agents: tuple[PlannedAgent, ...]
    kind: Literal["panel", "model"] = "panel"
    rule: Rule = "weighted"
    self_vote: SelfVote = "exclude"
    present: Present = "verbatim"
    presenter: str | None = None
    tools: ToolPlan = "none"
    tool_call_required: bool = False
    lead: str | None = None
    max_rounds: int = 1
    quorum: int | None = None
    grace: float = 0.5
    hedge: bool = False
    borda_weight: float = 2.0
    early_stop: bool = True
    checked: bool = False
    task_class: str | None = None
    drafts: tuple[Draft, ...] = ()
    conversation_items: int = 0
    conversation_sha256: str = ""
    limits: CallLimits = CallLimits()
    wrap_up_ms: int = 540_000
    deadline_ms: int = 600_000

    @property
    def rounds_allowed(self) -> int:
        return min(self.max_rounds, MAX_ROUNDS)

    def agent(self, agent_id: str) -> PlannedAgent:
        return next(agent for agent in self.agents if agent.agent_id == agent_id)

    @property
    def agent_ids(self) -> tuple[str, ...]:
        return tuple(agent.agent_id for agent in self.agents)
