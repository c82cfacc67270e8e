from collections import Counter, defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.coordination.ballots import (
    BallotSheet,
    InvalidBallotError,
    draw_sheets,
    read_paper,
)
from orchestrator.coordination.events import BallotPaper
from wire.specs import SelfVote

panels = st.lists(st.text("abcxyz-1", min_size=1, max_size=6), min_size=2, max_size=9, unique=True)
seeds = st.text("0123456789abcdef", min_size=1, max_size=32)
self_votes: st.SearchStrategy[SelfVote] = st.sampled_from(["exclude", "last", "allow"])
SHEET = BallotSheet("ada", ("bob", "cyd"), ("K7QX", "M2ZP"))


@pytest.mark.requirement("coordination:ballots:latin-square")
@given(agents=panels, seed=seeds, self_vote=self_votes, round_no=st.integers(0, 3))
def test_each_answer_stands_in_each_slot_exactly_once_over_the_voters_that_see_it(
    agents: list[str], seed: str, self_vote: SelfVote, round_no: int
) -> None:
    sheets = draw_sheets(agents, self_vote=self_vote, seed=seed, round_no=round_no)

    slots: defaultdict[str, list[int]] = defaultdict(list)
    for sheet in sheets:
        for slot, agent in enumerate(sheet.order):
            slots[agent].append(slot)
    width = len(agents) - (self_vote == "exclude")
    assert [sheet.voter_id for sheet in sheets] == agents
    assert all(sorted(slots[agent]) == list(range(width)) for agent in agents)


@pytest.mark.requirement("coordination:ballots:own-answer")
@given(agents=panels, seed=seeds)
def test_ones_own_answer_is_absent_by_default_and_last_where_it_may_be_seen(
    agents: list[str], seed: str
) -> None:
    for sheet in draw_sheets(agents, self_vote="exclude", seed=seed, round_no=0):
        assert sheet.voter_id not in sheet.order
    for sheet in draw_sheets(agents, self_vote="last", seed=seed, round_no=0):
        assert sheet.order[-1] == sheet.voter_id


@pytest.mark.requirement("coordination:ballots:labels")
@given(agents=panels, seed=seeds)
def test_labels_are_distinct_on_a_sheet_and_say_nothing_across_sheets_or_rounds(
    agents: list[str], seed: str
) -> None:
    first = draw_sheets(agents, self_vote="allow", seed=seed, round_no=0)
    second = draw_sheets(agents, self_vote="allow", seed=seed, round_no=1)

    for sheet in first:
        assert len(set(sheet.labels)) == len(sheet.labels)
    uses = Counter(label for sheet in (*first, *second) for label in sheet.labels)
    # 32^4 labels: a chance meeting may happen, a rule that reuses them would show at once.
    assert sum(count - 1 for count in uses.values()) <= 2


@pytest.mark.requirement("coordination:ballots:labels")
def test_labels_do_not_follow_agents_places_or_each_other() -> None:
    agents = ["ada", "bob", "cyd", "dan"]
    by_agent: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for number in range(400):
        for sheet in draw_sheets(agents, self_vote="exclude", seed=f"seed {number}", round_no=0):
            for agent, label in zip(sheet.order, sheet.labels, strict=True):
                by_agent[agent][label[0]] += 1

    for signs in by_agent.values():
        assert len(signs) == 32  # each first sign occurs for each agent
        assert max(signs.values()) < 80  # of 1,200: about 38 expected of each


def test_the_same_seed_draws_the_same_sheets_and_another_seed_others() -> None:
    agents = ["ada", "bob", "cyd", "dan", "eve"]
    drawn = [draw_sheets(agents, self_vote="exclude", seed=s, round_no=0) for s in ("1", "1", "2")]

    assert drawn[0] == drawn[1]
    assert drawn[0] != drawn[2]


def test_a_ballot_is_read_from_labels_to_agents() -> None:
    paper = BallotPaper(("M2ZP", "k7qx"), ("<M2ZP>",), " because\nof  this ", " better ")

    ballot = read_paper(SHEET, paper)

    assert ballot.ranking == ("cyd", "bob")
    assert ballot.approved == ("cyd",)
    assert ballot.reason == "because of this"
    assert ballot.refined_answer == "better"


@pytest.mark.parametrize(
    ("ranking", "said"), [((), "empty"), (("NOPE",), "NOPE"), (("K7QX", "K7QX"), "twice")]
)
def test_a_ranking_that_names_none_a_strange_or_the_same_label_is_refused(
    ranking: tuple[str, ...], said: str
) -> None:
    with pytest.raises(InvalidBallotError, match=said):
        read_paper(SHEET, BallotPaper(ranking))


def test_approving_a_strange_label_approves_nobody() -> None:
    assert read_paper(SHEET, BallotPaper(("K7QX",), ("NOPE",))).approved == ()
