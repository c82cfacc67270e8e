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


KINDS = """\
version: 1
providers:
  local: {kind: openai-compatible, base_url: http://127.0.0.1:9/v1}
  claude: {kind: anthropic}
models:
  small: {provider: local, context_window_tokens: 9000}
  opus: {provider: claude}
  embedder: {provider: local, dialects: [], capabilities: {embeddings: true}}
panels:
  council: {agents: [{id: ada, model: small}, {id: bob, model: opus}]}
"""


@pytest.mark.requirement("catalogue:kinds")
@pytest.mark.parametrize(
    ("entry", "field", "message", "fix"),
    [
        (
            "{provider: claude, dialects: [chat]}",
            "dialects[0]",
            "is not spoken by providers of kind anthropic",
            "write [messages]",
        ),
        (
            "{provider: local, dialects: [chat, messages]}",
            "dialects[1]",
            "is not spoken by providers of kind openai-compatible",
            "write [chat]",
        ),
        (
            "{provider: local, fallbacks: [opus]}",
            "fallbacks[0]",
            "'opus' speaks none of chat",
            "name a model that shares a dialect",
        ),
    ],
)
def test_a_model_speaks_what_its_providers_kind_speaks(
    problems_of: ProblemsOf, *, entry: str, field: str, message: str, fix: str
) -> None:
    (problem,) = problems_of(KINDS.replace("panels:", f"  tested: {entry}\npanels:"))

    assert (problem.field, problem.message) == (f"models.tested.{field}", message)
    assert fix in problem.fix


@pytest.mark.requirement("catalogue:compaction")
@pytest.mark.parametrize(
    ("compaction", "field", "message", "fix"),
    [
        (
            "{summariser: council}",
            "summariser",
            "'council' is a panel",
            "name a model; a summariser is a model, never a panel",
        ),
        (
            "{summariser: massgen/x}",
            "summariser",
            "'massgen/x' is a panel",
            "name a model; a summariser is a model, never a panel",
        ),
        (
            "{summariser: smal}",
            "summariser",
            "there is no model 'smal'",
            "did you mean 'small'?",
        ),
        (
            "{summariser: embedder}",
            "summariser",
            "'embedder' only embeds",
            "name a model that answers",
        ),
        (
            "{threshold_tokens: 9001}",
            "threshold_tokens",
            "is larger than the context window of 9000 tokens",
            "lower it, or write threshold_ratio",
        ),
        (
            "{threshold_tokens: 5000, threshold_ratio: 0.5}",
            "threshold_ratio",
            "stands beside threshold_tokens",
            "keep one of the two",
        ),
        (
            "{threshold_ratio: 0.3}",
            "target_ratio",
            "is not below threshold_ratio",
            "lower it, e.g. to 0.3",
        ),
    ],
)
@pytest.mark.parametrize("holder", ["models.small", "panels.council"])
def test_contradictions_of_compaction_are_refused(
    problems_of: ProblemsOf, *, holder: str, compaction: str, field: str, message: str, fix: str
) -> None:
    before = (
        "9000" if holder == "models.small" else "[{id: ada, model: small}, {id: bob, model: opus}]"
    )

    (problem,) = problems_of(KINDS.replace(before, f"{before}, compaction: {compaction}"))

    assert problem.field == f"{holder}.compaction.{field}"
    assert (problem.message, problem.fix) == (message, fix)


@pytest.mark.requirement("catalogue:compaction")
def test_native_compaction_needs_models_whose_vendor_has_it(problems_of: ProblemsOf) -> None:
    text = KINDS.replace("model: opus}]", "model: opus}], compaction: {level: native}")

    (problem,) = problems_of(text)

    assert problem.field == "panels.council.compaction.level"
    assert problem.message == "providers of kind anthropic, openai-compatible cannot compact"


@pytest.mark.requirement("catalogue:auxiliary")
@pytest.mark.parametrize(
    ("auxiliary", "field", "message"),
    [
        ("{model: council}", "model", "'council' is a panel"),
        ("{model: smal}", "model", "there is no model 'smal'"),
        ("{model: embedder}", "model", "'embedder' only embeds"),
        ("{model: small, panels: [counsil]}", "panels[0]", "there is no panel 'counsil'"),
        (
            "{model: small, match: {phrases: []}}",
            "match.phrases",
            "is empty, so that every request would match",
        ),
    ],
)
def test_small_requests_go_to_a_model_that_is_there(
    problems_of: ProblemsOf, *, auxiliary: str, field: str, message: str
) -> None:
    (problem,) = problems_of(f"{KINDS}routing: {{auxiliary: {auxiliary}}}\n")

    assert (problem.field, problem.message) == (f"routing.auxiliary.{field}", message)


@pytest.mark.requirement("catalogue:samples")
@pytest.mark.parametrize(
    ("agents", "field", "message"),
    [
        (
            "[{id: a, model: small, samples: 20}, {id: b, model: small, samples: 13}]",
            "agents",
            "has 33 seats",
        ),
        (
            "[{id: a, model: small, samples: 2}, {id: a-2, model: small}]",
            "agents[1].id",
            "there are two agents 'a-2'",
        ),
        (
            "[{id: a, model: small, samples: 2}], presenter: a",
            "presenter",
            "there is no agent 'a' in this panel",
        ),
    ],
)
def test_samples_are_seats_like_others(
    problems_of: ProblemsOf, *, agents: str, field: str, message: str
) -> None:
    before = "[{id: ada, model: small}, {id: bob, model: opus}]"

    (problem,) = problems_of(KINDS.replace(before, agents))

    assert (problem.field, problem.message) == (f"panels.council.{field}", message)


@pytest.mark.parametrize("without", ["models: {}", ""])
def test_models_are_needed_where_nothing_else_names_any(
    problems_of: ProblemsOf, without: str
) -> None:
    text = f"version: 1\nproviders:\n  p: {{kind: openai}}\n{without}\n"

    (problem,) = problems_of(text)

    assert problem.field == "models"
    assert problems_of(text.replace("openai}", "openai, discover: true}")) == []


@pytest.mark.requirement("catalogue:massgen:mapped")
@pytest.mark.parametrize(
    ("massgen", "field"),
    [
        ("{folder: ., providers: {claude: nobody}}", "providers.claude"),
        ("{folder: ., default_provider: nobody}", "default_provider"),
    ],
)
def test_massgen_is_given_providers_that_are_there(
    problems_of: ProblemsOf, massgen: str, field: str
) -> None:
    (problem,) = problems_of(f"{KINDS}massgen: {massgen}\n")

    assert problem.field == f"massgen.{field}"
    assert problem.message == "there is no provider 'nobody'"
