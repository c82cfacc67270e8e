"""A conversation as Anthropic's turns. Pure.

- What system and developer messages say before the conversation begins is the `system` prompt.
  Later ones stand where they stood, in the user's turn, as blocks in `<system-reminder>` tags; or,
  at the very end and for models that take it, as a turn of role `system`.
- Roles alternate, the first turn is the user's and so is the last.
- Calls and results pair: results lead the turn behind their calls; a call without a result gets
  one that says so, and a result without its call is told as text.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import msgspec

from model_providers.anthropic_messages.blocks import (
    Block,
    PartBlock,
    TextBlock,
    ToolResultBlock,
    ToolUseBlock,
    Turn,
)
from model_providers.anthropic_messages.parts import part_blocks
from model_providers.anthropic_messages.tools import FREE_TEXT_KEY, vendor_name
from model_providers.json_values import loads
from model_providers.other_items import other_item_role, other_item_text
from model_providers.tool_names import ToolName
from wire.conversation import (
    CompactionItem,
    Item,
    Message,
    OtherItem,
    ReasoningItem,
    TextPart,
    ToolCall,
    ToolResult,
    text_of,
)
from wire.errors import PlatformFaultError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_REMINDER = "<system-reminder>\n{}\n</system-reminder>"
_CLOSING_TAG = re.compile(r"<(?=/system-reminder)", re.IGNORECASE)
_FOREIGN = re.compile(r"[^a-zA-Z0-9_-]")
_ASSISTANT_FIRST = "[The assistant speaks first.]"
_GO_ON = "[Continue.]"
_NO_RESULT = "[no result]"


@dataclass(slots=True)
class Transcript:
    """`conversation_end` counts the last turn's blocks that are the conversation's own.

    What stands behind them is this call's alone: caches end there. `called_names` are the tools
    that the conversation shows being called.
    """

    system: list[TextBlock]
    turns: list[Turn]
    conversation_end: Block | None
    called_names: tuple[str, ...]


def transcribe(
    items: Iterable[Item],
    *,
    names: Mapping[ToolName, str],
    images: bool,
    late_system: bool,
) -> Transcript:
    """`names`: what the vendor is told of each offered tool.

    Raises:
        PlatformFaultError: a sealed compaction reached the vendor's door unopened.
    """
    writer = _Writer(names, images=images)
    for item in items:
        writer.add(item)
    return writer.finish(late_system=late_system)


@dataclass(slots=True)
class _Open:
    """The calls of the latest assistant turn that still wait for results, by the vendor's ids."""

    waiting: dict[str, None] = field(default_factory=dict[str, None])
    by_client_id: dict[str, deque[str]] = field(default_factory=dict[str, deque[str]])
    results: int = 0

    def add(self, client_id: str, vendor_id: str) -> None:
        self.waiting[vendor_id] = None
        self.by_client_id.setdefault(client_id, deque()).append(vendor_id)

    def answer(self, client_id: str) -> str | None:
        """The vendor's id of the first call of that id; None: no such call waits."""
        same = self.by_client_id.get(client_id)
        if not same:
            return None
        vendor_id = same.popleft()
        del self.waiting[vendor_id]
        return vendor_id


