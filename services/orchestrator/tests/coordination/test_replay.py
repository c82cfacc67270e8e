import pytest

from orchestrator.coordination.events import DecisionMade
from orchestrator.coordination.replay import LogMismatchError, encode_log, replay
from services.orchestrator.tests.coordination.answer_texts import PROSE
from services.orchestrator.tests.coordination.virtual_panel import (
    Says,
    Votes,
    plan_for,
    run,
    scripted,
)

ANSWERS = {agent: Says(PROSE[agent]) for agent in ("ada", "bob", "cyd")}


def a_log() -> list[bytes]:
    return encode_log(
        run(plan_for("ada", "bob", "cyd"), scripted({**ANSWERS}, Votes())).session.log
    )


@pytest.mark.requirement("coordination:replay")
def test_a_decision_follows_from_the_log_alone() -> None:
    lines = a_log()

    again = replay(lines)

    assert encode_log(again.log) == lines
    assert any(isinstance(entry, DecisionMade) for entry in again.log)


@pytest.mark.requirement("coordination:replay")
@pytest.mark.parametrize(
    ("word", "other"), [(b'"winner":"', b'"winner":"x'), (b'"at_ms":100', b'"at_ms":101')]
)
def test_a_changed_line_is_found_out(word: bytes, other: bytes) -> None:
    lines = a_log()
    number = next(n for n, line in enumerate(lines) if word in line and b"_finished" not in line)
    lines[number] = lines[number].replace(word, other, 1)

    with pytest.raises(LogMismatchError, match=f"line {number + 1}"):
        replay(lines)


@pytest.mark.requirement("coordination:replay")
def test_a_line_that_is_missing_at_the_end_is_found_out() -> None:
    with pytest.raises(LogMismatchError):
        replay(a_log()[:-1])
