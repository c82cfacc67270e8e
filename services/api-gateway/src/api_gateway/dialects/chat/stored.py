"""A chat completion as it is kept: itself, what was asked for, and the messages it answers.

Source: OpenAI wire contract, section 1.7.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from api_gateway.dialects import json_members

if TYPE_CHECKING:
    from api_gateway.dialects.chat.head import ChatHead
    from api_gateway.dialects.json_members import Members

# Members of a request that the kept completion tells, and under which name.
_TOLD = {
    "tool_choice": "tool_choice",
    "tools": "tools",
    "response_format": "response_format",
    "temperature": "temperature",
    "top_p": "top_p",
    "presence_penalty": "presence_penalty",
    "frequency_penalty": "frequency_penalty",
    "seed": "seed",
    "user": "input_user",
}
_NULL = msgspec.Raw(b"null")
_MESSAGES = msgspec.json.Decoder(list[msgspec.Raw])


class KeptMessage(NamedTuple):
    """A message as it is listed. `payload` is its JSON and says the id, too."""

    item_id: str
    payload: bytes


def kept_completion(completion: bytes, head: ChatHead, request_id: str) -> bytes:
    """The completion its client got, and how it was asked for."""
    members = json_members.split(completion)
    members["request_id"] = json_members.text(request_id)
    for asked, told in _TOLD.items():
        members[told] = head.members.get(asked, _NULL)
    return json_members.join(members)


def kept_messages(head: ChatHead, completion_id: str) -> list[KeptMessage]:
    """The request's messages in order, as the client wrote them; parts apart from plain text."""
    messages = _MESSAGES.decode(head.parameters.messages)
    return [
        _kept(json_members.split(bytes(message)), f"{completion_id}-{index}")
        for index, message in enumerate(messages)
    ]


def _kept(members: Members, item_id: str) -> KeptMessage:
    content = members.get("content", _NULL)
    is_parts = bytes(content).lstrip().startswith(b"[")
    listed = {"id": json_members.text(item_id)} | members
    listed["id"] = json_members.text(item_id)  # whatever the client called it
    listed["content"] = _NULL if is_parts else content
    listed["content_parts"] = content if is_parts else _NULL
    return KeptMessage(item_id, json_members.join(listed))
