"""Which tools a plain question is about."""

import pytest

from provider_sim.prompt import Tool
from provider_sim.tool_questions import LONGEST_QUESTION_CHARACTERS, asked_tools, named_thing

WEATHER, TIME, TIDES = Tool("get_weather"), Tool("getLocalTime"), Tool("mcp__sea__find_tides")


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("What's the weather like in San Francisco?", [WEATHER]),
        ("Weather and local time in Rome?", [WEATHER, TIME]),
        ("When is the tide?", [TIDES]),
        ("What time is it?", []),
        ("Tell me about the weather.", []),
        ("Why is the sky blue?", []),
        ("weather? " + "x" * LONGEST_QUESTION_CHARACTERS, []),
    ],
)
@pytest.mark.requirement("provider-sim:tool-question")
def test_a_short_question_that_names_what_a_tool_is_for(
    question: str, expected: list[Tool]
) -> None:
    assert list(asked_tools((WEATHER, TIME, TIDES), question)) == expected


def test_a_name_that_says_nothing_and_a_tool_for_free_text_are_never_meant() -> None:
    tools = (Tool("run"), Tool("get"), Tool("weather", custom=True))

    assert asked_tools(tools, "Can you get the weather, or run?") == ()


@pytest.mark.parametrize(
    ("question", "name"),
    [
        ("What's the weather like in San Francisco?", "San Francisco"),
        ("Is it warmer in Rome, or in Oslo today?", "Oslo"),
        ("What time is it?", None),
    ],
)
def test_a_question_is_about_what_it_names(question: str, name: str | None) -> None:
    assert named_thing(question) == name
