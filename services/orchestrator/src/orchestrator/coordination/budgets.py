"""What a run may spend: each call's worst case is authorised first, its real usage settled after.

Money is integer nano-USD. A call without a known price costs nothing here and is reported as
unpriced by whoever bills it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from orchestrator.coordination.plan import CallLimits, PlannedAgent
    from wire.conversation import Usage
    from wire.specs import Prices

BudgetKind = Literal["calls", "input_tokens", "output_tokens", "usd"]
_NANO_USD_PER_USD_MTOK = 1000  # 1 USD per million tokens is 1,000 nano-USD a token


@dataclass(frozen=True, slots=True)
class WorstCase:
    """The most one call can use."""

    input_tokens: int
    output_tokens: int
    nano_usd: int


@dataclass(slots=True)
class Budget:
    """Spent and reserved together never pass the limits, except by what a vendor overcounts."""

    limits: CallLimits
    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    nano_usd: int = 0
    _open: dict[int, WorstCase] = field(default_factory=dict)

    def authorise(self, call: int, worst: WorstCase) -> BudgetKind | None:
        """Reserve the call's worst case; or say which limit stands against it."""
        refusal = self._refusal(worst)
        if refusal is None:
            self._open[call] = worst
            self.calls += 1
        return refusal

    def settle(self, call: int, usage: Usage, *, attempts: int, nano_usd: int) -> None:
        """Replace a call's reservation by what it really used. Settling twice changes nothing."""
        if self._open.pop(call, None) is None:
            return
        self.calls += max(0, attempts - 1)
        self.input_tokens += usage.input_tokens
        self.output_tokens += usage.output_tokens
        self.nano_usd += nano_usd

    def _refusal(self, worst: WorstCase) -> BudgetKind | None:
        limits, held = self.limits, self._open.values()
        if self.calls >= limits.max_calls:
            return "calls"
        if self.input_tokens + sum(w.input_tokens for w in held) + worst.input_tokens > (
            limits.max_input_tokens
        ):
            return "input_tokens"
        if self.output_tokens + sum(w.output_tokens for w in held) + worst.output_tokens > (
            limits.max_output_tokens
        ):
            return "output_tokens"
        spent = self.nano_usd + sum(w.nano_usd for w in held) + worst.nano_usd
        if limits.max_nano_usd is not None and spent > limits.max_nano_usd:
            return "usd"
        return None


def worst_case(agent: PlannedAgent, input_tokens: int, output_tokens: int) -> WorstCase:
    """A call of this size at the agent's full prices."""
    nano_usd = _cost(input_tokens, agent.input_usd_per_mtok) + _cost(
        output_tokens, agent.output_usd_per_mtok
    )
    return WorstCase(input_tokens, output_tokens, nano_usd)


def agent_cost_nano_usd(agent: PlannedAgent, usage: Usage) -> int:
    """An upper estimate for the budget: cached input counts at the full price."""
    return _cost(usage.input_tokens, agent.input_usd_per_mtok) + _cost(
        usage.output_tokens, agent.output_usd_per_mtok
    )


def cost_nano_usd(usage: Usage, prices: Prices) -> int | None:
    """What a call costs by the catalogue's prices; None when a price that matters is unknown.

    Cached and cache-writing tokens are part of the input; unpriced, they cost what input costs.
    """
    plain, answer = prices.input_usd_per_mtok, prices.output_usd_per_mtok
    if plain is None or answer is None:
        return None
    cached = _or(prices.cached_input_usd_per_mtok, plain)
    written = _or(prices.cache_write_usd_per_mtok, plain)
    plain_tokens = usage.input_tokens - usage.cached_tokens - usage.cache_write_tokens
    usd_mtok = (
        plain_tokens * plain
        + usage.cached_tokens * cached
        + usage.cache_write_tokens * written
        + usage.output_tokens * answer
    )
    return round(usd_mtok * _NANO_USD_PER_USD_MTOK)


def _or(price: float | None, otherwise: float) -> float:
    return otherwise if price is None else price


def _cost(tokens: int, usd_per_mtok: float | None) -> int:
    return math.ceil(tokens * (usd_per_mtok or 0.0) * _NANO_USD_PER_USD_MTOK)
