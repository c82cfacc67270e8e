"""What a turn that ended in a client's tool call leaves to the turn that goes on from it.

Answers that were made then are candidates now: they are neither asked for nor paid for again. They
were made before the tool had answered, so they have no say on further calls.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.coordination.answers import NO_CALL, Answer
from orchestrator.coordination.events import CallFinished, ToolsRequested
from orchestrator.coordination.plan import Draft

if TYPE_CHECKING:
    from collections.abc import Iterable

    from orchestrator.coordination.board import Board


def drafts_of(board: Board) -> tuple[Draft, ...]:
    """The answers in full sentences; those that the turn itself was left with included."""
    earlier = {draft.agent_id: draft for draft in board.plan.drafts}
    used = {entry.call: entry.usage for entry in board.log if isinstance(entry, CallFinished)}
    return tuple(
        earlier[answer.agent_id]
        if answer.call == NO_CALL
        else Draft(answer.agent_id, answer.text, answer.finish_reason, used[answer.call])
        for answer in board.answers.values()
        if answer.kind == "text"
    )


def leader_of(board: Board) -> str | None:
    """Whose tool calls the turn ended in."""
    asked = (entry for entry in reversed(board.log) if isinstance(entry, ToolsRequested))
    return next((entry.agent_id for entry in asked), None)


def leaves_something(board: Board) -> bool:
    """Whether a later turn is better off for knowing this one."""
    lead_failed = board.plan.tools == "lead" and bool(board.failures)
    return lead_failed or any(answer.kind == "text" for answer in board.answers.values())


def take_up(drafts: Iterable[Draft], board: Board) -> None:
    """Put them on the board as their agents' answers."""
    for draft in drafts:
        board.accept(draft.agent_id, _as_answer(draft))


def _as_answer(draft: Draft) -> Answer:
    return Answer(
        agent_id=draft.agent_id,
        revision=0,
        round=0,
        call=NO_CALL,
        kind="text",
        text=draft.text,
        finish_reason=draft.finish_reason,
        output_tokens=draft.usage.output_tokens,
    )
