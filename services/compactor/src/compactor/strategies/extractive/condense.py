"""From passages and a budget to condensed passages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compactor.strategies.extractive.passages import Condensed, Passage
from compactor.strategies.extractive.selection import Buyer
from compactor.strategies.extractive.units import Form, Unit, units_of
from compactor.strategies.extractive.worth import appraise, machine_share

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_ROUNDS = 4
_CLOSE_ENOUGH = 0.96
# A short text's count is rounded; counting several of it together rounds less.
_REPEAT = 8


def condense(
    passages: Sequence[Passage],
    budget_tokens: int,
    count: Callable[[str], int],
    *,
    overhead_tokens: int = 1,
) -> list[Condensed]:
    """What is most worth keeping, within the budget.

    A passage's price is `count` of its text plus `overhead_tokens`; passages that keep nothing are
    left out. The same input gives the same output, whatever the process.
    """
    return Condenser(passages, count, overhead_tokens=overhead_tokens).fit(budget_tokens)


class Condenser:
    """Passages read and appraised once, to be fitted into several budgets."""

    def __init__(
        self, passages: Sequence[Passage], count: Callable[[str], int], *, overhead_tokens: int = 1
    ) -> None:
        self._passages = passages
        self._count = count
        self._overhead = overhead_tokens
        self._whole = [Condensed(p.index, p.speaker, p.text, whole=True) for p in passages]
        self._whole_total = self._total(self._whole)
        self._units: list[Unit] = []
        self._buyer: Buyer | None = None

    def fit(self, budget_tokens: int) -> list[Condensed]:
        """What is most worth keeping, within the budget."""
        if self._whole_total <= budget_tokens:
            return self._whole
        return self._fitted(self._ready_buyer(), budget_tokens)

    def _ready_buyer(self) -> Buyer:
        if self._buyer is None:
            self._units = _units(self._passages)
            appraise(self._passages, self._units)
            _price(self._units, self._count)
            self._buyer = Buyer(self._units, self._overhead, machine_share(self._passages))
        return self._buyer

    def _fitted(self, buyer: Buyer, budget_tokens: int) -> list[Condensed]:
        """Select with a budget that is corrected by what the rendered result really costs."""
        target = float(budget_tokens)
        best: list[Condensed] = []
        best_total = -1
        for _ in range(_ROUNDS):
            buyer.buy(target)
            rendered = _render(self._passages, self._units)
            total = self._total(rendered)
            if best_total < total <= budget_tokens:
                best, best_total = rendered, total
            if _CLOSE_ENOUGH * budget_tokens <= total <= budget_tokens:
                break
            target *= budget_tokens / max(total, 1) * (1.0 if total <= budget_tokens else 0.995)
        return best

    def _total(self, condensed: Sequence[Condensed]) -> int:
        return sum(self._count(each.text) + self._overhead for each in condensed)


def anchors(
    passages: Sequence[Passage], budget_tokens: int, count: Callable[[str], int]
) -> list[str]:
    """The identifiers most worth naming, best first, within the budget; each once."""
    units = _units(passages)
    appraise(passages, units)
    _price(units, count)
    pieces = [piece for unit in units for piece in unit.pieces if piece.identifier]
    pieces.sort(key=lambda piece: piece.worth / piece.cost, reverse=True)
    found: dict[str, None] = {}
    for piece in pieces:
        if piece.text in found or piece.token.kind is None:
            continue
        if piece.cost > budget_tokens:
            break
        budget_tokens -= int(piece.cost) + 1
        found[piece.text] = None
    return list(found)


def _units(passages: Sequence[Passage]) -> list[Unit]:
    return [
        unit
        for position, passage in enumerate(passages)
        for unit in units_of(position, passage.text, machine_made=passage.speaker == "tool")
    ]


def _price(units: list[Unit], count: Callable[[str], int]) -> None:
    costs: dict[str, float] = {}
    for unit in units:
        for piece in unit.pieces:
            cost = costs.get(piece.text)
            if cost is None:
                cost = max(count((" " + piece.text) * _REPEAT) / _REPEAT, 0.1)
                costs[piece.text] = cost
            piece.cost = cost
        unit.cost = max(count(unit.text), 1)


def _render(passages: Sequence[Passage], units: list[Unit]) -> list[Condensed]:
    parts: dict[int, list[str]] = {}
    for unit in units:
        text = _shown(unit)
        if text:
            parts.setdefault(unit.passage, []).append(text)
    return [
        Condensed(
            passages[position].index, passages[position].speaker, " ".join(found), whole=False
        )
        for position, found in sorted(parts.items())
    ]


def _shown(unit: Unit) -> str:
    if unit.whole:
        return unit.text if unit.form is Form.PROSE else unit.text + "\n"
    return " ".join(piece.text for piece in unit.pieces if piece.kept)
