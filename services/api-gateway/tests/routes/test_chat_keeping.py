from __future__ import annotations

import json

from api_gateway.dialects.chat.encode import ChunkEncoder, Identity
from api_gateway.routes.chat_keeping import RememberingEncoder, not_stored
from wire.conversation import ChoiceFinished, TextDelta, Usage, UsageReported

IDENTITY = Identity("chatcmpl-1", 1, "m", "fp")
EVENTS = (TextDelta("Hel"), TextDelta("lo"), ChoiceFinished("stop"), UsageReported(Usage(3, 2)))


def test_remembering_changes_no_frame() -> None:
    plain = ChunkEncoder(IDENTITY, include_usage=True)
    remembering = RememberingEncoder(ChunkEncoder(IDENTITY, include_usage=True), IDENTITY)

    frames = [remembering.opening(), *map(remembering.encode, EVENTS), remembering.finish(())]

    assert frames == [plain.opening(), *map(plain.encode, EVENTS), plain.finish(())]


def test_what_is_remembered_is_the_whole_completion() -> None:
    remembering = RememberingEncoder(ChunkEncoder(IDENTITY, include_usage=False), IDENTITY)
    for event in EVENTS:
        remembering.encode(event)

    completion = json.loads(remembering.builder.encode())

    assert completion["choices"][0]["message"]["content"] == "Hello"
    assert completion["usage"]["total_tokens"] == 5


def test_an_answer_that_is_not_kept_says_so_and_is_otherwise_the_same() -> None:
    assert not_stored(b'{"id":"c","n":1.50}') == b'{"id":"c","n":1.50,"store":false}'
