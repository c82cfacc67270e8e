from orchestrator.coordination.answers import Answer
from orchestrator.coordination.tool_votes import winning_calls
from wire.conversation import ToolCall


def proposes(agent: str, arguments: str) -> Answer:
    call = ToolCall(f"call-{agent}", "f", arguments)
    return Answer(agent, 1, 0, 1, "tools", "", "tool_calls", tool_calls=(call,))


def says(agent: str) -> Answer:
    return Answer(agent, 1, 0, 1, "text", "words", "stop")


WEIGHTS = dict.fromkeys("abcd", 1.0)


def test_the_largest_cluster_of_equal_calls_wins() -> None:
    answers = [proposes("a", '{"x":1}'), proposes("b", '{"x":2}'), proposes("c", '{ "x": 2.0 }')]

    winner = winning_calls(answers, WEIGHTS, required=False, seed="s")

    assert winner is not None
    assert winner.agent_id == "b"


def test_text_that_weighs_more_wins_unless_a_call_is_required() -> None:
    answers = [proposes("a", "{}"), says("b"), says("c")]

    assert winning_calls(answers, WEIGHTS, required=False, seed="s") is None
    required = winning_calls(answers, WEIGHTS, required=True, seed="s")
    assert required is not None
    assert required.agent_id == "a"


def test_nobody_proposing_means_no_call() -> None:
    assert winning_calls([says("a")], WEIGHTS, required=True, seed="s") is None
