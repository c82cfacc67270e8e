"""A whole MassGen file as one panel."""

import re
from collections.abc import Iterator, Mapping

from catalogue.document import Document
from catalogue.massgen.agents import MassGenAgent, read_agent
from catalogue.massgen.providers import Providers
from catalogue.massgen.sections import Findings, Section
from catalogue.record_fields import is_short_name
from catalogue.records import MAX_SEATS
from wire.specs import AgentSpec, PanelSpec, Present, RunLimits

_MOST_ROUNDS = 3
_DEFAULT_ROUNDS = 1
_MOST_WALL_S = 86_400.0
# MassGen sets no bound; reasoning models count what they think as output.
_ANSWER_TOKENS = 16_384
_OLD_FORMAT = ("models", "model_configs", "num_agents", "consensus_threshold", "voting_enabled")

# MassGen's words for how critical voters are: refine rounds, and what voters are told.
_LENIENT = (
    1,
    "Approve every answer that is correct and serves the user. Do not ask for a better wording.",
)
_BALANCED = (
    2,
    "Judge whether each answer is correct, complete and clear. Improve on them only where "
    "something of substance is missing.",
)
_STRICT = (
    3,
    "Hold the answers to a high standard: every part of the question, edge cases, accuracy. "
    "Approve none that falls short of it.",
)
_SENSITIVITIES: Mapping[str, tuple[int, str]] = {
    "lenient": _LENIENT,
    "balanced": _BALANCED,
    "strict": _STRICT,
}
_OTHER_SENSITIVITIES = (
    "roi",
    "roi_conservative",
    "roi_balanced",
    "roi_aggressive",
    "sequential",
    "adversarial",
    "consistency",
    "diversity",
    "reflective",
    "checklist",
    "checklist_scored",
    "checklist_gated",
)
_STRATEGIES: Mapping[str, Present] = {
    "winner_reuse": "verbatim",
    "winner_present": "polish",
    "synthesize": "synthesise",
}


def read_panel(
    document: Document, name: str, providers: Providers, findings: Findings
) -> PanelSpec | None:
    """The panel of a file; None when it is refused, and the findings say why."""
    if not isinstance(document.value, dict):
        findings.refuse((), "is not a configuration of MassGen", "write `agents: [...]`")
        return None
    top = Section(findings, (), document.value)
    if not _is_current_format(top, document.value):
        return None
    orchestrator = top.section("orchestrator") or Section(findings, ("orchestrator",), {})
    agents = _read_agents(top, providers, orchestrator.text("system_message"))
    rules = _Rules(top, orchestrator, len(agents))
    orchestrator.report_rest()
    top.report_rest()
    if findings.problems:
        return None
    return _panel(name, agents, rules, findings)


def _is_current_format(top: Section, values: Mapping[str, object]) -> bool:
    old = next((key for key in _OLD_FORMAT if key in values), None)
    if old is not None and not top.has("agents"):
        top.refuse(old, "belongs to the first format of MassGen", "write `agents: [...]`")
        return False
    if top.has("agents") and top.has("agent"):
        top.refuse("agent", "stands beside `agents`", "keep one of the two")
        return False
    if not top.has("agents") and not top.has("agent"):
        top.refuse("agents", "is required", "add agents, or move the file out of the folder")
        return False
    return True


def _read_agents(top: Section, providers: Providers, preamble: str | None) -> list[MassGenAgent]:
    single = top.section("agent")
    sections = [single] if single else top.sections("agents")
    if top.is_empty_list("agents"):
        top.refuse("agents", "is empty", "add at least 1")
    if len(sections) > MAX_SEATS:
        top.refuse("agents", f"has {len(sections)} entries", f"keep at most {MAX_SEATS}")
        return []
    found = (
        read_agent(section, number, providers, preamble)
        for number, section in enumerate(sections, start=1)
    )
    return [agent for agent in found if agent is not None]


class _Rules:
    """What the orchestrator's part and the timeouts say, as far as it means something here."""

    def __init__(self, top: Section, orchestrator: Section, seats: int) -> None:
        sensitivity = _sensitivity(orchestrator)
        limited = _rounds_by_answers(orchestrator, seats)
        by_sensitivity = sensitivity[0] if sensitivity else _DEFAULT_ROUNDS
        self.max_rounds = by_sensitivity if limited is None else limited
        self.voting_instruction = sensitivity[1] if sensitivity else None
        self.present: Present = _present(orchestrator)
        self.presenter = orchestrator.text("presenter_agent")
        self.waits_for_all = orchestrator.truth("defer_voting_until_all_answered") or False
        self.wall_s = _wall_s(top)
        if coordination := orchestrator.section("coordination"):
            coordination.report_rest()


