"""A reader of Responses streams that forgives nothing. Source: OpenAI wire contract, 2.4 to 2.8."""

from __future__ import annotations

import json
from typing import Any

from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

_EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
ALWAYS = {
    "id", "object", "created_at", "completed_at", "status", "incomplete_details", "model",
    "previous_response_id", "instructions", "output", "error", "tools", "tool_choice",
    "truncation", "parallel_tool_calls", "text", "top_p", "presence_penalty",
    "frequency_penalty", "top_logprobs", "temperature", "reasoning", "usage", "max_output_tokens",
    "max_tool_calls", "store", "background", "service_tier", "metadata", "safety_identifier",
    "prompt_cache_key",
}  # fmt: skip
CODEX_ERROR_CODES = ("context_length_exceeded", "insufficient_quota", "server_is_overloaded")
TERMINAL = ("response.completed", "response.incomplete", "response.failed")
USAGE = {
    "input_tokens", "input_tokens_details", "output_tokens", "output_tokens_details",
    "total_tokens",
}  # fmt: skip


def read_frames(stream: bytes) -> list[dict[str, Any]]:
    """The events of a stream, their framing checked."""
    events: list[dict[str, Any]] = []
    blocks = stream.decode().split("\n\n")
    assert blocks.pop() == "", "the stream does not end with an event's end"
    for block in blocks:
        if block.startswith(":"):
            continue
        name, data = block.split("\n")
        assert name.startswith("event: ")
        assert data.startswith("data: ")
        event = json.loads(data.removeprefix("data: "))
        assert event["type"] == name.removeprefix("event: ")
        events.append(event)
    return events


def check_response(response: dict[str, Any]) -> None:
    """A response object has all its keys, and OpenAI's own models read it."""
    assert set(response) >= ALWAYS, ALWAYS - set(response)
    assert response["object"] == "response"
    assert isinstance(response["created_at"], int)
    for tool in response["tools"]:
        if tool["type"] == "function":
            assert {"name", "description", "parameters", "strict"} <= set(tool)
    usage = response["usage"]
    if response["status"] in ("completed", "incomplete"):
        assert set(usage) >= USAGE
        assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
    assert (response["completed_at"] is not None) == (response["status"] == "completed")
    assert (response["error"] is not None) == (response["status"] == "failed")
    Response.model_validate_json(json.dumps(_in_openais_words(response)))


def _in_openais_words(value: dict[str, Any]) -> dict[str, Any]:
    """OpenAI's enum of error codes is closed; three words more are for Codex (contract 2.4)."""
    if value.get("error") and value["error"]["code"] in CODEX_ERROR_CODES:
        return {**value, "error": {**value["error"], "code": "server_error"}}
    return value


class StrictReader:
    """Follows a stream event by event and asserts all that any client relies on."""

    def __init__(self) -> None:
        self.output: list[dict[str, Any]] = []
        self.open: dict[str, Any] | None = None
        self.said: dict[str, str] = {}
        self.part: dict[str, Any] | None = None
        self.response_id = ""

    def read(self, stream: bytes, *, numbered: bool = True) -> list[dict[str, Any]]:
        """All events of a whole stream, failed or not."""
        events = read_frames(stream)
        if numbered:
            assert [event["sequence_number"] for event in events] == list(range(len(events)))
        kinds = [event["type"] for event in events]
        assert kinds[0] == "response.created"
        assert kinds[1] in ("response.in_progress", "response.queued")
        assert [kind for kind in kinds if kind in TERMINAL] == [kinds[-1]]
        for event in events:
            response = {"response": _in_openais_words(event.get("response", {}))}
            _EVENT.validate_json(json.dumps({**event, **(response if "response" in event else {})}))
            self._take(event)
        self._check_end(events[-1])
        return events

    def _take(self, event: dict[str, Any]) -> None:
        kind: str = event["type"]
        if "response" in event:
            self._response(event["response"])
        elif kind == "response.output_item.added":
            assert self.open is None, "an item was added inside another one"
            assert event["output_index"] == len(self.output)
            assert event["item"].get("status") in ("in_progress", None)
            self.open, self.said = event["item"], {}
        elif kind == "response.output_item.done":
            self._item_done(event)
        elif kind != "error":
            self._piece(kind, event)

    def _response(self, response: dict[str, Any]) -> None:
        self.response_id = self.response_id or response["id"]
        assert response["id"] == self.response_id
        check_response(response)

    def _piece(self, kind: str, event: dict[str, Any]) -> None:
        assert self.open is not None, f"{kind} without an item"
        assert event["item_id"] == self.open["id"]
        assert event["output_index"] == len(self.output)
        what = kind.removeprefix("response.").rsplit(".", 1)[0]
        if kind.endswith(".added"):
            assert self.part is None, "a part was added inside another one"
            self.part = event["part"]
            self.said = {}
        elif kind.endswith(".delta"):
            assert self.part is not None or "call" in what
            assert event["delta"] != ""
            self.said[what] = self.said.get(what, "") + event["delta"]
        elif what.endswith("_part") or what == "content_part":
            assert self.part is not None
            said = "".join(self.said.values())
            assert event["part"].get("text", event["part"].get("refusal")) == said
            self.part = None
        else:
            key = next(k for k in ("text", "refusal", "arguments", "input") if k in event)
            assert event[key] == self.said.get(what, "")

    def _item_done(self, event: dict[str, Any]) -> None:
        item = event["item"]
        assert self.open is not None
        assert self.part is None
        assert (item["id"], item["type"]) == (self.open["id"], self.open["type"])
        assert event["output_index"] == len(self.output)
        assert item.get("status") in ("completed", "incomplete", None)
        self.output.append(item)
        self.open = None

    def _check_end(self, last: dict[str, Any]) -> None:
        output = last["response"]["output"]
        if last["type"] == "response.failed":
            assert output[: len(self.output)] == self.output
            return
        assert self.open is None, "an item was never done"
        assert output == self.output
        assert len({item["id"] for item in output}) == len(output)


def strict(stream: bytes) -> list[dict[str, Any]]:
    """The events of a stream that every client can follow to its end."""
    return StrictReader().read(stream)


def texts(events: list[dict[str, Any]]) -> str:
    """What the text deltas say."""
    return "".join(e["delta"] for e in events if e["type"] == "response.output_text.delta")
