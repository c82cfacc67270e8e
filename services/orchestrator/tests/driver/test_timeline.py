from orchestrator.coordination.events import ClientGone
from orchestrator.driver.timeline import timeline
from services.orchestrator.tests.coordination.answer_texts import PROSE
from services.orchestrator.tests.coordination.virtual_panel import (
    Act,
    Fails,
    Hangs,
    Says,
    Votes,
    plan_for,
    run,
    scripted,
)
from wire.conversation import ToolCall


def kinds(script: dict[str, Act], **options: object) -> list[str]:
    outcome = run(plan_for(*script, **options), scripted(script, Votes(reason="because")))
    return [moment.kind for moment in timeline(outcome.session.log)]


def test_a_run_reads_from_admission_to_end() -> None:
    told = kinds({"ada": Says(PROSE["ada"]), "bob": Says(PROSE["bob"]), "cyd": Fails()})

    assert told[0] == "admitted"
    assert told[-1] == "ended"
    assert {"answered", "failed", "ballot", "voted", "decided", "presenting"} <= set(told)


def test_cuts_clusters_skips_and_tools_are_told() -> None:
    slow: dict[str, Act] = {"ada": Says("42"), "bob": Says("42"), "cyd": Hangs()}
    tool: dict[str, Act] = {"ada": Says(tools=(ToolCall("c", "f", "{}"),)), "bob": Says("x")}

    assert {"quorum", "cut", "cluster", "ballot_skipped"} <= set(kinds(slow))
    assert "tools" in kinds(tool, tools="lead")


def test_no_word_of_an_answer_or_a_reason_is_told() -> None:
    script = {agent: Says(text) for agent, text in PROSE.items()}
    outcome = run(plan_for(*script), scripted(script, Votes(reason="because")), ClientGone(99_000))

    told = "\n".join(moment.text for moment in timeline(outcome.session.log))
    words = {
        word for text in (*PROSE.values(), "because") for word in text.split() if len(word) > 6
    }
    assert not words & set(told.split())
