"""Spend a budget on pieces, then on whole units around them."""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING

from compactor.strategies.extractive.units import Form

if TYPE_CHECKING:
    from collections.abc import Sequence

    from compactor.strategies.extractive.units import Unit

# Shares of the budget, each falling as the budget shrinks against what there is: the less room,
# the more of it goes to single words and identifiers, which lose the least per token.
_WHOLE_UNITS = 0.8  # times the room squared
_WHOLE_MACHINE_UNITS = 0.9
_IDENTIFIERS_GIVE_WAY = 1.0
_MACHINE_TALK = 3.0
_REST_WORTH = 0.5
_NEGATION_REACH = 3
_SMALLEST_PRICE = 0.1


class Buyer:
    """Spends budgets on the same units, one after another.

    `overhead` is what a passage costs that keeps anything at all. `machine_share`, 0 to 1, is how
    much of the conversation tools said; it reserves room for identifiers. Worth and costs must be
    filled in and stay as they are.
    """

    def __init__(self, units: Sequence[Unit], overhead: float, machine_share: float) -> None:
        self._units = units
        self._overhead = overhead
        self._machine = min(1.0, _MACHINE_TALK * machine_share)
        self._total = max(1.0, sum(unit.cost for unit in units))
        self._opened: set[int] = set()
        self._spent = 0.0
        offers = [
            (piece.worth / piece.cost, unit, piece)
            for unit in units
            for piece in unit.pieces
            if piece.worth > 0
        ]
        offers.sort(key=itemgetter(0), reverse=True)
        self._offers = [(unit, piece) for _, unit, piece in offers]

    def buy(self, budget: float) -> None:
        """Mark pieces as kept and units as whole until the budget is spent."""
        self._reset()
        room = min(1.0, budget / self._total)
        first = self._machine * (1.0 - _IDENTIFIERS_GIVE_WAY * room)
        last = (_WHOLE_UNITS * room + _WHOLE_MACHINE_UNITS * self._machine) * room
        if first > 0:
            self._buy_pieces(budget * first, only_identifiers=True)
        self._buy_pieces(budget * max(0.0, 1.0 - last), only_identifiers=False)
        self._keep_negations()
        self._buy_units(budget)

    def _reset(self) -> None:
        self._opened.clear()
        self._spent = 0.0
        for unit in self._units:
            unit.whole = False
            for piece in unit.pieces:
                piece.kept = False

    def _buy_pieces(self, budget: float, *, only_identifiers: bool) -> None:
        """Keep the pieces of most worth per token until so much in all is spent."""
        for unit, piece in self._offers:
            if piece.kept or (only_identifiers and not piece.identifier):
                continue
            price = piece.cost + self._entrance(unit)
            if self._spent + price <= budget:
                self._pay(unit, price)
                piece.kept = True

    def _keep_negations(self) -> None:
        """A negation before a kept word comes with it: without it the rest would lie."""
        for unit in self._units:
            if unit.form is not Form.PROSE:
                continue
            for place, piece in enumerate(unit.pieces):
                if piece.token.negation and not piece.kept:
                    reach = unit.pieces[place + 1 : place + 1 + _NEGATION_REACH]
                    if any(follower.kept for follower in reach):
                        piece.kept = True
                        self._spent += piece.cost

    def _buy_units(self, budget: float) -> None:
        """Make sentences, lines and records whole, those first that hold the most already."""
        offers = [(self._gain(unit), position) for position, unit in enumerate(self._units)]
        offers.sort(key=lambda offer: (-offer[0], offer[1]))
        for gain, position in offers:
            unit = self._units[position]
            price = self._price_of_rest(unit) + self._entrance(unit)
            if gain > 0 and self._spent + price <= budget:
                self._pay(unit, price)
                unit.whole = True

    def _gain(self, unit: Unit) -> float:
        has = sum(piece.worth for piece in unit.pieces if piece.kept)
        lacks = sum(piece.worth for piece in unit.pieces if not piece.kept)
        return (has + lacks * _REST_WORTH) / self._price_of_rest(unit)

    def _price_of_rest(self, unit: Unit) -> float:
        paid = sum(piece.cost for piece in unit.pieces if piece.kept)
        return max(unit.cost - paid, _SMALLEST_PRICE)

    def _entrance(self, unit: Unit) -> float:
        return 0.0 if unit.passage in self._opened else self._overhead

    def _pay(self, unit: Unit, price: float) -> None:
        self._spent += price
        self._opened.add(unit.passage)