def _sensitivity(orchestrator: Section) -> tuple[int, str] | None:
    known = dict(_SENSITIVITIES) | dict.fromkeys(_OTHER_SENSITIVITIES, _BALANCED)
    found = orchestrator.choice("voting_sensitivity", known)
    if found is not None and orchestrator.text("voting_sensitivity") in _OTHER_SENSITIVITIES:
        orchestrator.warn("voting_sensitivity", "is taken as balanced", "nothing to do")
    return found


def _rounds_by_answers(orchestrator: Section, seats: int) -> int | None:
    """An agent's first answer counts among them; what is left are refinements."""
    each = orchestrator.whole_number("max_new_answers_per_agent")
    together = orchestrator.whole_number("max_new_answers_global")
    bounds = [each] if each is not None else []
    if together is not None:
        bounds.append(together // max(1, seats))
    return min(_MOST_ROUNDS, max(0, min(bounds) - 1)) if bounds else None


def _present(orchestrator: Section) -> Present:
    """Verbatim unless the file asks for more: the text voted on is the text delivered."""
    orchestrator.ignore(("skip_final_presentation",))
    return orchestrator.choice("final_answer_strategy", _STRATEGIES) or "verbatim"


def _wall_s(top: Section) -> float | None:
    found: float | None = None
    for key in ("timeout_settings", "timeout"):
        if section := top.section(key):
            wall_s = section.number("orchestrator_timeout_seconds", above=0, most=1e9)
            found = wall_s if wall_s is not None else found
            section.report_rest()
    return None if found is None else min(found, _MOST_WALL_S)


def _panel(
    name: str, agents: list[MassGenAgent], rules: _Rules, findings: Findings
) -> PanelSpec | None:
    seat_ids = dict(_seat_ids(agents, findings))
    if findings.problems:
        return None
    seats = tuple(_seat(agent, seat_ids[agent.name]) for agent in agents)
    answer_tokens = max(
        _ANSWER_TOKENS, *(agent.sampling.max_output_tokens or 0 for agent in agents)
    )
    return PanelSpec(
        name=name,
        agents=seats,
        present=rules.present,
        presenter=_presenter(rules, seat_ids, findings),
        lead=next((s.agent_id for s in seats if s.model.capabilities.tools), seats[0].agent_id),
        max_rounds=rules.max_rounds,
        quorum=len(seats) if rules.waits_for_all else None,
        max_answer_tokens=answer_tokens,
        limits=_limits(rules, len(seats), answer_tokens),
        voting_instruction=rules.voting_instruction,
    )


def _seat(agent: MassGenAgent, seat_id: str) -> AgentSpec:
    return AgentSpec(
        agent_id=seat_id,
        model=agent.model,
        persona=agent.persona,
        temperature=agent.sampling.temperature,
        max_output_tokens=agent.sampling.max_output_tokens,
        top_p=agent.sampling.top_p,
        reasoning_effort=agent.sampling.reasoning_effort,
        verbosity=agent.sampling.verbosity,
    )


def _seat_ids(agents: list[MassGenAgent], findings: Findings) -> Iterator[tuple[str, str]]:
    """Each agent's name, and a seat's id as near to it as one may be."""
    taken: set[str] = set()
    seen: set[str] = set()
    for number, agent in enumerate(agents, start=1):
        if agent.name in seen:
            findings.refuse(
                agent.at, f"there are two agents {agent.name!r}", "give each its own id"
            )
        seen.add(agent.name)
        seat_id = agent.name
        if not is_short_name(seat_id) or seat_id in taken:
            cleaned = re.sub(r"[^A-Za-z0-9._-]+", "-", agent.name).strip("-._")[:48]
            seat_id = f"{cleaned}-{number}" if cleaned else f"agent-{number}"
            findings.warn(agent.at, f"is called {seat_id} here", "use letters, digits and . _ -")
        taken.add(seat_id)
        yield agent.name, seat_id


def _presenter(rules: _Rules, seat_ids: Mapping[str, str], findings: Findings) -> str | None:
    if rules.presenter is None or rules.presenter in seat_ids:
        return seat_ids[rules.presenter] if rules.presenter else None
    at = ("orchestrator", "presenter_agent")
    findings.warn(at, "is no agent of this file; the winner presents", "correct the id")
    return None


def _limits(rules: _Rules, seats: int, answer_tokens: int) -> RunLimits:
    """Ours, but never so tight that what the file allows cannot happen."""
    bounds = RunLimits()
    phases = rules.max_rounds + 1
    return RunLimits(
        wall_s=rules.wall_s or bounds.wall_s,
        max_calls=max(bounds.max_calls, 2 * seats * phases + 1),
        max_output_tokens=max(bounds.max_output_tokens, 2 * seats * phases * answer_tokens),
    )
