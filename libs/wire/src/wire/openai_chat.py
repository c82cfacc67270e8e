"""OpenAI Chat Completions on the wire. Source: OpenAI wire contract, section 1.

One schema for both roles: `api_gateway.dialects.chat` decodes requests and encodes answers,
`model_providers.openai_chat` encodes requests and decodes answers. Requests are read in two
stages: the top level typed here, `messages` and `tools` kept as raw JSON and read item by item,
because a typed union would refuse the unknown roles and types real clients send.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from wire.raw_json import ABSENT

# -------------------------------------------------------------------------------------- request


class StreamOptions(msgspec.Struct, omit_defaults=True):
    include_usage: bool | None = None
    include_obfuscation: bool | None = None


class JsonSchemaSpec(msgspec.Struct, omit_defaults=True):
    name: str
    schema: msgspec.Raw = ABSENT
    strict: bool | None = None
    description: str | None = None


class ResponseFormatSpec(msgspec.Struct, omit_defaults=True):
    type: str
    json_schema: JsonSchemaSpec | None = None


class ChatRequest(msgspec.Struct, omit_defaults=True):
    """The top level of a request. None and absent mean the same; unknown fields are dropped."""

    model: str
    messages: msgspec.Raw
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_completion_tokens: int | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    n: int | None = None
    stop: str | list[str] | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    logit_bias: dict[str, float] | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    seed: int | None = None
    response_format: ResponseFormatSpec | None = None
    tools: msgspec.Raw = ABSENT
    tool_choice: msgspec.Raw = ABSENT
    parallel_tool_calls: bool | None = None
    functions: msgspec.Raw = ABSENT
    function_call: msgspec.Raw = ABSENT
    reasoning_effort: str | None = None
    verbosity: str | None = None
    store: bool | None = None
    metadata: dict[str, str] | None = None
    service_tier: str | None = None
    user: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    modalities: list[str] | None = None
    audio: msgspec.Raw = ABSENT


class PartProbe(msgspec.Struct):
    """First look at a content part: which type is it?"""

    type: str


class MessageProbe(msgspec.Struct):
    """First look at a message: who speaks?"""

    role: str


class ImageUrl(msgspec.Struct, omit_defaults=True):
    url: str
    detail: str | None = None


class InputAudio(msgspec.Struct):
    data: str
    format: str


class FileInput(msgspec.Struct, omit_defaults=True):
    file_data: str | None = None
    file_id: str | None = None
    filename: str | None = None


class ContentPart(msgspec.Struct, omit_defaults=True):
    """Any content part; which field is set depends on `type`."""

    type: str
    text: str | None = None
    refusal: str | None = None
    image_url: ImageUrl | None = None
    input_audio: InputAudio | None = None
    file: FileInput | None = None


class FunctionCallBody(msgspec.Struct):
    name: str
    arguments: str


class CustomCallBody(msgspec.Struct):
    name: str
    input: str


class MessageToolCall(msgspec.Struct, omit_defaults=True):
    id: str
    type: str = "function"
    function: FunctionCallBody | None = None
    custom: CustomCallBody | None = None


class ChatMessage(msgspec.Struct, omit_defaults=True):
    """Any message; which fields matter depends on `role`."""

    role: str
    content: str | list[msgspec.Raw] | None = None
    name: str | None = None
    tool_call_id: str | None = None
    tool_calls: list[MessageToolCall] | None = None
    function_call: FunctionCallBody | None = None
    refusal: str | None = None


class FunctionDefinition(msgspec.Struct, omit_defaults=True):
    name: str
    description: str | None = None
    parameters: msgspec.Raw = ABSENT
    strict: bool | None = None


class CustomDefinition(msgspec.Struct, omit_defaults=True):
    name: str
    description: str | None = None
    format: msgspec.Raw = ABSENT


class ToolDefinition(msgspec.Struct, omit_defaults=True):
    type: str
    function: FunctionDefinition | None = None
    custom: CustomDefinition | None = None


# ------------------------------------------------------------------------------------- response


class PromptTokensDetails(msgspec.Struct):
    cached_tokens: int | None = 0


class CompletionTokensDetails(msgspec.Struct):
    reasoning_tokens: int | None = 0


class CompletionUsage(msgspec.Struct, omit_defaults=True):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: PromptTokensDetails | None = None
    completion_tokens_details: CompletionTokensDetails | None = None


class DeltaFunction(msgspec.Struct, omit_defaults=True):
    name: str | None = None
    arguments: str | None = None


class DeltaCustom(msgspec.Struct, omit_defaults=True):
    name: str | None = None
    input: str | None = None


class DeltaToolCall(msgspec.Struct, omit_defaults=True):
    """`id`, `type` and the name come only once: clients concatenate what they get.

    `index` is None only where a vendor forgot it; whatever we send carries one.
    """

    index: int | None = None
    id: str | None = None
    type: str | None = None
    function: DeltaFunction | None = None
    custom: DeltaCustom | None = None


class Delta(msgspec.Struct, omit_defaults=True):
    role: str | None = None
    content: str | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    tool_calls: list[DeltaToolCall] | None = None


class ChoiceLogprobs(msgspec.Struct, omit_defaults=True):
    content: msgspec.Raw = ABSENT
    refusal: msgspec.Raw = ABSENT


class ChunkChoice(msgspec.Struct):
    index: int
    delta: Delta
    finish_reason: str | None = None
    logprobs: ChoiceLogprobs | None = None


class ChatChunk(msgspec.Struct, omit_defaults=True):
    """One event of a stream, as a vendor sends it; `error` is set when it failed mid-stream."""

    id: str = ""
    choices: list[ChunkChoice] = []
    usage: CompletionUsage | None = None
    service_tier: str | None = None
    error: msgspec.Raw = ABSENT


class ResponseMessage(msgspec.Struct, omit_defaults=True):
    role: Literal["assistant"] = "assistant"
    content: str | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    tool_calls: list[MessageToolCall] | None = None


class ResponseChoice(msgspec.Struct):
    index: int
    message: ResponseMessage
    finish_reason: str | None = None
    logprobs: ChoiceLogprobs | None = None


class ChatCompletion(msgspec.Struct, omit_defaults=True):
    id: str
    choices: list[ResponseChoice]
    usage: CompletionUsage | None = None
    service_tier: str | None = None
