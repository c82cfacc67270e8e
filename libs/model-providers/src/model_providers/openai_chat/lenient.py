"""Answers that are JSON but not quite OpenAI's: repaired into the shape, or given up. Pure.

Only reached when the strict decoder refused; what each repair is for stands beside it.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

StructT = TypeVar("StructT", bound=msgspec.Struct)


def convert(data: bytes, into: type[StructT]) -> StructT | None:
    """`data` as `into` after repair; None: beyond repair."""
    try:
        repaired = _repair(msgspec.json.decode(data))
        return msgspec.json.decode(msgspec.json.encode(repaired), type=into, strict=False)
    except (msgspec.DecodeError, msgspec.ValidationError, RecursionError):
        return None


def _repair(value: Any) -> Any:
    """Nulls are absences; choices get their place, deltas and arguments their type."""
    if not isinstance(value, dict):
        return value
    answer = _without_nulls(value)
    answer.setdefault("id", "")
    if not _is_usage(answer.get("usage")):
        answer.pop("usage", None)
    choices = answer.get("choices", [])
    answer["choices"] = [
        _repair_choice(choice, place)
        for place, choice in enumerate(choices if isinstance(choices, list) else [])
        if isinstance(choice, dict)
    ]
    return answer


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [_without_nulls(inner) for inner in value if inner is not None]
    return value


def _is_usage(usage: Any) -> bool:
    """Half a count is none: we would rather estimate than book it."""
    return isinstance(usage, dict) and all(
        isinstance(usage.get(name), int) for name in ("prompt_tokens", "completion_tokens")
    )


def _repair_choice(choice: dict[str, Any], place: int) -> dict[str, Any]:
    choice.setdefault("index", place)
    message = choice.get("delta", choice.get("message"))
    message = message if isinstance(message, dict) else {}
    _repair_message(message)
    choice["delta"] = choice["message"] = message
    return choice


def _repair_message(message: dict[str, Any]) -> None:
    content = message.get("content")
    if isinstance(content, list):  # Mistral's reasoning models send parts
        message["content"] = "".join(_part_text(part) for part in content)
    for name in ("reasoning", "reasoning_content"):
        if not isinstance(message.get(name, ""), str):
            del message[name]
    calls = message.get("tool_calls")
    message["tool_calls"] = [call for call in calls if isinstance(call, dict)] if calls else []
    for call in message["tool_calls"]:
        _repair_call(call)


def _part_text(part: Any) -> str:
    text = part.get("text", "") if isinstance(part, dict) else part
    return text if isinstance(text, str) else ""


def _repair_call(call: dict[str, Any]) -> None:
    call.setdefault("id", "")
    function = call.get("function")
    if isinstance(function, dict):
        arguments = function.get("arguments", "")
        if not isinstance(arguments, str):  # Ollama's own dialect sends an object
            function["arguments"] = msgspec.json.encode(arguments).decode()
