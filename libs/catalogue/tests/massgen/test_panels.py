from collections.abc import Callable

import pytest

from catalogue.massgen.importing import ImportedFile
from wire.specs import PanelSpec

ImportText = Callable[..., ImportedFile]

FULL = """\
agents:
  - id: thinker
    system_message: Think first.
    backend:
      type: openai
      model: gpt-5.4
      temperature: 0.7
      top_p: 0.9
      reasoning: {effort: high}
      verbosity: low
      max_tokens: 20000
  - id: gemini2.5flash
    backend:
      type: gemini
      model: gemini-2.5-flash
orchestrator:
  system_message: Be brief.
  voting_sensitivity: balanced
  max_new_answers_per_agent: 3
  final_answer_strategy: synthesize
  presenter_agent: thinker
  defer_voting_until_all_answered: true
timeout_settings:
  orchestrator_timeout_seconds: 900
"""
AGENT = "agents: [{id: a, backend: {type: openai, model: gpt-5.4}}]"
PAIR = """\
agents:
  - {id: a, backend: {type: openai, model: gpt-5.4}}
  - {id: b, backend: {type: openai, model: gpt-5.4}}
"""


def panel_of(imported: ImportedFile) -> PanelSpec:
    assert imported.problems == ()
    assert imported.panel is not None
    return imported.panel


@pytest.mark.requirement("catalogue:massgen:mapped")
def test_everything_that_has_a_counterpart_arrives_in_the_panel(import_text: ImportText) -> None:
    imported = import_text(FULL)

    panel = panel_of(imported)

    assert imported.warnings == ()
    assert panel.name == "massgen/file"
    thinker, flash = panel.agents
    assert (thinker.agent_id, flash.agent_id) == ("thinker", "gemini2.5flash")
    assert thinker.model.name == "gpt"
    assert thinker.model.context_window_tokens == 4242
    assert (flash.model.name, flash.model.upstream_model) == (
        "google/gemini-2.5-flash",
        "gemini-2.5-flash",
    )
    assert (thinker.persona, flash.persona) == ("Be brief.\n\nThink first.", "Be brief.")
    assert (thinker.temperature, thinker.max_output_tokens) == (0.7, 20000)
    assert (thinker.top_p, thinker.reasoning_effort, thinker.verbosity) == (0.9, "high", "low")
    assert panel.max_rounds == 2
    assert (panel.present, panel.presenter) == ("synthesise", "thinker")
    assert panel.quorum == 2
    assert panel.limits.wall_s == 900
    assert panel.max_answer_tokens == 20000
    assert panel.voting_instruction is not None
    assert "correct, complete and clear" in panel.voting_instruction
    assert (panel.tools, panel.lead) == ("lead", "thinker")


@pytest.mark.requirement("catalogue:massgen:mapped")
def test_a_single_agent_is_a_panel_of_one(import_text: ImportText) -> None:
    panel = panel_of(import_text("agent: {id: a, backend: {type: openai, model: gpt-5.4}}"))

    assert [agent.agent_id for agent in panel.agents] == ["a"]


@pytest.mark.requirement("catalogue:massgen:mapped")
@pytest.mark.parametrize(
    ("orchestrator", "rounds"),
    [
        ("{}", 1),
        ("{voting_sensitivity: lenient}", 1),
        ("{voting_sensitivity: balanced}", 2),
        ("{voting_sensitivity: strict}", 3),
        ("{voting_sensitivity: strict, max_new_answers_per_agent: 1}", 0),
        ("{max_new_answers_per_agent: 2}", 1),
        ("{max_new_answers_per_agent: 9}", 3),
        ("{max_new_answers_global: 6}", 2),
        ("{max_new_answers_global: 1, max_new_answers_per_agent: 3}", 0),
        ("{max_new_answers_per_agent: null}", 1),
    ],
)
def test_rounds_come_from_answer_limits_else_from_the_sensitivity(
    import_text: ImportText, orchestrator: str, rounds: int
) -> None:
    panel = panel_of(import_text(f"{PAIR}orchestrator: {orchestrator}\n"))

    assert panel.max_rounds == rounds


@pytest.mark.requirement("catalogue:massgen:mapped")
def test_limits_leave_room_for_everything_the_file_allows(import_text: ImportText) -> None:
    agents = "".join(
        f"  - {{id: a{n}, backend: {{type: openai, model: gpt-5.4}}}}\n" for n in range(32)
    )

    panel = panel_of(
        import_text(f"agents:\n{agents}orchestrator: {{voting_sensitivity: strict}}\n")
    )

    assert panel.limits.max_calls >= (panel.max_rounds + 1) * 2 * len(panel.agents) + 1
    assert panel.limits.max_output_tokens >= 32 * panel.max_answer_tokens


