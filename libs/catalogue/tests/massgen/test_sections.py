import pytest

from catalogue.document import read_document
from catalogue.massgen.sections import Findings, Section


@pytest.fixture
def findings() -> Findings:
    return Findings(read_document(b"", "file.yaml"))


def section(findings: Findings, text: str) -> Section:
    document = read_document(text.encode(), "file.yaml")
    assert isinstance(document.value, dict)
    findings.document = document
    return Section(findings, (), document.value)


def told(findings: Findings) -> list[tuple[int, str, str]]:
    return [(p.line, p.field, p.message) for p in (*findings.problems, *findings.warnings)]


def test_values_are_read_by_their_kind(findings: Findings) -> None:
    values = section(findings, "t: x\nn: 3\nf: 0.5\nb: true\nw: two\ns: {k: v}\nl: [{}, {}]\n")

    inner = values.section("s")

    assert values.text("t") == "x"
    assert values.whole_number("n") == 3
    assert (values.number("f", most=1), values.number("n", above=2, most=3)) == (0.5, 3.0)
    assert values.truth("b") is True
    assert values.choice("w", {"one": 1, "two": 2}) == 2
    assert inner is not None
    assert inner.text("k") == "v"
    assert len(values.sections("l")) == 2
    assert told(findings) == []


def test_absent_null_and_empty_are_nothing(findings: Findings) -> None:
    values = section(findings, "null: ~\nempty: ''\n")

    assert not any(map(values.has, ("null", "empty", "absent")))
    assert values.text("null") is values.text("empty") is values.text("absent") is None
    assert values.whole_number("null") is values.truth("null") is values.section("null") is None
    assert values.sections("null") == []
    assert told(findings) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("v: [x]", "must be text"),
        ("v: 7", "must be text"),
        (f"v: {'x' * 11}", "is too long"),
        ('v: "\\ud800"', "holds half a character"),
    ],
)
def test_texts_of_the_wrong_kind_are_refused(findings: Findings, text: str, message: str) -> None:
    assert section(findings, text).text("v", most=10) is None
    assert told(findings) == [(1, "v", message)]


@pytest.mark.parametrize("value", ["true", "0", "-1", "1.5", "x", "[1]"])
def test_what_is_no_whole_number_is_refused(findings: Findings, value: str) -> None:
    assert section(findings, f"v: {value}").whole_number("v") is None
    assert told(findings) == [(1, "v", "must be a whole number of at least 1")]


@pytest.mark.parametrize("value", ["true", "-0.1", "2.1", ".nan", ".inf", "x", "9" * 400])
def test_what_is_out_of_range_is_refused(findings: Findings, value: str) -> None:
    assert section(findings, f"v: {value}").number("v", most=2) is None
    assert told(findings) == [(1, "v", "must be a number, at least 0 and at most 2")]


def test_a_word_that_is_no_choice_is_refused_with_the_nearest(findings: Findings) -> None:
    values = section(findings, "v: lenent")

    assert values.choice("v", {"lenient": 1, "strict": 2}) is None
    assert findings.problems[0].fix == "did you mean 'lenient'?"


def test_what_nobody_read_is_reported_at_its_line(findings: Findings) -> None:
    values = section(findings, "known: 1\nalso: 2\nother: 3\n")
    values.whole_number("known")
    values.ignore(["also"])

    values.report_rest()

    assert told(findings) == [(3, "other", "has no counterpart and is ignored")]
