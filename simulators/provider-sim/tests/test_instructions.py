"""The three plain instructions, in the wrappings that clients put around them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provider_sim.instructions import (
    ExactReply,
    ToolErrand,
    ToolStep,
    ValueQuestion,
    find_instruction,
    stated_value,
)

EXACT = "Reply with exactly this text and nothing else: "
CALL = "Call the tool named `{}` exactly once with these arguments: {} . After the tool result, "
FINAL = "reply with exactly: "

line_text = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"], exclude_characters="<>"),
    min_size=1,
    max_size=60,
).map(str.strip)
words = line_text.filter(lambda text: bool(text) and "\\n" not in text)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


@pytest.mark.requirement("provider-sim:exact-reply")
@given(words, st.text(max_size=200), st.text(max_size=200))
def test_the_text_is_found_between_other_lines(wanted: str, before: str, after: str) -> None:
    prompt = f"{before}\n{EXACT}{wanted}\n{after}"

    found = find_instruction(prompt)

    assert found == ExactReply(wanted)


@pytest.mark.parametrize(
    ("prompt", "wanted"),
    [
        (EXACT + "PONG-1", "PONG-1"),
        (EXACT + "PONG-1.", "PONG-1."),
        (EXACT + "two words", "two words"),
        (EXACT + '"quoted"', '"quoted"'),
        (EXACT + "a <b>bold</b> word", "a <b>bold</b> word"),
        (EXACT + "PONG-1\r\nThanks!", "PONG-1"),
        (EXACT + "\nPONG-1\nmore", "PONG-1"),
        (f"<task>\n{EXACT}PONG-1\n</task>\n<env>linux</env>", "PONG-1"),
        (f"<user_query>{EXACT}PONG-1</user_query>", "PONG-1"),
        (f"<user_query>{EXACT}PONG-1</user_query> cwd: /x", "PONG-1"),
        (f'The user says "{EXACT}PONG-1" and waits.', "PONG-1"),
        (f"“{EXACT}PONG-1”", "PONG-1"),
        (f"`{EXACT}PONG-1`", "PONG-1"),
        (json.dumps({"messages": [{"content": EXACT + "PONG-1"}]}), "PONG-1"),
        (json.dumps(json.dumps({"content": EXACT + "PONG-1"})), "PONG-1"),
        (json.dumps({"text": f"{EXACT}PONG-1\nand more"}), "PONG-1"),
        (f"{EXACT}FIRST\n{EXACT}SECOND", "SECOND"),
        (EXACT.upper() + "PONG-1", "PONG-1"),
        (EXACT.replace(" ", "\n") + "PONG-1", "PONG-1"),
    ],
)
def test_wrappings_are_taken_off(prompt: str, wanted: str) -> None:
    assert find_instruction(prompt) == ExactReply(wanted)


@pytest.mark.requirement("provider-sim:tool-errand")
@given(st.dictionaries(st.text(max_size=8), json_values, max_size=4), words)
def test_arguments_are_read_as_balanced_json(arguments: dict[str, object], final: str) -> None:
    prompt = CALL.format("get_weather", json.dumps(arguments)) + FINAL + final + "\nBye {}"

    found = find_instruction(prompt)

    assert isinstance(found, ToolErrand)
    assert json.loads(found.steps[0].arguments) == arguments
    assert found.steps[0].tool == "get_weather"
    assert found.final == final


@pytest.mark.parametrize(
    "prompt",
    [
        "Please.\n<q>" + CALL.format("Bash", '{"a":{"b":"} . After"}}') + FINAL + "DONE</q>\n{}",
        json.dumps({"c": CALL.format("Bash", '{"a":{"b":"} . After"}}') + FINAL + "DONE"}),
        "'" + CALL.format("Bash", '{"a":{"b":"} . After"}}') + FINAL + "DONE'",
    ],
)
def test_an_errand_is_read_out_of_its_wrapping(prompt: str) -> None:
    found = find_instruction(prompt)

    assert isinstance(found, ToolErrand)
    assert json.loads(found.steps[0].arguments) == {"a": {"b": "} . After"}}
    assert (found.steps[0].tool, found.final) == ("Bash", "DONE")


def test_several_calls_are_one_errand_in_their_order() -> None:
    prompt = (
        CALL.format("one", '{"n":1}')
        + FINAL
        + "A\nThen: "
        + CALL.format("two", '{"n":2}')
        + FINAL
        + "B"
    )

    found = find_instruction(prompt)

    assert found == ToolErrand((ToolStep("one", '{"n":1}'), ToolStep("two", '{"n":2}')), "B")


@pytest.mark.parametrize("name", ["BOX-3", "the code of box 3", "x_y", "`TOKEN`", '"KEY"'])
def test_a_question_for_a_value_names_it_without_quotes(name: str) -> None:
    prompt = f"Hello.\nWhat is the value of {name}? Answer only from this conversation.\nThanks"

    assert find_instruction(prompt) == ValueQuestion(name.strip('`"'))


@pytest.mark.parametrize(
    "prompt",
    [
        "",
        "Reply to me.",
        "Call the tool named `x` exactly once with these arguments: {broken",
        "What is the value of X? Answer freely.",
    ],
)
def test_plain_text_holds_no_instruction(prompt: str) -> None:
    assert find_instruction(prompt) is None


@given(st.text(max_size=400))
def test_any_text_can_be_searched(prompt: str) -> None:
    for text in (prompt, EXACT + prompt, CALL.format(prompt, prompt) + FINAL + prompt):
        find_instruction(text)
        stated_value("NAME", [text])


@pytest.mark.requirement("provider-sim:value-from-conversation")
@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("NAME is K7-QX.", "K7-QX"),
        ("NAME = 42", "42"),
        ("NAME: 42, and so on", "42"),
        ("the value of NAME is abc123.", "abc123"),
        ("Fact 3: the code of NAME is ff001. filler filler", "ff001"),
        ("NAME is now 7, it was 6", "7"),
        ("`NAME` is `a b c`", "a b c"),
        ('{"NAME": "v-1"}', "v-1"),
        ("**NAME**: v1", "v1"),
        ("NAME was set to 9.5.", "9.5"),
        ("NAME is New York. Nice.", "New York"),
        ("NAME is Paris and the sun shines", "Paris"),
        ("<fact>NAME is v1</fact>", "v1"),
        ("name IS v1", "v1"),
        ("NAME is v1. NAME is v2.", "v2"),
        ("NAMES is x1. MY-NAME is x2. NAME-2 is x3.", None),
        ("What is the value of NAME? Answer only from this conversation.", None),
        ("nothing here", None),
    ],
)
def test_a_value_is_what_the_text_states_last(text: str, value: str | None) -> None:
    assert stated_value("NAME", [text]) == value


def test_a_later_message_overrides_an_earlier_one() -> None:
    texts = ["NAME is v1.", "By the way, NAME is v2.", "no statement"]

    assert stated_value("NAME", texts) == "v2"


@given(st.from_regex(r"[A-Z]{3,8}-[0-9]{1,4}", fullmatch=True), st.integers(0, 10**12))
def test_planted_codes_are_found_in_long_texts(name: str, number: int) -> None:
    texts = ["filler " * 50 + f"the code of {name} is v{number}. " + "filler " * 50]

    assert stated_value(name, texts) == f"v{number}"
