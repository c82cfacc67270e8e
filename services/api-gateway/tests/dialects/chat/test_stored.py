from __future__ import annotations

import json
from typing import Any

from api_gateway.dialects.chat.head import decode_head
from api_gateway.dialects.chat.stored import kept_completion, kept_messages

COMPLETION = b'{"id":"chatcmpl-1","choices":[ ],"usage":{"total_tokens":3}}'


def kept(**members: Any) -> dict[str, Any]:  # noqa: ANN401
    body = {"model": "m", "messages": [{"role": "user", "content": "x"}], **members}
    head = decode_head(json.dumps(body).encode())
    return json.loads(kept_completion(COMPLETION, head, "req_1"))


def messages(*asked: object) -> list[dict[str, Any]]:
    head = decode_head(json.dumps({"model": "m", "messages": asked}).encode())
    return [json.loads(message.payload) for message in kept_messages(head, "c")]


def test_the_completion_stays_and_the_request_is_told_beside_it() -> None:
    shown = kept(temperature=0.5, tool_choice="none", user="ann", store=True)

    assert shown.items() >= json.loads(COMPLETION).items()
    assert (shown["request_id"], shown["input_user"]) == ("req_1", "ann")
    assert (shown["temperature"], shown["tool_choice"]) == (0.5, "none")
    assert (shown["tools"], shown["seed"], shown["response_format"]) == (None, None, None)


def test_messages_keep_what_they_say_and_get_ids_of_ours() -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    parts = [{"type": "text", "text": "b"}]

    assert messages(
        {"role": "user", "content": "a", "id": "theirs"},
        {"role": "user", "content": parts, "name": "ann"},
        {"role": "assistant", "tool_calls": [call]},
    ) == [
        {"id": "c-0", "role": "user", "content": "a", "content_parts": None},
        {"id": "c-1", "role": "user", "content": None, "content_parts": parts, "name": "ann"},
        {
            "id": "c-2",
            "role": "assistant",
            "content": None,
            "content_parts": None,
            "tool_calls": [call],
        },
    ]
