from collections.abc import Callable

import pytest

from catalogue.configuration import Catalogue
from catalogue.problems import Problem

ProblemsOf = Callable[[str], list[Problem]]
Load = Callable[[str], Catalogue]


@pytest.mark.requirement("catalogue:references")
@pytest.mark.parametrize(
    ("entry", "field", "message", "fix"),
    [
        (
            "{provider: locale}",
            "provider",
            "there is no provider 'locale'",
            "did you mean 'local'?",
        ),
        ("{provider: zzz}", "provider", "there is no provider 'zzz'", "known: local"),
        (
            "{provider: local, max_output_tokens: 9, context_window_tokens: 8}",
            "max_output_tokens",
            "is larger than the context window of 8 tokens",
            "lower it, or correct context_window_tokens",
        ),
        (
            "{provider: local, fallbacks: [smal]}",
            "fallbacks[0]",
            "there is no model 'smal'",
            "did you mean 'small'?",
        ),
        (
            "{provider: local, fallbacks: [tested]}",
            "fallbacks[0]",
            "the fallbacks go in a circle: tested -> tested",
            "remove one of them",
        ),
        (
            "{provider: local, fallbacks: [embedder]}",
            "fallbacks[0]",
            "'embedder' speaks none of chat",
            "name a model that shares a dialect",
        ),
        (
            "{provider: local, dialects: [], capabilities: {embeddings: true}, fallbacks: [small]}",
            "fallbacks[0]",
            "'small' has no embeddings",
            "remove it, or name a model that has",
        ),
        (
            "{provider: local, aliases: [small]}",
            "aliases[0]",
            "the alias 'small' already belongs to model 'small'",
            "choose another alias",
        ),
    ],
)
def test_contradictions_of_a_model_are_refused(
    problems_of: ProblemsOf, minimal: str, *, entry: str, field: str, message: str, fix: str
) -> None:
    text = f"""{minimal}\
  embedder: {{provider: local, dialects: [], capabilities: {{embeddings: true}}}}
  tested: {entry}
"""

    (problem,) = problems_of(text)

    assert (problem.line, problem.field) == (8, f"models.tested.{field}")
    assert (problem.message, problem.fix) == (message, fix)


@pytest.mark.requirement("catalogue:references")
@pytest.mark.parametrize(
    ("fields", "field", "message", "fix"),
    [
        ("quorum: 3", "quorum", "is larger than the 2 agents", "write at most 2"),
        (
            "presenter: b",
            "presenter",
            "there is no agent 'b' in this panel",
            "known: ada, bob",
        ),
        ("lead: boob", "lead", "there is no agent 'boob' in this panel", "did you mean 'bob'?"),
        (
            "lead: bob",
            "lead",
            "the model of 'bob' cannot call tools",
            "name an agent whose model can, or write `tools: off`",
        ),
        (
            "limits: {max_calls: 1}",
            "limits.max_calls",
            "does not even let the 2 agents answer once",
            "write at least 2; a ballot takes as many again",
        ),
        (
            "aliases: [small]",
            "aliases[0]",
            "the alias 'small' already belongs to model 'small'",
            "choose another alias",
        ),
    ],
)
def test_contradictions_of_a_panel_are_refused(
    problems_of: ProblemsOf, minimal: str, *, fields: str, field: str, message: str, fix: str
) -> None:
    text = f"""{minimal}\
  plain: {{provider: local, capabilities: {{tools: false}}}}
panels:
  council:
    agents: [{{id: ada, model: small}}, {{id: bob, model: plain}}]
    {fields}
"""

    (problem,) = problems_of(text)

    assert (problem.line, problem.field) == (11, f"panels.council.{field}")
    assert (problem.message, problem.fix) == (message, fix)


@pytest.mark.requirement("catalogue:references")
@pytest.mark.parametrize(
    ("agent", "field", "message", "fix"),
    [
        ("{id: ada, model: large}", "id", "there are two agents 'ada'", "give each its own id"),
        ("{id: bob, model: lage}", "model", "there is no model 'lage'", "did you mean 'large'?"),
        ("{id: bob, model: nick}", "model", "'nick' is an alias of model 'tiny'", "the name"),
        ("{id: bob, model: council}", "model", "'council' is a panel", "panels do not nest"),
        ("{id: bob, model: embedder}", "model", "'embedder' only embeds", "model that answers"),
        (
            "{id: bob, model: tiny, max_output_tokens: 9}",
            "max_output_tokens",
            "is more than 'tiny' can write, 8 tokens",
            "write at most 8",
        ),
    ],
)
def test_contradictions_of_an_agent_are_refused(
    problems_of: ProblemsOf, minimal: str, *, agent: str, field: str, message: str, fix: str
) -> None:
    text = f"""{minimal}\
  tiny: {{provider: local, aliases: [nick], max_output_tokens: 8}}
  embedder: {{provider: local, dialects: [], capabilities: {{embeddings: true}}}}
panels:
  council:
    agents:
      - {{id: ada, model: small}}
      - {agent}
"""

    (problem,) = problems_of(text)

    assert (problem.line, problem.field) == (13, f"panels.council.agents[1].{field}")
    assert problem.message == message
    assert fix in problem.fix


@pytest.mark.requirement("catalogue:references")
def test_a_panel_named_like_a_model_is_refused(problems_of: ProblemsOf, minimal: str) -> None:
    (problem,) = problems_of(f"{minimal}panels: {{small: {{agents: [{{id: a, model: large}}]}}}}")

    assert (problem.field, problem.message) == (
        "panels.small",
        "is the name of model 'small' too",
    )


@pytest.mark.requirement("catalogue:references")
def test_a_circle_of_fallbacks_is_reported_once_with_its_path(
    problems_of: ProblemsOf, minimal: str
) -> None:
    text = f"""{minimal}\
  a: {{provider: local, fallbacks: [b]}}
  b: {{provider: local, fallbacks: [small, c]}}
  c: {{provider: local, fallbacks: [a]}}
  outside: {{provider: local, fallbacks: [b]}}
"""

    (problem,) = problems_of(text)

    assert problem.field == "models.c.fallbacks[0]"
    assert problem.message == "the fallbacks go in a circle: a -> b -> c -> a"


def test_fallbacks_may_meet_without_a_circle(load: Load, minimal: str) -> None:
    text = f"""{minimal}\
  a: {{provider: local, fallbacks: [b, c]}}
  b: {{provider: local, fallbacks: [small]}}
  c: {{provider: local, fallbacks: [small]}}
"""

    assert [model.name for model in load(text).models["a"].fallbacks] == ["b", "c", "small"]


def test_a_chain_of_fallbacks_as_long_as_the_file_is_followed(
    problems_of: ProblemsOf, minimal: str
) -> None:
    chain = "\n".join(
        f"  m{n}: {{provider: local, fallbacks: [m{(n + 1) % 1500}]}}" for n in range(1500)
    )

    (problem,) = problems_of(f"{minimal}{chain}\n")

    assert problem.field == "models.m1499.fallbacks[0]"


@pytest.mark.requirement("catalogue:problems:collected")
def test_an_entry_that_is_wrong_by_itself_does_not_make_references_to_it_wrong(
    problems_of: ProblemsOf, minimal: str
) -> None:
    text = f"""{minimal}\
  broken: {{provider: local, context_window_tokens: many}}
panels:
  council: {{agents: [{{id: a, model: broken}}, {{id: b, model: nobody}}]}}
"""

    fields = [problem.field for problem in problems_of(text)]

    assert fields == ["models.broken.context_window_tokens", "panels.council.agents[1].model"]
