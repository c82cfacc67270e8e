from collections.abc import Callable

import pytest

from catalogue.document import read_document
from catalogue.problems import Problem
from catalogue.validation import suggestion, validate

ProblemsOf = Callable[[str], list[Problem]]


# `@` marks where the problem stands.
@pytest.mark.requirement("catalogue:problems:located")
@pytest.mark.parametrize(
    ("entry", "field", "message", "fix"),
    [
        ("@tested: {}", "provider", "is required", "add `provider: ...`"),
        ("tested: {provider: @4}", "provider", "must be text, not a number", "put it in quotes"),
        ("tested: {provider:@ }", "provider", "must be text, not empty", "put it in quotes"),
        (
            "tested: {provider: local, context_window_tokens: @'9'}",
            "context_window_tokens",
            "must be a whole number, not text",
            "write digits without quotes",
        ),
        (
            "tested: {provider: local, context_window_tokens: @1.5}",
            "context_window_tokens",
            "must be a whole number, not a number with a fraction",
            "write digits without quotes",
        ),
        (
            "tested: {provider: local, context_window_tokens: @0}",
            "context_window_tokens",
            "must be at least 1",
            "write a value that is at least 1",
        ),
        (
            "tested: {provider: local, aliases: @fast}",
            "aliases",
            "must be a list, not text",
            "write [a, b]",
        ),
        (
            "tested: {provider: local, aliases: @[a, b, a]}",
            "aliases",
            "'a' stands twice",
            "keep one",
        ),
        (
            "tested: {provider: local, capabilities: @[tools]}",
            "capabilities",
            "must be a mapping, not a list",
            "write its fields below it, indented",
        ),
        (
            "tested: {provider: local, capabilities: {tools: @on}}",
            "capabilities.tools",
            "must be true or false, not text",
            "write true or false without quotes",
        ),
        (
            "tested: {provider: local, @alias: [a]}",
            "alias",
            "is not a known key",
            "did you mean 'aliases'?",
        ),
        (
            "tested: {provider: local, dialects: [@chats]}",
            "dialects[0]",
            "must be one of chat, responses, messages",
            "did you mean 'chat'?",
        ),
        (
            "tested: {provider: local, prices: {output_usd_per_mtok: @-1}}",
            "prices.output_usd_per_mtok",
            "must be at least 0",
            "write a value that is at least 0",
        ),
        (
            "tested: {provider: local, prices: {output_usd_per_mtok: @.inf}}",
            "prices.output_usd_per_mtok",
            "must be a finite number",
            "write a value that is a finite number",
        ),
        (
            "tested: {provider: local, upstream_model: @''}",
            "upstream_model",
            "is empty",
            "write some text, or remove it",
        ),
        (
            "tested: {provider: local, @<<: {a: b}}",
            "<<",
            "merge keys are not supported",
            "repeat the fields, or give them to one entry",
        ),
    ],
)
def test_each_kind_of_mistake_has_its_place_and_its_remedy(
    problems_of: ProblemsOf, minimal: str, *, entry: str, field: str, message: str, fix: str
) -> None:
    line = f"  {entry}"

    found = problems_of(minimal + line.replace("@", "") + "\n")

    column = line.index("@") + 1
    assert found == [Problem("conclave.yaml", 7, column, f"models.tested.{field}", message, fix)]


@pytest.mark.requirement("catalogue:problems:located")
@pytest.mark.parametrize(
    ("text", "field", "message"),
    [
        ("", "", "must be a mapping, not empty"),
        ("[]", "", "must be a mapping, not a list"),
        ("version: 2", "version", "is a version this release does not read"),
        ("version: true", "version", "must be a whole number, not true or false"),
        ("models:", "models", "must be a mapping, not empty"),
        ("models: {}", "models", "is empty"),
        ("model: {}", "model", "is not a known key"),
        ("models: {'a//b': {provider: x}}", "models.a//b", "is not a usable name"),
        ("models: {'a b': {provider: x}}", "models.a b", "is not a usable name"),
        ("models: {a: 3}", "models.a", "must be a mapping, not a number"),
        ("panels: {p: {agents: []}}", "panels.p.agents", "is empty"),
    ],
)
def test_mistakes_at_the_top_are_found(
    problems_of: ProblemsOf, text: str, field: str, message: str
) -> None:
    found = {(problem.field, problem.message) for problem in problems_of(text)}

    assert (field, message) in found


@pytest.mark.requirement("catalogue:problems:collected")
def test_what_is_right_is_kept_for_the_checks_between_entries() -> None:
    text = """\
version: two
providers: {p: {kind: openai, idle_timeout_s: -1}}
models:
  good: {provider: p, nonsense: 1}
  hopeless: {provider: 3}
panels:
  council: {agents: [{id: a, model: good, weight: heavy}]}
"""

    records, problems = validate(read_document(text.encode(), "c.yaml"))

    assert len(problems) == 5
    assert list(records.models) == ["good"]
    assert records.providers["p"].idle_timeout_s == 60
    assert records.panels["council"].agents[0].weight == 1


def test_without_a_usable_entry_the_records_are_empty() -> None:
    records, problems = validate(read_document(b"models: 3", "c.yaml"))

    assert (records.providers, records.models, records.panels) == ({}, {}, {})
    assert problems


def test_a_near_name_is_suggested_else_the_known_ones() -> None:
    assert suggestion("gpt-5", ["gpt-5.4", "sim"], noun="a model") == "did you mean 'gpt-5.4'?"
    assert suggestion("zzz", ["b", "a"], noun="a model") == "known: b, a"
    assert suggestion("zzz", [], noun="a model") == "declare a model first"


def test_a_long_list_of_known_names_is_cut() -> None:
    names = [f"m{number}" for number in range(12)]

    assert suggestion("zzz", names, noun="a model").endswith("m9 and 2 more")
