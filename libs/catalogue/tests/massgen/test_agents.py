from collections.abc import Callable

import pytest

from catalogue.massgen.importing import ImportedFile
from wire.specs import AgentSpec

ImportText = Callable[..., ImportedFile]


def agent(backend: str, rest: str = "") -> str:
    return f"agents:\n  - id: a\n    backend: {backend}\n{rest}"


def seat_of(imported: ImportedFile) -> AgentSpec:
    assert imported.problems == ()
    assert imported.panel is not None
    (seat,) = imported.panel.agents
    return seat


@pytest.mark.requirement("catalogue:massgen:mapped")
@pytest.mark.parametrize(
    ("backend", "provider", "model"),
    [
        ("{type: openai, model: gpt-5.4}", "openai", "gpt-5.4"),
        ("{type: claude, model: claude-opus-4-6}", "anthropic", "claude-opus-4-6"),
        ("{type: gemini, model: gemini-3-pro}", "google", "gemini-3-pro"),
        ("{model: claude-haiku-4-5}", "anthropic", "claude-haiku-4-5"),
        (
            "{type: chatcompletion, model: gpt-oss-120b, base_url: https://api.cerebras.ai/v1}",
            "fast",
            "gpt-oss-120b",
        ),
        (
            "{type: ag2, agent_config: {llm_config: {api_type: anthropic, model: c}}}",
            "anthropic",
            "c",
        ),
        ("{type: ag2, agent_config: {llm_config: [{model: g}]}}", "openai", "g"),
    ],
)
def test_a_backend_becomes_a_model_of_the_provider_that_stands_for_it(
    import_text: ImportText, backend: str, provider: str, model: str
) -> None:
    imported = import_text(agent(backend))

    seat = seat_of(imported)
    assert imported.warnings == ()
    assert (seat.model.provider.name, seat.model.upstream_model) == (provider, model)


@pytest.mark.requirement("catalogue:massgen:mapped")
def test_the_operators_table_comes_first(import_text: ImportText) -> None:
    text = agent("{type: openai, model: m}")

    imported = import_text(text, providers={"openai": "local"})

    assert seat_of(imported).model.name == "local/m"


@pytest.mark.requirement("catalogue:massgen:mapped")
def test_a_declared_model_keeps_what_the_configuration_says_of_it(import_text: ImportText) -> None:
    by_upstream = seat_of(import_text(agent("{type: openai, model: gpt-5.4}")))
    by_name = seat_of(import_text(agent("{type: claude, model: opus}")))

    assert (by_upstream.model.name, by_upstream.model.context_window_tokens) == ("gpt", 4242)
    assert (by_name.model.name, by_name.model.upstream_model) == ("opus", "claude-opus-4-6")


@pytest.mark.requirement("catalogue:massgen:refused")
def test_a_backend_type_without_a_provider_is_refused_with_the_remedy(
    import_text: ImportText,
) -> None:
    (problem,) = import_text(agent("{type: grok, model: grok-4}")).problems

    assert (problem.line, problem.field) == (3, "agents[0].backend.type")
    assert problem.message == "no provider stands for the backend type 'grok'"
    assert "add `grok: PROVIDER` to `massgen.providers`" in problem.fix


@pytest.mark.requirement("catalogue:massgen:mapped")
def test_a_default_provider_takes_what_has_none_and_it_is_said(import_text: ImportText) -> None:
    imported = import_text(agent("{type: grok, model: grok-4}"), default_provider="local")

    assert seat_of(imported).model.name == "local/grok-4"
    assert [(w.line, w.field) for w in imported.warnings] == [(3, "agents[0].backend.type")]


@pytest.mark.requirement("catalogue:massgen:mapped")
def test_a_model_that_is_missing_is_massgens_default_or_the_operators(
    import_text: ImportText,
) -> None:
    text = agent("{type: claude_code, cwd: w}")

    default = seat_of(import_text(text))
    chosen = seat_of(import_text(text, default_models={"claude_code": "own"}))

    assert (default.model.upstream_model, chosen.model.name) == (
        "claude-opus-4-6",
        "anthropic/own",
    )


@pytest.mark.requirement("catalogue:massgen:inert")
def test_a_file_never_says_where_a_call_goes(import_text: ImportText) -> None:
    imported = import_text(
        agent("{type: openai, model: m, base_url: https://evil.example, api_key: sk-1234567890}")
    )

    assert seat_of(imported).model.provider.base_url == "https://api.openai.com/v1"
    told = {warning.field: warning.message for warning in imported.warnings}
    assert told == {
        "agents[0].backend.api_key": "is not read: keys belong to providers",
        "agents[0].backend.base_url": ("is not called: the provider 'openai' says where calls go"),
    }
    assert "sk-1234567890" not in str(imported.warnings)


