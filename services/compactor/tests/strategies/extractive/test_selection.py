"""Spending a budget."""

from __future__ import annotations

from compactor.strategies.extractive.selection import Buyer
from compactor.strategies.extractive.units import Unit, units_of


def priced(*texts: str, worth: float = 0.1) -> list[Unit]:
    units = [
        u for place, text in enumerate(texts) for u in units_of(place, text, machine_made=False)
    ]
    for unit in units:
        unit.cost = len(unit.text.split())
        for piece in unit.pieces:
            piece.cost, piece.worth = 1.0, worth
    return units


def kept(units: list[Unit]) -> list[str]:
    return [piece.text for unit in units for piece in unit.pieces if piece.kept]


def test_the_most_worth_per_token_is_bought_first() -> None:
    units = priced("alpha beta gamma delta epsilon zeta eta theta iota kappa")
    units[0].pieces[3].worth = 0.9
    units[0].pieces[5].worth, units[0].pieces[5].cost = 0.9, 9.0

    Buyer(units, 1.0, machine_share=0.0).buy(2.5)

    assert kept(units) == ["delta"]


def test_a_passage_costs_its_overhead_once() -> None:
    units = priced("alpha beta gamma", "delta epsilon zeta eta theta iota kappa lambda mu nu xi")
    units[0].pieces[0].worth = 0.2
    units[0].pieces[1].worth = 0.15

    Buyer(units, 2.0, machine_share=0.0).buy(6.0)

    assert kept(units) == ["alpha", "beta", "gamma"]


def test_a_negation_comes_with_what_it_negates() -> None:
    units = priced("we do not eat walnuts here at all in winter or spring or autumn")
    for piece in units[0].pieces:
        piece.worth = 0.9 if piece.text == "walnuts" else 0.0

    Buyer(units, 1.0, machine_share=0.0).buy(3.0)

    assert kept(units) == ["not", "walnuts"]


def test_what_is_left_makes_sentences_whole() -> None:
    units = priced("alpha of the beta", "gamma of the delta and so on and on and on")

    Buyer(units, 0.0, machine_share=1.0).buy(11.0)

    assert [unit.whole for unit in units] == [True, False]


def test_where_tools_speak_room_is_reserved_for_identifiers() -> None:
    units = priced("many plain words here in a row", "A1001 B2002 C3003")
    for piece in units[0].pieces:
        piece.worth = 0.5

    Buyer(units, 0.0, machine_share=0.0).buy(4.0)
    plain = kept(units)
    Buyer(units, 0.0, machine_share=1.0).buy(4.0)

    assert not {"A1001", "B2002"} & set(plain)
    assert {"A1001"} <= set(kept(units))
