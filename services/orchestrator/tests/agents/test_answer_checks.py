import json
import socket

import msgspec
import pytest

from orchestrator.agents.answer_checks import (
    InvalidAnswerError,
    UnusableSchemaError,
    answer_check,
)
from wire.conversation import ResponseFormat

SCHEMA = {
    "type": "object",
    "properties": {"age": {"type": "integer", "minimum": 0}},
    "required": ["age"],
    "additionalProperties": False,
}


def strict(schema: object) -> ResponseFormat:
    return ResponseFormat("json_schema", "x", msgspec.Raw(json.dumps(schema).encode()), strict=True)


@pytest.mark.requirement("orchestrator:structured-output")
def test_what_satisfies_the_schema_passes_unchanged_and_without_its_code_fence() -> None:
    check = answer_check(strict(SCHEMA))

    assert check('{"age": 3}') == '{"age": 3}'
    assert check('```json\n{"age": 3}\n```') == '{"age": 3}'


@pytest.mark.requirement("orchestrator:structured-output")
@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("three", "not JSON"),
        ('{"age": "3"}', r"\$\.age breaks 'type'"),
        ('{"age": -1}', r"\$\.age breaks 'minimum'"),
        ("{}", r"\$ breaks 'required'"),
        ('{"age": 1, "secret": "words"}', "additionalProperties"),
    ],
)
def test_what_breaks_it_says_where_and_quotes_nothing_of_the_answer(text: str, where: str) -> None:
    with pytest.raises(InvalidAnswerError, match=where) as raised:
        answer_check(strict(SCHEMA))(text)

    assert "words" not in str(raised.value)


def test_a_json_object_only_has_to_be_json() -> None:
    check = answer_check(ResponseFormat("json_object"))

    assert check("[1]") == "[1]"
    with pytest.raises(InvalidAnswerError):
        check("{")


@pytest.mark.parametrize("schema", [{"type": "nonsense"}, {"properties": 3}, 7])
def test_a_schema_that_is_none_is_refused(schema: object) -> None:
    with pytest.raises(UnusableSchemaError):
        answer_check(strict(schema))


@pytest.mark.timeout(5)
def test_a_hostile_pattern_is_not_run() -> None:
    check = answer_check(strict({"type": "string", "pattern": "^(a+)+$"}))

    assert check(json.dumps("a" * 60 + "!"))


def test_a_reference_elsewhere_is_refused_and_never_fetched(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object) -> None:
        pytest.fail("a connection was tried")

    monkeypatch.setattr(socket, "create_connection", refuse)

    with pytest.raises(UnusableSchemaError, match="is not in the schema"):
        answer_check(strict({"items": {"$ref": "http://127.0.0.1:9/schema.json"}}))


def test_a_reference_within_that_leads_nowhere_fails_the_answer() -> None:
    with pytest.raises(InvalidAnswerError):
        answer_check(strict({"$ref": "#/$defs/missing"}))("{}")


def test_deep_nesting_is_an_invalid_answer() -> None:
    deep = "[" * 100_000 + "]" * 100_000

    with pytest.raises(InvalidAnswerError):
        answer_check(strict({"type": "array"}))(deep)
