"""A request and its panel as the plan that the core follows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from model_providers.token_estimate import estimate_request, estimate_text
from orchestrator.coordination.plan import CallLimits, Draft, PlannedAgent, RunPlan, ToolPlan
from orchestrator.coordination.task_class import task_class_of
from orchestrator.coordination.weights import Evidence, panel_weights
from orchestrator.driver.resumption import NO_PAST, Resumption, conversation_sha256

if TYPE_CHECKING:
    from orchestrator.driver.latencies import Latencies
    from wire.coordination import StartRun
    from wire.specs import AgentSpec, PanelSpec

Learnt = Mapping[tuple[str, str], Evidence]
"""What a team's scores say, by (model, task class)."""
NOTHING_LEARNT: Learnt = {}

BALLOT_OUTPUT_TOKENS = 1024
# A reasoning model's thoughts count as output; without room for them it returns no ballot at all.
BALLOT_REASONING_TOKENS = 8192
_INSTRUCTION_TOKENS = 400  # the longest phase instruction, with its framing
_NANO = 1_000_000_000
_MARGIN_SHARE = 0.02  # of the run's time, kept to deliver what there is
_PRESENTER_SHARE = 0.1  # kept for a presenter's call
_MOST_RETURN_S = 0.5  # so that our error arrives before the caller's own deadline


def make_plan(
    start: StartRun,
    *,
    seed: str,
    time_left_s: float,
    latencies: Latencies,
    learnt: Learnt = NOTHING_LEARNT,
    resumption: Resumption = NO_PAST,
) -> RunPlan:
    """Every default filled in, every estimate made; `seed` is secret."""
    panel = start.panel
    task_class = panel.task_class or task_class_of(start.request)
    weights = _weights(panel, task_class, learnt)
    conversation_tokens = estimate_request(start.request)
    deadline_ms, wrap_up_ms = _times_ms(panel, time_left_s)
    tools = _tools(start)
    may_return = tools in {"lead", "vote"} and len(panel.agents) > 1
    return RunPlan(
        seed=seed,
        agents=tuple(
            _agent(start, agent, weights[agent.agent_id], conversation_tokens, latencies)
            for agent in panel.agents
        ),
        kind=panel.kind,
        rule=panel.rule,
        self_vote=panel.self_vote,
        present=panel.present,
        presenter=panel.presenter,
        tools=tools,
        tool_call_required=start.request.tool_choice.mode in {"required", "tool"},
        lead=_lead(panel, resumption),
        max_rounds=panel.max_rounds,
        quorum=panel.quorum,
        grace=panel.grace,
        hedge=panel.hedge,
        borda_weight=panel.borda_weight,
        early_stop=panel.early_stop,
        checked=_checked(start),
        task_class=task_class,
        drafts=_drafts(start, resumption),
        conversation_items=len(start.request.items) if may_return else 0,
        conversation_sha256=conversation_sha256(start.request.items) if may_return else "",
        limits=_limits(start),
        wrap_up_ms=wrap_up_ms,
        deadline_ms=deadline_ms,
    )


def answer_tokens(start: StartRun, agent: AgentSpec) -> int:
    """The cap of an answer: the client's wish within the panel's, the agent's and the model's."""
    client = start.request.sampling.max_output_tokens
    model = agent.model.max_output_tokens
    if start.panel.kind == "model":
        wished = client or model or start.panel.max_answer_tokens
        return min(wished, model or wished)
    bounds = (client, start.panel.max_answer_tokens, agent.max_output_tokens, model)
    return min(bound for bound in bounds if bound is not None)


def _weights(panel: PanelSpec, task_class: str, learnt: Learnt) -> dict[str, float]:
    if panel.weights == "equal":
        return {agent.agent_id: agent.weight for agent in panel.agents}
    of_class = {model: found for (model, kind), found in learnt.items() if kind == task_class}
    seats = [(agent.agent_id, agent.model.name, agent.weight) for agent in panel.agents]
    return panel_weights(seats, of_class)


def _agent(
    start: StartRun,
    agent: AgentSpec,
    weight: float,
    conversation_tokens: int,
    latencies: Latencies,
) -> PlannedAgent:
    model = agent.model
    reasoning = BALLOT_REASONING_TOKENS if model.capabilities.reasoning else 0
    persona_tokens = estimate_text(agent.persona) if agent.persona else 0
    return PlannedAgent(
        agent_id=agent.agent_id,
        weight=weight,
        input_tokens=conversation_tokens + persona_tokens + _INSTRUCTION_TOKENS,
        max_output_tokens=answer_tokens(start, agent),
        ballot_output_tokens=BALLOT_OUTPUT_TOKENS + reasoning,
        input_usd_per_mtok=model.prices.input_usd_per_mtok,
        output_usd_per_mtok=model.prices.output_usd_per_mtok,
        answer_p95_ms=latencies.p95_ms(model.name, "answer"),
        ballot_p95_ms=latencies.p95_ms(model.name, "ballot"),
    )


def _tools(start: StartRun) -> ToolPlan:
    if not start.request.tools:
        return "none"
    if start.panel.kind == "panel" and start.panel.tools == "off":
        return "dropped"
    if start.request.tool_choice.mode == "none":
        return "withheld"
    return "vote" if start.panel.tools == "vote" else "lead"


def _lead(panel: PanelSpec, resumption: Resumption) -> str | None:
    """Who led the turn before goes on, even where another stood in for the lead."""
    if resumption.lead in {agent.agent_id for agent in panel.agents}:
        return resumption.lead
    if panel.lead is not None:
        return panel.lead
    able = (agent.agent_id for agent in panel.agents if agent.model.capabilities.tools)
    return next(able, None)


def _drafts(start: StartRun, resumption: Resumption) -> tuple[Draft, ...]:
    if start.request.tool_choice.mode in {"required", "tool"}:
        return ()  # no text may be this turn's answer
    agents = {agent.agent_id for agent in start.panel.agents}
    return tuple(draft for draft in resumption.drafts if draft.agent_id in agents)


def _checked(start: StartRun) -> bool:
    """Whether we must know that an answer has the form asked for before anybody sees it."""
    wanted = start.request.response_format
    if start.panel.kind == "panel":
        return wanted.type == "json_object" or (wanted.type == "json_schema" and wanted.strict)
    guaranteed = start.panel.agents[0].model.capabilities.structured_outputs
    return wanted.type == "json_schema" and wanted.strict and not guaranteed


def _limits(start: StartRun) -> CallLimits:
    limits = start.panel.limits
    caps_usd = [cap for cap in (limits.max_usd, start.max_usd) if cap is not None]
    return CallLimits(
        max_calls=limits.max_calls,
        max_input_tokens=limits.max_input_tokens,
        max_output_tokens=limits.max_output_tokens,
        max_nano_usd=round(min(caps_usd) * _NANO) if caps_usd else None,
    )


def _times_ms(panel: PanelSpec, time_left_s: float) -> tuple[int, int]:
    """Deadline and wrap-up, since admission."""
    usable_s = time_left_s - min(_MOST_RETURN_S, time_left_s * _MARGIN_SHARE)
    deadline_ms = max(1, int(min(panel.limits.wall_s, usable_s) * 1000))
    share = _MARGIN_SHARE if panel.present == "verbatim" else _PRESENTER_SHARE
    return deadline_ms, max(1, int(deadline_ms * (1 - share)))