class _Writer:
    def __init__(self, names: Mapping[ToolName, str], *, images: bool) -> None:
        self._names = names
        self._images = images
        self._system: list[TextBlock] = []
        self._turns: list[Turn] = []
        self._reminders: list[TextBlock] = []  # at the end of the last turn, so far
        self._open = _Open()
        self._said = 0  # blocks of text in the assistant's turn under way
        self._ids: set[str] = set()
        self._uses: dict[str, int] = {}  # of each id that was asked for
        self._called: dict[str, None] = {}

    def add(self, item: Item) -> None:
        match item:
            case Message():
                self._add_message(item)
            case ToolCall():
                self._add_call(item)
            case ToolResult():
                self._add_result(item)
            case OtherItem():
                text = other_item_text(item)
                if text is not None:
                    self._add_message(Message(other_item_role(item), (TextPart(text),)))
            case ReasoningItem():
                pass  # sealed by another vendor, or not sealed at all
            case CompactionItem():
                raise PlatformFaultError("a compaction was not opened before its model call")

    def _add_message(self, item: Message) -> None:
        if item.role in ("system", "developer"):
            self._add_instruction(text_of(item.content))
            return
        blocks = part_blocks(item.content, images=self._images)
        if not blocks:
            return
        if item.role == "assistant":
            self._add_said(blocks)
        else:
            self._user_turn().content.extend(blocks)
            self._reminders = []

    def _add_instruction(self, text: str) -> None:
        if not text.strip():
            return
        if not self._turns:
            self._system.append(TextBlock(text))
            return
        reminder = TextBlock(_REMINDER.format(_CLOSING_TAG.sub("&lt;", text)))
        self._user_turn().content.append(reminder)
        self._reminders.append(reminder)

    def _add_said(self, blocks: list[PartBlock]) -> None:
        """Text beside calls goes before them: behind them only results may follow."""
        turn = self._assistant_turn()
        turn.content[self._said : self._said] = _texts(blocks)
        self._said += len(blocks)

    def _add_call(self, item: ToolCall) -> None:
        turn = self._assistant_turn()
        name = ToolName(item.name, item.namespace)
        known = self._names.get(name) or vendor_name(name)
        self._called[known] = None
        call_id = self._free_id(item.call_id)
        self._open.add(item.call_id, call_id)
        turn.content.append(ToolUseBlock(call_id, known, _arguments(item)))

    def _add_result(self, item: ToolResult) -> None:
        blocks = part_blocks(item.output, images=self._images)
        call_id = self._open.answer(item.call_id)
        if call_id is None:
            told = TextBlock(f"[result of the tool call {item.call_id}]")
            self._user_turn().content.extend([told, *blocks])
            self._reminders = []
        else:
            self._place_result(ToolResultBlock(call_id, blocks or None))

    def _place_result(self, block: ToolResultBlock) -> None:
        turn = self._user_turn()
        turn.content.insert(self._open.results, block)
        self._open.results += 1

    def _close_calls(self) -> None:
        for call_id in self._open.waiting:
            missing = ToolResultBlock(call_id, [TextBlock(_NO_RESULT)], is_error=True)
            self._place_result(missing)
        self._open = _Open()

    def _assistant_turn(self) -> Turn:
        """The turn under way if it is the assistant's, else a new one; open calls end first."""
        if not self._turns or self._turns[-1].role != "assistant":
            self._close_calls()
            return self._new_turn("assistant")
        return self._turns[-1]

    def _user_turn(self) -> Turn:
        if not self._turns or self._turns[-1].role != "user":
            return self._new_turn("user")
        return self._turns[-1]

    def _new_turn(self, role: Literal["user", "assistant"]) -> Turn:
        self._turns.append(Turn(role, []))
        self._reminders, self._said = [], 0
        return self._turns[-1]

    def _free_id(self, call_id: str) -> str:
        """In the letters the API takes, and never used before in this conversation."""
        wanted = _FOREIGN.sub("_", call_id) or "call"
        number = self._uses.get(wanted, 0) + 1
        free = wanted if number == 1 else f"{wanted}_{number}"
        while free in self._ids:
            number += 1
            free = f"{wanted}_{number}"
        self._uses[wanted] = number
        self._ids.add(free)
        return free

    def finish(self, *, late_system: bool) -> Transcript:
        self._close_calls()
        turns = self._turns
        if turns and turns[0].role == "assistant":
            turns.insert(0, Turn("user", [TextBlock(_ASSISTANT_FIRST)]))
        end = self._end_of_conversation()
        if not turns or turns[-1].role == "assistant":
            turns.append(Turn("user", [TextBlock(_GO_ON)]))
        elif late_system and self._reminders and len(turns[-1].content) > len(self._reminders):
            turns[-1].content = turns[-1].content[: -len(self._reminders)]
            turns.append(Turn("system", [_bare(block) for block in self._reminders]))
        return Transcript(self._system, turns, end, tuple(self._called))

    def _end_of_conversation(self) -> Block | None:
        """The last block that is no trailing instruction."""
        trailing = len(self._reminders)
        for turn in reversed(self._turns):
            if len(turn.content) > trailing:
                return turn.content[-1 - trailing]
            trailing -= len(turn.content)
        return None


def _bare(reminder: TextBlock) -> TextBlock:
    head, tail = _REMINDER.split("{}")
    return TextBlock(reminder.text[len(head) : -len(tail)])


def _texts(blocks: list[PartBlock]) -> list[Block]:
    """An assistant's turn holds text alone; what else a client put there is named."""
    said = (block if isinstance(block, TextBlock) else None for block in blocks)
    return [block or TextBlock("[a part that assistants cannot send]") for block in said]


def _arguments(item: ToolCall) -> msgspec.Raw:
    """The call's arguments as the object the API wants, verbatim where they are one."""
    if item.kind == "function":
        try:
            if isinstance(loads(item.arguments.encode()), dict):
                return msgspec.Raw(item.arguments.encode())
        except msgspec.DecodeError:
            pass
        if not item.arguments.strip():
            return msgspec.Raw(b"{}")
    return msgspec.Raw(msgspec.json.encode({FREE_TEXT_KEY: item.arguments}))
