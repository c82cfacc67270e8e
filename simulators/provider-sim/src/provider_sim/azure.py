"""Azure's dialect of Chat Completions: OpenAI's, with the verdicts of its content filter in it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from provider_sim import openai_chat
from provider_sim.frames import Decoded, Frame
from provider_sim.json_types import Json, JsonObject, dumps, loads

if TYPE_CHECKING:
    from provider_sim.frames import Answer, Stamp
    from provider_sim.prompt import Reply
    from provider_sim.request_fields import Fields
    from provider_sim.usage import Usage

_SAFE: JsonObject = {"filtered": False, "severity": "safe"}
_VERDICTS: JsonObject = dict.fromkeys(("hate", "self_harm", "sexual", "violence"), _SAFE)
_OF_PROMPT: list[Json] = [{"prompt_index": 0, "content_filter_results": _VERDICTS}]


def decode(fields: Fields) -> Decoded:
    """Read the body as OpenAI does; the answer differs."""
    decoded = openai_chat.decode(fields)

    def encode(replies: list[Reply], usage: Usage, shown: Usage | None, stamp: Stamp) -> Answer:
        answer = decoded.encode(replies, usage, shown, stamp)
        return replace(
            answer,
            body=lambda: _with_verdicts(answer.body()),
            frames=lambda: [_verdict_frame(), *answer.frames()],
        )

    return replace(decoded, encode=encode)


def _verdict_frame() -> Frame:
    """What a stream opens with: an event without id, model and choices."""
    opening: JsonObject = {
        "choices": [],
        "created": 0,
        "id": "",
        "model": "",
        "object": "",
        "prompt_filter_results": _OF_PROMPT,
    }
    return Frame(b"data: " + dumps(opening) + b"\n\n")


def _with_verdicts(body: bytes) -> bytes:
    answer = loads(body)
    assert isinstance(answer, dict)  # noqa: S101 - narrows
    choices = answer["choices"]
    assert isinstance(choices, list)  # noqa: S101 - narrows
    judged: list[Json] = [
        {**choice, "content_filter_results": _VERDICTS}
        for choice in choices
        if isinstance(choice, dict)
    ]
    return dumps({**answer, "choices": judged, "prompt_filter_results": _OF_PROMPT})
