import pytest

from orchestrator.coordination.normal_forms import exact_form, tool_calls_form
from wire.conversation import ToolCall

SAME = [
    ("42", "42.0"),
    ("42", "The answer is 42."),
    ("1,000", "1000"),
    ("**3.50**", "3.5"),
    ("\\boxed{7}", "Final answer: 7"),
    ("-5", "\u22125"),
    ("0.50", ".5"),
    ("1e3", "1000"),
    ("12 km", "12 KM"),
    ("B", "(b)"),
    ("Option C", "c."),
    ("Paris", "paris!"),
    ("New  York", "new york."),
    ('{"a": 1, "b": [2.0]}', '{"b":[2],"a":1.0}'),
    ('```json\n{"a": 1}\n```', '{"a":1}'),
    ("```python\nx = 1\n\ny = 2  \n```", "```python\nx = 1\ny = 2\n```"),
]
DIFFERENT = [
    ("42", "43"),
    ("42", "42 km"),
    ("$5", "5"),
    ("-5", "5"),
    ("B", "C"),
    ("Paris", "Lyon"),
    ('{"a": 1}', '{"a": 2}'),
    ("```\nx = 1\n```", "```\nx = 2\n```"),
    ("1.5", "15"),
    ("true", "false"),
    ("x < 3", "x > 3"),
    ("C", "C++"),
    ("a+b", "a-b"),
    ("3/4", "3 4"),
    (".5", "5"),
    ("**.5**", "5"),
    ("1" * 40, "1" * 39 + "2"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
@pytest.mark.requirement("coordination:clusters:exact")
def test_spellings_of_one_result_have_one_form(one: str, other: str) -> None:
    assert exact_form(one) == exact_form(other)


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
@pytest.mark.requirement("coordination:clusters:exact")
def test_different_results_have_different_forms(one: str, other: str) -> None:
    assert exact_form(one) != exact_form(other)


def test_longer_prose_has_no_exact_form() -> None:
    assert exact_form("The sky is blue because short waves scatter more.") is None


@pytest.mark.parametrize("text", ["", "   ", "...", "**", "{", "[1, 2", "```\n```", "\\boxed{}"])
def test_odd_texts_have_a_form_and_raise_nothing(text: str) -> None:
    assert isinstance(exact_form(text), str)


def test_calls_are_the_same_in_any_order_and_spelling_of_arguments() -> None:
    one = [ToolCall("1", "f", '{"a": 1, "b": 2}'), ToolCall("2", "g", "{}")]
    other = [ToolCall("8", "g", " {} "), ToolCall("9", "f", '{"b":2,"a":1}')]

    assert tool_calls_form(one) == tool_calls_form(other)
    assert tool_calls_form(one) != tool_calls_form(one[:1])


def test_free_text_of_custom_tools_is_compared_verbatim() -> None:
    one = [ToolCall("1", "run", '{"a": 1}', kind="custom")]
    other = [ToolCall("1", "run", '{"a":1}', kind="custom")]

    assert tool_calls_form(one) != tool_calls_form(other)
