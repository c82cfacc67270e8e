import pytest

from catalogue.document import (
    MAX_DEPTH,
    MAX_FILE_BYTES,
    Document,
    Position,
    Value,
    dotted,
    read_document,
)
from catalogue.problems import ConfigurationError, Problem


def read(text: str) -> Document:
    return read_document(text.encode(), "c.yaml")


def refusal(data: bytes) -> Problem:
    with pytest.raises(ConfigurationError) as caught:
        read_document(data, "c.yaml")
    (problem,) = caught.value.problems
    return problem


@pytest.mark.requirement("catalogue:yaml:core-schema")
@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("off", "off"),
        ("no", "no"),
        ("Yes", "Yes"),
        ("12:30", "12:30"),
        ("2025-01-01", "2025-01-01"),
        ("1_000_000", 1_000_000),
        ("007", 7),
        ("0x10", 16),
        ("0o10", 8),
        ("-3", -3),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("-.inf", float("-inf")),
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        ("'1'", "1"),
        ("!!str 1", "1"),
        ("[a, {b: 1}]", ["a", {"b": 1}]),
    ],
)
def test_values_are_read_as_yaml_1_2_says(text: str, value: Value) -> None:
    document = read(f"key: {text}\n")

    assert document.value == {"key": value}
    assert document.problems == []


@pytest.mark.requirement("catalogue:yaml:core-schema")
def test_keys_are_text_as_written() -> None:
    assert read("4.1: a\non: b\nnull: c\n").value == {"4.1": "a", "on": "b", "null": "c"}


def test_not_a_number_stays_one_value() -> None:
    value = read("key: .nan").value

    assert isinstance(value, dict)
    assert value["key"] != value["key"]


def test_an_empty_file_is_an_empty_value() -> None:
    assert read("").value is None
    assert read("# only a comment\n").value is None


def test_every_key_and_value_remembers_where_it_stands() -> None:
    document = read("models:\n  small:\n    aliases: [a, b]\n")

    assert document.keys["models", "small"] == Position(2, 3)
    assert document.values["models", "small", "aliases", 1] == Position(3, 18)


def test_a_problem_about_something_absent_stands_at_what_is_around_it() -> None:
    document = read("models:\n  small: {}\n")

    problem = document.problem(("models", "small", "provider"), "is required", "add it")

    assert (problem.line, problem.column, problem.field) == (2, 3, "models.small.provider")


def test_names_of_a_section_include_entries_that_are_wrong() -> None:
    assert read("models: {a: 3, b: {}}").names("models") == ("a", "b")
    assert read("models: 3").names("models") == ()
    assert read("3").names("models") == ()


def test_list_positions_are_written_in_brackets() -> None:
    assert dotted(("panels", "council", "agents", 1, "id")) == "panels.council.agents[1].id"
    assert dotted(()) == ""


@pytest.mark.requirement("catalogue:problems:located")
def test_a_duplicate_key_is_found_at_its_second_place_and_the_first_value_is_kept() -> None:
    document = read("a: 1\nb: 2\na: 3\n")

    (problem,) = document.problems
    assert (problem.line, problem.column, problem.field) == (3, 1, "a")
    assert "the first is in line 1" in problem.message
    assert document.value == {"a": 1, "b": 2}


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("? [a]\n: 1\n", "a key is a list or a mapping"),
        ("a: !!python/object/apply:os.system [ls]\n", "which is not allowed"),
        ("a: !!python/name:os.system\n", "which is not allowed"),
        ("a: !mine text\n", "which is not allowed"),
        ("a: !!set {b}\n", "which is not allowed"),
        ("a: !!timestamp 2025-01-01\n", "which is not allowed"),
        ("a: !!int text\n", "is not a value of its kind"),
        ("a: " + "9" * 5000 + "\n", "is not a value of its kind"),
    ],
)
@pytest.mark.requirement("catalogue:yaml:bounded")
def test_what_is_not_plain_data_is_a_problem_and_the_rest_is_read(text: str, part: str) -> None:
    document = read(text + "z: 1\n")

    (problem,) = document.problems
    assert part in problem.message
    assert problem.line == 1
    assert isinstance(document.value, dict)
    assert document.value["z"] == 1


@pytest.mark.requirement("catalogue:yaml:bounded")
@pytest.mark.parametrize(
    ("data", "part"),
    [
        pytest.param(b"a" * (MAX_FILE_BYTES + 1), "is larger than 1024 KiB", id="large"),
        pytest.param(b"[" * 200_000, "nested too deeply", id="deep flow"),
        pytest.param(b"- " * 100_000, "nested too deeply", id="deep block"),
        pytest.param(b"[" * 40 + b"]" * 40, "nested too deeply", id="deeper than allowed"),
        pytest.param(b"&a [*a]", "nested too deeply", id="recursive alias"),
        pytest.param(b"a: [" + b"0," * 1001 + b"]", "more than 1000 values", id="many"),
        pytest.param(b"a: 1\n---\nb: 2\n", "single document", id="two documents"),
        pytest.param(b"a: *nobody\n", "undefined alias", id="unknown alias"),
        pytest.param(b"a: [1, 2\n", "is not valid YAML", id="unclosed"),
        pytest.param(b'a: "\\UFFFFFFFF"\n', "is not valid YAML", id="escape beyond Unicode"),
    ],
)
def test_a_file_without_measure_is_refused(
    data: bytes, part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("catalogue.document.MAX_NODES", 1000)  # 100,000 take seconds to parse

    assert part in refusal(data).message


@pytest.mark.requirement("catalogue:yaml:bounded")
def test_aliases_that_multiply_are_refused_before_they_fill_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("catalogue.document.MAX_NODES", 1000)
    levels = [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, 12)]
    bomb = "\n".join(["l0: &l0 [x]", *levels])

    assert "more than 1000 values" in refusal(bomb.encode()).message


def test_nesting_up_to_the_limit_is_read() -> None:
    assert read("[" * MAX_DEPTH + "]" * MAX_DEPTH).problems == []


@pytest.mark.requirement("catalogue:problems:located")
def test_syntax_errors_carry_line_and_column() -> None:
    problem = refusal(b"a: 1\nb: [1, }\n")

    assert (problem.line, problem.column) == (2, 8)


@pytest.mark.requirement("catalogue:problems:located")
def test_bytes_that_are_not_utf8_are_located() -> None:
    problem = refusal(b"a: 1\nb: \xff\n")

    assert (problem.line, problem.column, problem.message) == (2, 4, "is not UTF-8 text")


@pytest.mark.requirement("catalogue:problems:located")
def test_control_characters_are_located() -> None:
    problem = refusal(b"a: 1\nbc: \x07\n")

    assert (problem.line, problem.column) == (2, 5)
    assert "#x0007" in problem.message


def test_a_byte_order_mark_is_skipped() -> None:
    assert read_document(b"\xef\xbb\xbfa: 1\n", "c.yaml").value == {"a": 1}


def test_aliases_stand_for_what_they_name() -> None:
    assert read("a: &x {b: 1}\nc: *x\n").value == {"a": {"b": 1}, "c": {"b": 1}}
