"""The wire of `POST /v1/responses/compact`. Source: OpenAI contract, section 3.1."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from provider_sim import openai_tools
from provider_sim.compaction import KEPT_ROLES, folded_text
from provider_sim.frames import Answer
from provider_sim.json_types import Json, JsonObject, dumps
from provider_sim.openai_responses import check_stateless, read_input
from provider_sim.prompt import Prompt
from provider_sim.responses_stream import usage_object

if TYPE_CHECKING:
    from provider_sim.compaction import Vault
    from provider_sim.frames import Stamp
    from provider_sim.request_fields import Fields
    from provider_sim.usage import Usage

KNOWN_FIELDS = frozenset(
    {
        "image", "input", "instructions", "model", "previous_response_id", "prompt_cache_key",
        "prompt_cache_options", "prompt_cache_retention", "service_tier",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class CompactionRequest:
    prompt: Prompt
    kept: tuple[JsonObject, ...]
    """The items that stay as they are."""
    folded: str
    """What the item remembers of all others."""


def decode_request(vault: Vault, fields: Fields) -> CompactionRequest:
    """Read the body; items that this vendor sealed earlier are opened and folded again.

    Raises:
        WireError: what OpenAI would refuse.
    """
    model = openai_tools.check_model(fields)
    check_stateless(fields)
    messages = tuple(read_input(fields, vault))
    return CompactionRequest(
        Prompt(model, messages), tuple(_kept_items(fields.raw("input"))), folded_text(messages)
    )


def encode_answer(
    request: CompactionRequest, sealed: str, usage: Usage, shown: Usage | None, stamp: Stamp
) -> Answer:
    """The kept messages and one sealed item; there is no stream."""
    return Answer(
        usage=usage,
        finish_reason="compacted",
        beats=usage.completion_tokens,
        body=partial(_body, request, sealed, shown, stamp),
        frames=list,
    )


def _body(request: CompactionRequest, sealed: str, shown: Usage | None, stamp: Stamp) -> bytes:
    output: list[Json] = [
        _kept_item(item, f"msg_{stamp.token}{index}") for index, item in enumerate(request.kept)
    ]
    output.append({"id": f"cmp_{stamp.token}", "type": "compaction", "encrypted_content": sealed})
    return dumps(
        {
            "id": f"resp_{stamp.token}",
            "object": "response.compaction",
            "created_at": stamp.unix_s,
            "output": output,
            "usage": None if shown is None else usage_object(shown),
        }
    )


def _kept_items(items: Json) -> list[JsonObject]:
    if isinstance(items, str):
        return [{"role": "user", "content": items}]
    listed = items if isinstance(items, list) else []
    return [
        item
        for item in listed
        if isinstance(item, dict)
        and item.get("type", "message") == "message"
        and item.get("role") in KEPT_ROLES
    ]


def _kept_item(item: JsonObject, fallback_id: str) -> JsonObject:
    content = item.get("content")
    parts: Json = content
    if isinstance(content, str):
        parts = [{"type": "input_text", "text": content}]
    return {
        "id": item.get("id") or fallback_id,
        "type": "message",
        "status": "completed",
        "role": item.get("role"),
        "content": parts,
    }
