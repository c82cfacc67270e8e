"""Input items in the neutral form.

Each item is looked at for its type and role, then read as what it is. Items of types we do not
interpret stay the JSON they were; nothing is looked up, whatever ids items carry.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeVar

import msgspec

from api_gateway import openai_errors
from api_gateway.dialects.responses.content import InputPart, to_parts
from wire.conversation import (
    CompactionItem,
    Item,
    Message,
    OtherItem,
    ReasoningItem,
    TextPart,
    ToolCall,
    ToolKind,
    ToolResult,
    text_of,
    user_text,
)
from wire.errors import InvalidRequestError, NotFoundError
from wire.raw_json import is_present

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wire.conversation import Part

T = TypeVar("T")

Role = Literal["user", "assistant", "system", "developer"]
_ROLES: dict[str, Role] = {
    "user": "user",
    "assistant": "assistant",
    "system": "system",
    "developer": "developer",
}
_MESSAGE = "message"
_REFERENCE = "item_reference"
_TRIGGER = "compaction_trigger"
_TOOLS = "additional_tools"
_MAX_SEALED_CHARACTERS = 20 * 1024 * 1024


class _Look(msgspec.Struct):
    """First look at an item."""

    type: str | None = None
    role: str | None = None
    id: str | None = None
    call_id: str | None = None


class _Message(msgspec.Struct):
    role: str
    content: str | list[InputPart]
    id: str | None = None
    phase: str | None = None


class _FunctionCall(msgspec.Struct):
    call_id: str
    name: str
    arguments: str
    id: str | None = None
    namespace: str | None = None


class _CustomCall(msgspec.Struct):
    call_id: str
    name: str
    input: str
    id: str | None = None
    namespace: str | None = None


class _CallOutput(msgspec.Struct):
    """`name` stands in for a missing `call_id`: the latest unanswered call of that name."""

    output: str | list[InputPart]
    call_id: str | None = None
    name: str | None = None
    id: str | None = None


class _Reasoning(msgspec.Struct):
    summary: list[InputPart] | None = None
    encrypted_content: str | None = None
    id: str | None = None


class _Compaction(msgspec.Struct):
    encrypted_content: str
    id: str | None = None


class _AdditionalTools(msgspec.Struct):
    tools: msgspec.Raw = msgspec.Raw()


_LIST = msgspec.json.Decoder(list[msgspec.Raw])
_STRING_OR_LIST = msgspec.json.Decoder(str | list[msgspec.Raw])
_LOOK = msgspec.json.Decoder(_Look)
_MESSAGE_ITEM = msgspec.json.Decoder(_Message)
_FUNCTION_CALL = msgspec.json.Decoder(_FunctionCall)
_CUSTOM_CALL = msgspec.json.Decoder(_CustomCall)
_CALL_OUTPUT = msgspec.json.Decoder(_CallOutput)
_REASONING = msgspec.json.Decoder(_Reasoning)
_COMPACTION = msgspec.json.Decoder(_Compaction)
_ADDITIONAL_TOOLS = msgspec.json.Decoder(_AdditionalTools)


@dataclass(frozen=True, slots=True)
class DecodedInput:
    """`triggers_compaction`: the last item asks for a compaction in place of an answer.

    `more_tools`: definitions that stand among the items, as arrays of tools.
    """

    items: tuple[Item, ...]
    triggers_compaction: bool = False
    more_tools: tuple[msgspec.Raw, ...] = ()


def split_input(raw: msgspec.Raw) -> str | list[msgspec.Raw]:
    """A request's `input`: a text, or its items unread. No items when it is absent.

    Raises:
        InvalidRequestError: neither a string nor an array.
    """
    if not is_present(raw):
        return []
    return _decode(_STRING_OR_LIST, raw, "input")


def references(items: Sequence[msgspec.Raw], root: str) -> dict[int, str]:
    """Ids of stored items that stand for themselves, by their place.

    Raises:
        InvalidRequestError: an item is not an object, or its type is not a string.
    """
    found: dict[int, str] = {}
    for index, raw in enumerate(items):
        if (look := _look(raw, f"{root}[{index}]")).id is not None and _is_reference(look):
            found[index] = look.id
    return found


def is_reasoning(raw: msgspec.Raw) -> bool:
    """Whether an item that has been read before is an earlier thought."""
    return b'"reasoning"' in bytes(raw) and _LOOK.decode(raw).type == "reasoning"


def decode_items(items: str | Sequence[msgspec.Raw], root: str) -> DecodedInput:
    """The items of a request, or of a stored history; `root` is where they stand.

    Raises:
        InvalidRequestError: with the path of the first fault.
        NotFoundError: a reference that nobody has resolved.
    """
    if isinstance(items, str):
        return DecodedInput((user_text(items),))
    reader = _Reader()
    read: list[Item] = []
    more_tools: list[msgspec.Raw] = []
    triggers_compaction = False
    for index, raw in enumerate(items):
        path = f"{root}[{index}]"
        item_type = _type_of(_look(raw, path), path)
        if triggers_compaction:
            raise _trigger_not_last()
        if item_type == _TRIGGER:
            triggers_compaction = True
        elif item_type == _TOOLS:
            more_tools.append(_decode(_ADDITIONAL_TOOLS, raw, path).tools)
        elif (item := reader.read(item_type, raw, path)) is not None:
            read.append(item)
    return DecodedInput(tuple(read), triggers_compaction, tuple(more_tools))


def decode_item(raw: msgspec.Raw, path: str) -> Item | None:
    """One item by itself; None when there is nothing in it that we can use.

    Raises:
        InvalidRequestError: with the path of the first fault.
        NotFoundError: a reference that nobody has resolved.
    """
    return _Reader().read(_type_of(_look(raw, path), path), raw, path)


def check_results(items: Sequence[Item]) -> None:
    """Every tool's output follows its call, and every call has its output.

    Calls of before a compaction are sealed in it, so behind one outputs may come without.

    Raises:
        InvalidRequestError: one has not.
    """
    called: dict[str, None] = {}
    answered: set[str] = set()
    compacted = False
    for item in items:
        match item:
            case ToolCall():
                called[item.call_id] = None
            case ToolResult() if item.call_id in called or compacted:
                answered.add(item.call_id)
            case ToolResult():
                raise InvalidRequestError(
                    "No tool call found for function call output with call_id "
                    f"{item.call_id[:64]}.",
                    param="input",
                )
            case CompactionItem():
                compacted = True
            case _:
                pass
    for call_id in called:
        if call_id not in answered:
            raise InvalidRequestError(
                f"No tool output found for function call {call_id[:64]}.", param="input"
            )


def continued(history: Sequence[Item], own: Sequence[Item]) -> tuple[Item, ...]:
    """A request's items behind those that it continues.

    Some clients name the response they continue and replay it as well: all of it, the last turns,
    or only its calls.
    """
    if not history:
        return tuple(own)
    return _called_once((*history[: replayed_from(history, own)], *own))


def replayed_from(history: Sequence[Item], own: Sequence[Item]) -> int:
    """Where in the history that part begins with which a request's own items begin, too.

    Reasoning does not count: many clients do not replay it.
    """
    places = [at for at, item in enumerate(history) if not isinstance(item, ReasoningItem)]
    now = [item for item in own if not isinstance(item, ReasoningItem)]
    overlap = _overlap([history[at] for at in places[-len(now) :]], now) if now else 0
    if not overlap:
        return len(history)
    return 0 if overlap == len(places) else places[-overlap]


def _overlap(before: Sequence[Item], now: Sequence[Item]) -> int:
    """How many of the last items before are the first ones now, by Knuth, Morris and Pratt.

    Whoever says the same a thousand times would make us compare a million times otherwise.
    """
    falls_back_to = [0] * len(now)
    matched = 0
    for index in range(1, len(now)):
        while matched and not _say_the_same(now[index], now[matched]):
            matched = falls_back_to[matched - 1]
        matched += _say_the_same(now[index], now[matched])
        falls_back_to[index] = matched
    matched = 0
    for item in before:
        while matched and (matched == len(now) or not _say_the_same(item, now[matched])):
            matched = falls_back_to[matched - 1]
        matched += _say_the_same(item, now[matched])
    return matched


def _say_the_same(one: Item, other: Item) -> bool:
    """Whatever ids they have, and however their text is cut."""
    if isinstance(one, Message) and isinstance(other, Message):
        return one.role == other.role and _said(one) == _said(other)
    return msgspec.structs.replace(one, id=None) == msgspec.structs.replace(other, id=None)


def _said(message: Message) -> tuple[str, Sequence[Part]]:
    others = [part for part in message.content if not isinstance(part, TextPart)]
    return text_of(message.content), others


def _called_once(items: Sequence[Item]) -> tuple[Item, ...]:
    """Without calls that are told again before their output has come."""
    waiting: set[str] = set()
    once: list[Item] = []
    for item in items:
        match item:
            case ToolCall() if item.call_id in waiting:
                continue
            case ToolCall():
                waiting.add(item.call_id)
            case ToolResult():
                waiting.discard(item.call_id)
            case _:
                pass
        once.append(item)
    return tuple(once)


# ------------------------------------------------------------------------------------- one by one


def _look(raw: msgspec.Raw, path: str) -> _Look:
    return _decode(_LOOK, raw, path)


def _is_reference(look: _Look) -> bool:
    """`type` may be missing: then an id and nothing else says what the item is."""
    bare = look.type is None and look.role is None and look.call_id is None
    return bare or look.type == _REFERENCE


def _type_of(look: _Look, path: str) -> str:
    if look.type is not None:
        return look.type
    if look.role is not None:
        return _MESSAGE
    if look.id is not None and look.call_id is None:
        return _REFERENCE
    raise openai_errors.missing(f"{path}.type")


class _Reader:
    """Reads items one by one, and remembers the calls that outputs may name."""

    def __init__(self) -> None:
        self._latest_calls: dict[str, str] = {}

    def read(self, item_type: str, raw: msgspec.Raw, path: str) -> Item | None:
        """The item; None when there is nothing in it that we can use."""
        reader = _READERS.get(item_type, _Reader.other)
        item = reader(self, raw, path)
        if isinstance(item, ToolCall):
            self._latest_calls[item.name] = item.call_id
        return item

    def message(self, raw: msgspec.Raw, path: str) -> Item:
        message = _decode(_MESSAGE_ITEM, raw, path)
        role = _ROLES.get(message.role)
        if role is None:
            raise openai_errors.invalid_value(f"{path}.role", repr(message.role), _ROLES)
        content = to_parts(message.content, f"{path}.content")
        return Message(role, content, id=message.id, phase=message.phase)

    def function_call(self, raw: msgspec.Raw, path: str) -> Item:
        call = _decode(_FUNCTION_CALL, raw, path)
        return ToolCall(
            call.call_id, call.name, call.arguments, "function", call.namespace, call.id
        )

    def custom_call(self, raw: msgspec.Raw, path: str) -> Item:
        call = _decode(_CUSTOM_CALL, raw, path)
        return ToolCall(call.call_id, call.name, call.input, "custom", call.namespace, call.id)

    def function_output(self, raw: msgspec.Raw, path: str) -> Item:
        return self._output(raw, path, "function")

    def custom_output(self, raw: msgspec.Raw, path: str) -> Item:
        return self._output(raw, path, "custom")

    def _output(self, raw: msgspec.Raw, path: str, kind: ToolKind) -> Item:
        output = _decode(_CALL_OUTPUT, raw, path)
        call_id = output.call_id
        if call_id is None and output.name is not None:
            call_id = self._latest_calls.get(output.name)
        if call_id is None:
            raise openai_errors.missing(f"{path}.call_id")
        return ToolResult(call_id, to_parts(output.output, f"{path}.output"), kind, output.id)

    def reasoning(self, raw: msgspec.Raw, path: str) -> Item | None:
        """Other servers' reasoning comes in many shapes; what cannot be used is left out."""
        try:
            reasoning = _decode(_REASONING, raw, path)
        except InvalidRequestError:
            return None
        summary = tuple(part.text for part in reasoning.summary or () if part.text is not None)
        return ReasoningItem(summary, reasoning.encrypted_content, reasoning.id)

    def compaction(self, raw: msgspec.Raw, path: str) -> Item:
        compaction = _decode(_COMPACTION, raw, path)
        sealed = compaction.encrypted_content
        if len(sealed) > _MAX_SEALED_CHARACTERS:
            raise openai_errors.string_too_long(
                f"{path}.encrypted_content", _MAX_SEALED_CHARACTERS, len(sealed)
            )
        return CompactionItem(sealed, compaction.id)

    def reference(self, raw: msgspec.Raw, path: str) -> Item:
        raise item_not_found(_look(raw, path).id or "")

    def other(self, raw: msgspec.Raw, path: str) -> Item:
        look = _look(raw, path)
        return OtherItem(look.type or "", raw, look.id)


_READERS: dict[str, Callable[[_Reader, msgspec.Raw, str], Item | None]] = {
    _MESSAGE: _Reader.message,
    "function_call": _Reader.function_call,
    "function_call_output": _Reader.function_output,
    "custom_tool_call": _Reader.custom_call,
    "custom_tool_call_output": _Reader.custom_output,
    "reasoning": _Reader.reasoning,
    "compaction": _Reader.compaction,
    "compaction_summary": _Reader.compaction,
    _REFERENCE: _Reader.reference,
}


def item_not_found(item_id: str) -> NotFoundError:
    """A reference to what is not stored, or is another team's."""
    return NotFoundError(f"Item with id '{item_id[:100]}' not found.", param="input")


def _trigger_not_last() -> InvalidRequestError:
    return InvalidRequestError(
        "A 'compaction_trigger' must be the final input item.", param="input"
    )


def _decode(decoder: msgspec.json.Decoder[T], raw: msgspec.Raw, root: str) -> T:
    try:
        return decoder.decode(raw)
    except openai_errors.JSON_PROBLEMS as problem:
        raise openai_errors.from_json_problem(problem, root) from None
