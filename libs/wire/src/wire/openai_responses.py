"""OpenAI Responses on the wire: the request's top level. Source: OpenAI wire contract, section 2.1.

`input`, `tools` and `tool_choice` stay raw JSON and are read item by item: a typed union would
refuse the unknown types real clients send.
"""

from __future__ import annotations

import msgspec

from wire.raw_json import ABSENT


class ConversationReference(msgspec.Struct):
    id: str


class ResponsesStreamOptions(msgspec.Struct, omit_defaults=True):
    include_obfuscation: bool | None = None


class TextFormat(msgspec.Struct, omit_defaults=True):
    """Flat, unlike Chat's: `name`, `schema` and `strict` only with type `json_schema`."""

    type: str
    name: str | None = None
    schema: msgspec.Raw = ABSENT
    strict: bool | None = None
    description: str | None = None


class TextOptions(msgspec.Struct, omit_defaults=True):
    format: TextFormat | None = None
    verbosity: str | None = None


class ReasoningOptions(msgspec.Struct, omit_defaults=True):
    """`generate_summary` is the older name of `summary`."""

    effort: str | None = None
    summary: str | None = None
    generate_summary: str | None = None


class ContextManagement(msgspec.Struct, omit_defaults=True):
    type: str
    compact_threshold: int | None = None


class ResponsesRequest(msgspec.Struct, omit_defaults=True):
    """The top level of a request. None and absent mean the same; unknown fields are dropped."""

    model: str
    input: msgspec.Raw = ABSENT
    instructions: str | None = None
    previous_response_id: str | None = None
    conversation: str | ConversationReference | None = None
    stream: bool | None = None
    stream_options: ResponsesStreamOptions | None = None
    store: bool | None = None
    background: bool | None = None
    include: list[str] | None = None
    max_output_tokens: int | None = None
    max_tool_calls: int | None = None
    parallel_tool_calls: bool | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_logprobs: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    text: TextOptions | None = None
    tools: msgspec.Raw = ABSENT
    tool_choice: msgspec.Raw = ABSENT
    reasoning: ReasoningOptions | None = None
    truncation: str | None = None
    context_management: list[ContextManagement] | None = None
    metadata: dict[str, str] | None = None
    user: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    service_tier: str | None = None
    prompt: msgspec.Raw = ABSENT


class ResponsesInputTokensRequest(msgspec.Struct, omit_defaults=True):
    """Of `POST /responses/input_tokens`: what of a request becomes the model's input."""

    model: str | None = None
    input: msgspec.Raw = ABSENT
    instructions: str | None = None
    previous_response_id: str | None = None
    conversation: str | ConversationReference | None = None
    text: TextOptions | None = None
    tools: msgspec.Raw = ABSENT