@pytest.mark.requirement("catalogue:massgen:reported")
def test_tools_and_everything_else_unmapped_are_reported_at_their_lines(
    import_text: ImportText,
) -> None:
    text = """\
agents:
  - id: a
    backend:
      type: openai
      model: gpt-5.4
      cwd: workspace
      mcp_servers: [{command: rm, args: [-rf, /]}]
      enable_code_execution: true
      verbosity: loud
    subtask: draw
orchestrator:
  snapshot_storage: snapshots
  coordination: {max_orchestration_restarts: 2}
ui: {display_type: rich}
"""

    imported = import_text(text)

    assert imported.panel is not None
    told = [(w.line, w.field, w.message.partition(":")[0]) for w in imported.warnings]
    assert told == [
        (6, "agents[0].backend.cwd", "is not run"),
        (7, "agents[0].backend.mcp_servers", "is not run"),
        (8, "agents[0].backend.enable_code_execution", "is not run"),
        (9, "agents[0].backend.verbosity", "is none of low, medium, high and is ignored"),
        (10, "agents[0].subtask", "has no counterpart and is ignored"),
        (12, "orchestrator.snapshot_storage", "is not run"),
        (
            13,
            "orchestrator.coordination.max_orchestration_restarts",
            "has no counterpart and is ignored",
        ),
        (14, "ui", "concerns MassGen's own screen and logs"),
    ]


@pytest.mark.requirement("catalogue:massgen:reported")
def test_programs_are_not_started_and_their_model_answers(import_text: ImportText) -> None:
    imported = import_text(agent("{type: codex, model: gpt-5.4, cwd: w}"))

    assert seat_of(imported).model.provider.name == "openai"
    assert "is a program that is not started" in imported.warnings[0].message


@pytest.mark.requirement("catalogue:massgen:mapped")
@pytest.mark.parametrize(
    ("backend", "rest", "persona"),
    [
        ("{type: openai, model: m}", "    system_message: Own.\n", "Own."),
        ("{type: openai, model: m, system_message: Back.}", "", "Back."),
        ("{type: openai, model: m, system_prompt: Prompt.}", "", "Prompt."),
        (
            "{type: openai, model: m, system_message: Back.}",
            "    system_message: Own.\n    append_system_prompt: More.\n",
            "Own.\n\nMore.",
        ),
        (
            "{type: openai, model: m}",
            "orchestrator: {system_message: First.}\n",
            "First.",
        ),
        (
            "{type: ag2, agent_config: {system_message: Ag., llm_config: {model: m}}}",
            "",
            "Ag.",
        ),
        ("{type: openai, model: m}", "", None),
    ],
)
def test_system_messages_become_the_persona(
    import_text: ImportText, backend: str, rest: str, persona: str | None
) -> None:
    assert seat_of(import_text(agent(backend, rest))).persona == persona


@pytest.mark.requirement("catalogue:massgen:inert")
def test_variables_in_a_text_stay_as_they_are_and_it_is_said(
    import_text: ImportText, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", "swordfish")

    imported = import_text(
        agent("{type: openai, model: m}", "    system_message: Use ${SECRET}.\n")
    )

    assert seat_of(imported).persona == "Use ${SECRET}."
    assert [warning.field for warning in imported.warnings] == ["agents[0].system_message"]


@pytest.mark.requirement("catalogue:massgen:refused")
@pytest.mark.parametrize(
    ("backend", "field", "message"),
    [
        ("", "backend", "is required"),
        ("[x]", "backend", "must be a mapping"),
        ("{}", "backend.type", "is required"),
        ("{type: [x], model: m}", "backend.type", "must be text"),
        ("{type: openai, model: 5}", "backend.model", "must be text"),
        ("{type: openai, model: '${MODEL}'}", "backend.model", "is not a usable name"),
        ("{type: vllm}", "backend.type", "no provider stands for the backend type 'vllm'"),
        ("{type: openai, model: m, temperature: 3}", "backend.temperature", "must be a number"),
        ("{type: openai, model: m, temperature: .nan}", "backend.temperature", "must be a number"),
        ("{type: openai, model: m, max_tokens: 0}", "backend.max_tokens", "must be a whole"),
        ("{type: ag2}", "backend.agent_config", "is required for type ag2"),
        ("{type: ag2, group_config: {}}", "backend.group_config", "is a group of agents"),
        ("{type: ag2, agent_config: {}}", "backend.agent_config.llm_config", "is required"),
        (
            "{type: ag2, agent_config: {llm_config: []}}",
            "backend.agent_config.llm_config",
            "names no model",
        ),
        (
            "{type: ag2, agent_config: {llm_config: {api_type: nobody, model: m}}}",
            "backend.agent_config.llm_config.api_type",
            "must be one of openai",
        ),
    ],
)
def test_a_backend_that_cannot_be_used_is_refused_at_its_field(
    import_text: ImportText, backend: str, field: str, message: str
) -> None:
    imported = import_text(agent(backend))

    assert imported.panel is None
    (problem,) = imported.problems
    assert problem.field == f"agents[0].{field}"
    assert problem.message.startswith(message)


def test_a_type_of_server_without_default_model_needs_one(import_text: ImportText) -> None:
    imported = import_text(agent("{type: vllm}"), default_provider="local")

    (problem,) = imported.problems
    assert (problem.field, problem.message) == (
        "agents[0].backend.model",
        "is required for the backend type 'vllm'",
    )


def test_a_persona_is_bounded(import_text: ImportText) -> None:
    text = agent("{type: openai, model: m}", f"    system_message: {'x' * 20_001}\n")

    (problem,) = import_text(text).problems

    assert (problem.field, problem.message) == ("agents[0].system_message", "is too long")
    together = agent("{type: openai, model: m}", f"    system_message: {'x' * 19_999}\n")
    (problem,) = import_text(f"{together}orchestrator: {{system_message: more}}\n").problems
    assert problem.message.startswith("is longer than 20000 characters together")
