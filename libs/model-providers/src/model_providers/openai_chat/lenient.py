"""Answers that are JSON but not quite OpenAI's: repaired into the shape, or given up. Pure.

Only reached when the strict decoder refused; what each repair is for stands beside it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import msgspec

from model_providers.json_values import loads

if TYPE_CHECKING:
    from model_providers.json_values import Json, JsonObject

StructT = TypeVar("StructT", bound=msgspec.Struct)


def convert(data: bytes, into: type[StructT]) -> StructT | None:
    """`data` as `into` after repair; None: beyond repair."""
    try:
        answer = _without_nulls(loads(data))
        if not isinstance(answer, dict):
            return None
        repaired = msgspec.json.encode(_repair(answer))
        return msgspec.json.decode(repaired, type=into, strict=False)
    except msgspec.DecodeError:
        return None


def _without_nulls(value: Json) -> Json:
    """Null means absent everywhere in this protocol."""
    if isinstance(value, dict):
        return {key: _without_nulls(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [_without_nulls(inner) for inner in value if inner is not None]
    return value


def _repair(answer: JsonObject) -> JsonObject:
    answer.setdefault("id", "")
    if not _is_usage(answer.get("usage")):
        answer.pop("usage", None)
    choices = answer.get("choices")
    answer["choices"] = [
        _repair_choice(choice, place)
        for place, choice in enumerate(choices if isinstance(choices, list) else [])
        if isinstance(choice, dict)
    ]
    return answer


def _is_usage(usage: Json) -> bool:
    """Half a count is none: we would rather estimate than book it."""
    return isinstance(usage, dict) and all(
        isinstance(usage.get(name), int) for name in ("prompt_tokens", "completion_tokens")
    )


def _repair_choice(choice: JsonObject, place: int) -> JsonObject:
    choice.setdefault("index", place)
    said = choice.get("delta", choice.get("message"))
    message = said if isinstance(said, dict) else {}  # a finish chunk may have none
    _repair_message(message)
    choice["delta"] = choice["message"] = message
    return choice


def _repair_message(message: JsonObject) -> None:
    content = message.get("content")
    if isinstance(content, list):  # Mistral's reasoning models send parts
        message["content"] = "".join(_part_text(part) for part in content)
    for name in ("reasoning", "reasoning_content"):
        if not isinstance(message.get(name), str):
            message.pop(name, None)
    listed = message.get("tool_calls")
    calls = [call for call in listed if isinstance(call, dict)] if isinstance(listed, list) else []
    for call in calls:
        _repair_call(call)
    message["tool_calls"] = [*calls]


def _part_text(part: Json) -> str:
    text = part.get("text") if isinstance(part, dict) else part
    return text if isinstance(text, str) else ""


def _repair_call(call: JsonObject) -> None:
    call.setdefault("id", "")
    function = call.get("function")
    if not isinstance(function, dict):
        return
    arguments = function.setdefault("arguments", "")
    if not isinstance(arguments, str):  # Ollama's own dialect sends an object
        function["arguments"] = msgspec.json.encode(arguments).decode()
