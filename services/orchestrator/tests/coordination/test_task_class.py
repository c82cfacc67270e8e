import pytest

from orchestrator.coordination.task_class import READ_CHARS, task_class_of
from wire.conversation import (
    FunctionTool,
    GenerationRequest,
    ImagePart,
    Message,
    ResponseFormat,
    TextPart,
    ToolChoice,
    user_text,
)


def class_of(text: str) -> str:
    return task_class_of(GenerationRequest(items=(user_text(text),)))


@pytest.mark.requirement("coordination:weights:task-class")
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Why is the sky blue?", "prose"),
        ("Translate this letter into French.", "prose"),
        ("How many primes are below 100?", "exact"),
        ("What is 17 * 23?", "exact"),
        ("Which is a noble gas?\nA) Helium\nB) Iron", "exact"),
        ("Write a function that returns the n-th prime.", "code"),
        ("Fix this:\n```\nx = 1\n```", "code"),
        ("Why does app.py crash?", "code"),
        ("", "prose"),
    ],
)
def test_the_last_user_turn_tells_the_kind_of_task(text: str, expected: str) -> None:
    assert class_of(text) == expected


@pytest.mark.requirement("coordination:weights:task-class")
def test_the_shape_of_the_request_comes_before_its_words() -> None:
    turn = user_text("How many primes are below 100?")
    seen = Message("user", (TextPart("What is this?"), ImagePart("data:image/png;base64,AAAA")))
    tools = (FunctionTool("f"),)

    assert task_class_of(GenerationRequest(items=(seen,))) == "vision"
    assert task_class_of(GenerationRequest(items=(turn,), tools=tools)) == "tools"
    withheld = GenerationRequest(items=(turn,), tools=tools, tool_choice=ToolChoice("none"))
    assert task_class_of(withheld) == "exact"
    shaped = GenerationRequest(items=(turn,), response_format=ResponseFormat("json_object"))
    assert task_class_of(shaped) == "structured"


def test_a_conversation_without_a_user_turn_is_prose() -> None:
    assert task_class_of(GenerationRequest(items=())) == "prose"


@pytest.mark.timeout(5)
@pytest.mark.parametrize("piece", ["\n", " ", "A) x\n", "1 ", "function ", "```"])
def test_no_text_takes_long_to_classify(piece: str) -> None:
    class_of(piece * (READ_CHARS // len(piece)))
