import pytest

from orchestrator.coordination.plan import MAX_ROUNDS, PlannedAgent, RunPlan

PLAN = RunPlan(seed="s", agents=(PlannedAgent(agent_id="ada"), PlannedAgent(agent_id="bob")))


def test_agents_keep_the_order_of_registration() -> None:
    assert PLAN.agent_ids == ("ada", "bob")
    assert PLAN.agent("bob").agent_id == "bob"


@pytest.mark.requirement("coordination:refine")
def test_no_panel_may_refine_more_than_three_times() -> None:
    greedy = RunPlan(seed="s", agents=PLAN.agents, max_rounds=99)

    assert (PLAN.rounds_allowed, greedy.rounds_allowed) == (1, MAX_ROUNDS)
