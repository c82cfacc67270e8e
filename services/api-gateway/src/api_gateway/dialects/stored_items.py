"""A client's items in the form they are kept and listed in: each with type, id and status.

What else a client wrote stays as it was, whatever the type; only a message's shorthand, and the
detail of its pictures, are spelt out. Source: OpenAI wire contract, sections 2.3, 2.9 and 4.1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from api_gateway import openai_errors
from api_gateway.dialects import json_members
from wire.ids import derived_id
from wire.raw_json import is_present

if TYPE_CHECKING:
    from collections.abc import Sequence

    from api_gateway.dialects.json_members import Members

ROLES = ("user", "assistant", "system", "developer")
_MESSAGE = "message"
_REFERENCE = "item_reference"
_PREFIXES = {
    _MESSAGE: "msg_",
    "function_call": "fc_",
    "function_call_output": "fco_",
    "custom_tool_call": "ctc_",
    "custom_tool_call_output": "ctco_",
    "computer_call": "cu_",
    "computer_call_output": "cuo_",
    "reasoning": "rs_",
    "compaction": "cmp_",
}
# What an index of the database takes; some clients send ids of hundreds of characters.
MAX_ID_CHARACTERS = 512
_COMPLETED = msgspec.Raw(b'"completed"')
_AUTO = msgspec.Raw(b'"auto"')
_STRING = msgspec.json.Decoder(str)
_LIST = msgspec.json.Decoder(list[msgspec.Raw])
_encode = msgspec.json.Encoder().encode


class ListedItem(NamedTuple):
    """An item as it is listed. `payload` is its JSON and says the id, too."""

    item_id: str
    payload: bytes


def listed_items(items: Sequence[msgspec.Raw], owner_id: str, root: str) -> list[ListedItem]:
    """Items of a request, in order.

    Items without an id, or with one that is too long, get one that derives from `owner_id` and
    their index. `root` is where the items stand in the request. References are for the
    caller to resolve: see `reference_of`.

    Raises:
        InvalidRequestError: an item is not an object, or of no known kind.
    """
    return [
        _listed(_members(raw, f"{root}[{index}]"), f"{root}[{index}]", owner_id, index)
        for index, raw in enumerate(items)
    ]


def listed_text(text: str, owner_id: str) -> ListedItem:
    """An input that is a mere string: one message of the user."""
    members = {"role": json_members.text("user"), "content": json_members.text(text)}
    return _listed(members, "input", owner_id, 0)


def reference_of(raw: msgspec.Raw) -> str | None:
    """The id an item refers to, if it is a reference and no item of its own."""
    try:
        members = json_members.split(bytes(raw))
    except openai_errors.JSON_PROBLEMS:
        return None
    item_type = _text(members, "type")
    bare = item_type is None and "role" not in members and "call_id" not in members
    return _text(members, "id") if bare or item_type == _REFERENCE else None


def _members(raw: msgspec.Raw, where: str) -> Members:
    try:
        return json_members.split(bytes(raw))
    except openai_errors.JSON_PROBLEMS as problem:
        raise openai_errors.invalid_type(where, "an object", None) from problem


def _listed(members: Members, where: str, owner_id: str, index: int) -> ListedItem:
    item_type = _type_of(members, where)
    item_id = _text(members, "id")
    if item_id is None or len(item_id) > MAX_ID_CHARACTERS:
        item_id = derived_id(_PREFIXES.get(item_type, "item_"), owner_id, index)
    rest = {name: raw for name, raw in members.items() if name not in ("id", "type", "status")}
    if item_type == _MESSAGE:
        rest["content"] = _content(members, where)
    head = {
        "id": json_members.text(item_id),
        "type": json_members.text(item_type),
        "status": members["status"] if _text(members, "status") else _COMPLETED,
    }
    return ListedItem(item_id, json_members.join(head | rest))


def _type_of(members: Members, where: str) -> str:
    """Messages may leave theirs out; everything else says what it is."""
    item_type = _text(members, "type")
    if item_type not in (None, _MESSAGE):
        return item_type
    role = _text(members, "role")
    if role is None:
        raise openai_errors.missing(f"{where}.role" if item_type else f"{where}.type")
    if role not in ROLES:
        raise openai_errors.invalid_value(f"{where}.role", repr(role), ROLES)
    return _MESSAGE


def _content(members: Members, where: str) -> msgspec.Raw:
    """A string as the one part it stands for; parts as they are."""
    raw = members.get("content", msgspec.Raw())
    if not is_present(raw):
        raise openai_errors.missing(f"{where}.content")
    try:
        text = _STRING.decode(raw)
    except openai_errors.JSON_PROBLEMS:
        return _parts(raw, where)
    if _text(members, "role") == "assistant":
        part = b'{"type":"output_text","text":%b,"annotations":[],"logprobs":[]}' % _encode(text)
    else:
        part = b'{"type":"input_text","text":%b}' % _encode(text)
    return msgspec.Raw(b"[%b]" % part)


def _parts(raw: msgspec.Raw, where: str) -> msgspec.Raw:
    try:
        parts = _LIST.decode(raw)
    except openai_errors.JSON_PROBLEMS as problem:
        expected = "a string or an array"
        raise openai_errors.invalid_type(f"{where}.content", expected, None) from problem
    read = [_members(part, f"{where}.content[{index}]") for index, part in enumerate(parts)]
    if not any(map(_lacks_detail, read)):
        return raw
    spelt = [{**part, "detail": _AUTO} if _lacks_detail(part) else part for part in read]
    return msgspec.Raw(b"[" + b",".join(map(json_members.join, spelt)) + b"]")


def _lacks_detail(part: Members) -> bool:
    """Clients may leave it out; in what is listed it has to stand."""
    return _text(part, "type") == "input_image" and _text(part, "detail") is None


def _text(members: Members, name: str) -> str | None:
    """A string member; None when absent, null, empty or something else."""
    raw = members.get(name)
    if raw is None:
        return None
    try:
        return _STRING.decode(raw) or None
    except openai_errors.JSON_PROBLEMS:
        return None
