"""A client's tool result finds the run that asked for it, through the id of the call.

The id is the run's own, in other clothes: as hard to guess, and good for nothing but this. Only
the key that owns the run, with the same panel and the same conversation before the call, gets
anything from it; for everybody else the turn is one without a past.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from orchestrator.coordination.drafts import drafts_of, leader_of
from orchestrator.coordination.replay import LogMismatchError, replay
from orchestrator.store.writer import StoreUnavailableError
from service_kit.logging import get_logger
from wire.conversation import Message, ToolResult

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orchestrator.coordination.board import Board
    from orchestrator.coordination.plan import Draft
    from orchestrator.driver.supervisor import RunSupervisor
    from orchestrator.store.reader import StoreReader
    from wire.conversation import Item
    from wire.coordination import StartRun

# 31 characters of those that every vendor takes; OpenAI's own ids have 29, its limit is 40.
_RUN_ID = re.compile(r"run_([0-9a-f]{24})")
_REFERENCE = re.compile(r"call_([0-9a-f]{24})[0-9a-f]{2}")
_MOST_CALLS = 256

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Resumption:
    """What an earlier turn left to this one; `lead` drove the client's tools."""

    lead: str | None = None
    drafts: tuple[Draft, ...] = ()


NO_PAST = Resumption()


def tool_call_id(run_id: str, index: int) -> str | None:
    """The id of a run's tool call that leads back to the run; None where it cannot."""
    run = _RUN_ID.fullmatch(run_id)
    return f"call_{run[1]}{index:02x}" if run and index < _MOST_CALLS else None


def referred_run(items: Sequence[Item]) -> str | None:
    """The run whose tool call the conversation's end answers, by the id of that call."""
    for item in reversed(items):
        if isinstance(item, Message) and item.role == "assistant":
            return None  # an answer came after it: that turn is over
        if isinstance(item, ToolResult):
            found = _REFERENCE.fullmatch(item.call_id)
            return f"run_{found[1]}" if found else None
    return None


def conversation_sha256(items: Sequence[Item]) -> str:
    """Of what is said, whatever ids the items bear."""
    bare = [msgspec.structs.replace(item, id=None) for item in items]
    return hashlib.sha256(msgspec.json.encode(bare)).hexdigest()


class Resumptions:
    """Looks for the run that a turn goes on from: here if it has just ended, else in the store."""

    def __init__(self, supervisor: RunSupervisor, reader: StoreReader) -> None:
        self._supervisor = supervisor
        self._reader = reader

    async def of(self, start: StartRun) -> Resumption:
        """What is left of it, if it is this key's and this conversation's."""
        if start.panel.kind != "panel" or len(start.panel.agents) == 1:
            return NO_PAST
        run_id = referred_run(start.request.items)
        if run_id is None:
            return NO_PAST
        try:
            board = self._board_here(start, run_id) or await self._stored_board(start, run_id)
        except (StoreUnavailableError, LogMismatchError, msgspec.MsgspecError) as error:
            log.warning("tool_turn_not_resumed", error=error, run_id=start.run_id)
            return NO_PAST
        if board is None or not _is_continued_by(start, board):
            return NO_PAST
        return Resumption(leader_of(board), drafts_of(board))

    def _board_here(self, start: StartRun, run_id: str) -> Board | None:
        run = self._supervisor.find(start.tenant_id, run_id)
        if run is None or not run.ended.is_set() or not _is_owner(start, run.start):
            return None
        return run.board

    async def _stored_board(self, start: StartRun, run_id: str) -> Board | None:
        stored = await self._reader.run(start.tenant_id, run_id)
        if stored is None or (stored.key_id, stored.panel) != (start.key_id, start.panel.name):
            return None
        lines = await self._reader.log(start.tenant_id, run_id)
        return replay(lines).board if lines else None


def _is_owner(start: StartRun, earlier: StartRun) -> bool:
    return (earlier.key_id, earlier.panel.name) == (start.key_id, start.panel.name)


def _is_continued_by(start: StartRun, board: Board) -> bool:
    plan = board.plan
    before = start.request.items[: plan.conversation_items]
    return bool(before) and conversation_sha256(before) == plan.conversation_sha256
