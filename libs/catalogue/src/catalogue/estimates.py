"""What a panel costs and how long it takes, before anybody asked it.

Three runs are reckoned, each as the list of its upstream calls: the least (everybody says the
same, no ballot), a typical one (one ballot decides) and the most (no agreement until the last
round). The panel's own limits cut each of them short. Left out: repairs of unusable output, at most
one a call, and what reasoning models think before a ballot.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from wire.specs import AgentSpec, PanelSpec

# Of the orchestrator's prompts: instruction of a phase, a candidate's fence, a ballot.
_INSTRUCTION_TOKENS = 300
_CANDIDATE_TOKENS = 20
_BALLOT_TOKENS = 250
_PERSONA_CHARACTERS_PER_TOKEN = 4
_MOST_ROUNDS = 3
_REFINING_AUTHORS = 2  # those of the two leading answers
_USD_MTOK = 1_000_000


@dataclass(frozen=True, slots=True)
class PanelEstimate:
    """Of one request without tools. A turn that ends in a tool call of the lead is one call.

    `usd_*` None: an agent's model has no prices. `duration_s_*` None: one has no speed.
    """

    calls_min: int
    calls_typical: int
    calls_max: int
    input_tokens_min: int
    input_tokens_typical: int
    input_tokens_max: int
    output_tokens_min: int
    output_tokens_typical: int
    output_tokens_max: int
    usd_min: float | None
    usd_typical: float | None
    usd_max: float | None
    duration_s_min: float | None
    duration_s_typical: float | None
    duration_s_max: float | None


@dataclass(frozen=True, slots=True)
class _Call:
    agent: AgentSpec
    input_tokens: int
    output_tokens: int

    @property
    def usd(self) -> float | None:
        prices = self.agent.model.prices
        if prices.input_usd_per_mtok is None or prices.output_usd_per_mtok is None:
            return None
        return (
            self.input_tokens * prices.input_usd_per_mtok
            + self.output_tokens * prices.output_usd_per_mtok
        ) / _USD_MTOK

    @property
    def duration_s(self) -> float | None:
        speed = self.agent.model.speed
        if speed is None:
            return None
        return speed.time_to_first_token_s + self.output_tokens / speed.output_tokens_per_s


_Phase = list[_Call]  # calls under way at the same time


@dataclass(frozen=True, slots=True)
class _Run:
    calls: int
    input_tokens: int
    output_tokens: int
    usd: float | None
    duration_s: float | None


def estimate_panel(panel: PanelSpec, prompt_tokens: int, answer_tokens: int) -> PanelEstimate:
    """For a prompt of that length whose answers have about that length."""
    request = _Request(panel, prompt_tokens, answer_tokens)
    least, typical, most = (
        _summed(panel, phases) for phases in (request.least(), request.typical(), request.most())
    )
    return PanelEstimate(
        calls_min=least.calls,
        calls_typical=typical.calls,
        calls_max=most.calls,
        input_tokens_min=least.input_tokens,
        input_tokens_typical=typical.input_tokens,
        input_tokens_max=most.input_tokens,
        output_tokens_min=least.output_tokens,
        output_tokens_typical=typical.output_tokens,
        output_tokens_max=most.output_tokens,
        usd_min=least.usd,
        usd_typical=typical.usd,
        usd_max=most.usd,
        duration_s_min=least.duration_s,
        duration_s_typical=typical.duration_s,
        duration_s_max=most.duration_s,
    )


@dataclass(frozen=True, slots=True)
class _Request:
    panel: PanelSpec
    prompt_tokens: int
    answer_tokens: int

    def least(self) -> list[_Phase]:
        return [self._answers(), self._presentation(self._winner())]

    def typical(self) -> list[_Phase]:
        if len(self.panel.agents) == 1:
            return self.least()
        return [self._answers(), self._ballots(), self._presentation(self._winner())]

    def most(self) -> list[_Phase]:
        if len(self.panel.agents) == 1:
            return self.least()
        rounds = min(self.panel.max_rounds, _MOST_ROUNDS)
        refining = [self._ballots(with_answer=True), self._refinements()] * rounds
        phases = [self._answers(), *refining, self._ballots()]
        if self.panel.hedge:
            phases = [[*phase, *phase] for phase in phases]  # each call asked a second time
        return [*phases, self._presentation(self._dearest())]

    def _answers(self) -> _Phase:
        return [self._call(agent, self._length(agent)) for agent in self.panel.agents]

    def _ballots(self, *, with_answer: bool = False) -> _Phase:
        """`with_answer`: each voter adds a better answer of its own, as it may before a round."""
        shown = len(self.panel.agents) - (self.panel.self_vote == "exclude")
        return [
            self._call(agent, _BALLOT_TOKENS + with_answer * self._length(agent), shown)
            for agent in self.panel.agents
        ]

    def _refinements(self) -> _Phase:
        # An author sees its own answer and its rival's.
        authors = sorted(self.panel.agents, key=self._price, reverse=True)[:_REFINING_AUTHORS]
        return [self._call(agent, self._length(agent), 2) for agent in authors]

    def _presentation(self, presenter: AgentSpec) -> _Phase:
        match self.panel.present:
            case "verbatim":
                return []
            case "polish":
                return [self._call(presenter, self._length(presenter), 1)]
            case "synthesise":
                shown = len(self.panel.agents)
                return [self._call(presenter, self._length(presenter), shown)]

    def _call(self, agent: AgentSpec, output_tokens: int, candidates: int = 0) -> _Call:
        persona_tokens = len(agent.persona or "") // _PERSONA_CHARACTERS_PER_TOKEN
        shown_tokens = candidates * (self.answer_tokens + _CANDIDATE_TOKENS)
        input_tokens = self.prompt_tokens + _INSTRUCTION_TOKENS + persona_tokens + shown_tokens
        return _Call(agent, input_tokens, output_tokens)

    def _length(self, agent: AgentSpec) -> int:
        bounds = (
            self.panel.max_answer_tokens,
            agent.max_output_tokens,
            agent.model.max_output_tokens,
        )
        return min(self.answer_tokens, *(bound for bound in bounds if bound is not None))

    def _winner(self) -> AgentSpec:
        """Who presents: the configured one, else the first, standing for whoever wins."""
        return self._presenter() or self.panel.agents[0]

    def _dearest(self) -> AgentSpec:
        return self._presenter() or max(self.panel.agents, key=self._price)

    def _price(self, agent: AgentSpec) -> float:
        return self._call(agent, self._length(agent)).usd or 0.0

    def _presenter(self) -> AgentSpec | None:
        wished = (a for a in self.panel.agents if a.agent_id == self.panel.presenter)
        return next(wished, None)


def _summed(panel: PanelSpec, phases: list[_Phase]) -> _Run:
    """Within the panel's limits."""
    limits = panel.limits
    affordable = list(_first_calls(phases, limits.max_calls))
    calls = [call for phase in affordable for call in phase]
    usd = _sum_if_known([call.usd for call in calls])
    duration_s = _sum_if_known([_longest_s(phase) for phase in affordable])
    return _Run(
        calls=len(calls),
        input_tokens=min(sum(call.input_tokens for call in calls), limits.max_input_tokens),
        output_tokens=min(sum(call.output_tokens for call in calls), limits.max_output_tokens),
        usd=usd if usd is None or limits.max_usd is None else min(usd, limits.max_usd),
        duration_s=None if duration_s is None else min(duration_s, limits.wall_s),
    )


def _first_calls(phases: list[_Phase], most: int) -> Iterator[_Phase]:
    left = most
    for phase in phases:
        if phase[:left]:
            yield phase[:left]
        left = max(0, left - len(phase))


def _longest_s(phase: _Phase) -> float | None:
    durations = [call.duration_s for call in phase]
    known = [duration for duration in durations if duration is not None]
    return max(known) if len(known) == len(durations) else None


def _sum_if_known(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None