def test_an_endless_timeout_is_cut_to_what_a_run_may_last(import_text: ImportText) -> None:
    panel = panel_of(
        import_text(f"{AGENT}\ntimeout_settings: {{orchestrator_timeout_seconds: 999999}}\n")
    )

    assert panel.limits.wall_s == 86_400


@pytest.mark.requirement("catalogue:massgen:reported")
def test_other_sensitivities_are_taken_as_balanced_and_said_so(import_text: ImportText) -> None:
    imported = import_text(f"{AGENT}\norchestrator: {{voting_sensitivity: checklist_gated}}\n")

    assert panel_of(imported).max_rounds == 2
    assert [warning.field for warning in imported.warnings] == ["orchestrator.voting_sensitivity"]


@pytest.mark.requirement("catalogue:massgen:reported")
def test_names_that_are_no_seat_ids_are_changed_and_said_so(import_text: ImportText) -> None:
    text = """\
agents:
  - {id: "The Analyst!", backend: {type: openai, model: gpt-5.4}}
  - {id: "???", backend: {type: openai, model: gpt-5.4}}
  - {backend: {type: openai, model: gpt-5.4}}
orchestrator: {presenter_agent: The Analyst!, final_answer_strategy: winner_present}
"""

    imported = import_text(text)

    panel = panel_of(imported)
    assert [agent.agent_id for agent in panel.agents] == ["The-Analyst-1", "agent-2", "agent3"]
    assert panel.presenter == "The-Analyst-1"
    assert [(w.line, w.field) for w in imported.warnings] == [
        (2, "agents[0].id"),
        (3, "agents[1].id"),
        (4, "agents[2].id"),
    ]


@pytest.mark.requirement("catalogue:massgen:refused")
@pytest.mark.parametrize(
    ("text", "line", "field", "message"),
    [
        ("", 1, "", "is not a configuration of MassGen"),
        ("[1]", 1, "", "is not a configuration of MassGen"),
        ("ui: {}", 1, "agents", "is required"),
        ("agents: []", 1, "agents", "is empty"),
        ("agents: {a: {}}", 1, "agents", "must be a list"),
        ("agents: [7]", 1, "agents[0]", "must be a mapping"),
        ("agent: 7", 1, "agent", "must be a mapping"),
        (f"{AGENT}\nagent: {{}}", 2, "agent", "stands beside `agents`"),
        ("models: [a]\nnum_agents: 3", 1, "models", "belongs to the first format of MassGen"),
        (AGENT.replace("id: a", "id: 7"), 1, "agents[0].id", "must be text"),
        (
            f"{PAIR}  - {{id: b, backend: {{type: openai, model: gpt-5.4}}}}",
            4,
            "agents[2].id",
            "there are two agents 'b'",
        ),
        (f"{AGENT}\norchestrator: 3", 2, "orchestrator", "must be a mapping"),
        (
            f"{AGENT}\norchestrator:\n  voting_sensitivity: harsh",
            3,
            "orchestrator.voting_sensitivity",
            "must be one of lenient",
        ),
        (
            f"{AGENT}\norchestrator: {{max_new_answers_per_agent: 0}}",
            2,
            "orchestrator.max_new_answers_per_agent",
            "must be a whole number of at least 1",
        ),
        (
            f"{AGENT}\norchestrator: {{final_answer_strategy: best}}",
            2,
            "orchestrator.final_answer_strategy",
            "must be one of winner_reuse",
        ),
        (
            f"{AGENT}\ntimeout_settings:\n  orchestrator_timeout_seconds: -1",
            3,
            "timeout_settings.orchestrator_timeout_seconds",
            "must be a number, more than 0",
        ),
    ],
)
def test_what_is_malformed_is_refused_with_line_and_field(
    import_text: ImportText, *, text: str, line: int, field: str, message: str
) -> None:
    imported = import_text(text)

    assert imported.panel is None
    assert len(imported.problems) == 1
    problem = imported.problems[0]
    assert (problem.file, problem.line, problem.field) == ("file.yaml", line, field)
    assert problem.message.startswith(message)
    assert problem.fix


def test_more_agents_than_seats_are_refused(import_text: ImportText) -> None:
    agents = "".join(f"  - {{id: a{n}, backend: {{type: openai}}}}\n" for n in range(33))

    imported = import_text(f"agents:\n{agents}")

    assert [(p.field, p.message) for p in imported.problems] == [("agents", "has 33 entries")]


def test_a_presenter_that_is_nobody_is_said_and_left_out(import_text: ImportText) -> None:
    imported = import_text(f"{AGENT}\norchestrator: {{presenter_agent: nobody}}\n")

    assert panel_of(imported).presenter is None
    assert [warning.field for warning in imported.warnings] == ["orchestrator.presenter_agent"]
