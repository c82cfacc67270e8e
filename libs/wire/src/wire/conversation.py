"""One neutral form of a conversation, a request for the next turn, and the answer as it arrives.

Every dialect a client speaks decodes into these types, every vendor encoder starts from them, and
the orchestrator sees nothing else. The item model follows OpenAI's Responses API, because Chat's
messages map into it without loss and not the other way round.

Structs tolerate unknown fields (newer siblings may send more); unknown *items* travel as
`OtherItem`, so nothing a client said is lost on the way.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from wire.raw_json import ABSENT

Role = Literal["system", "developer", "user", "assistant"]
ToolKind = Literal["function", "custom"]
FinishReason = Literal["stop", "length", "tool_calls", "content_filter"]
CompactedBy = Literal["none", "native", "summary", "extractive"]

# --------------------------------------------------------------------------------------- content


class TextPart(msgspec.Struct, tag_field="type", tag="text", frozen=True, omit_defaults=True):
    text: str


class ImagePart(msgspec.Struct, tag_field="type", tag="image", frozen=True, omit_defaults=True):
    """By `https:` or `data:` URL; `detail` as OpenAI names it (auto, low, high, original)."""

    url: str
    detail: str = "auto"


class AudioPart(msgspec.Struct, tag_field="type", tag="audio", frozen=True, omit_defaults=True):
    """Base64 audio; `format` is wav or mp3."""

    data: str
    format: str


class FilePart(msgspec.Struct, tag_field="type", tag="file", frozen=True, omit_defaults=True):
    filename: str | None = None
    file_data: str | None = None
    file_url: str | None = None


class RefusalPart(msgspec.Struct, tag_field="type", tag="refusal", frozen=True, omit_defaults=True):
    refusal: str


Part = TextPart | ImagePart | AudioPart | FilePart | RefusalPart


# ----------------------------------------------------------------------------------------- items


class Message(msgspec.Struct, tag_field="type", tag="message", frozen=True, omit_defaults=True):
    role: Role
    content: tuple[Part, ...]
    name: str | None = None
    id: str | None = None
    phase: str | None = None


class ToolCall(msgspec.Struct, tag_field="type", tag="tool_call", frozen=True, omit_defaults=True):
    """A call the model made. `arguments`: JSON text for functions, free text for custom tools."""

    call_id: str
    name: str
    arguments: str
    kind: ToolKind = "function"
    namespace: str | None = None
    id: str | None = None


class ToolResult(
    msgspec.Struct, tag_field="type", tag="tool_result", frozen=True, omit_defaults=True
):
    call_id: str
    output: tuple[Part, ...]
    kind: ToolKind = "function"
    id: str | None = None


class ReasoningItem(
    msgspec.Struct, tag_field="type", tag="reasoning", frozen=True, omit_defaults=True
):
    """Earlier reasoning that a client replays; used only by the backend that can read it."""

    summary: tuple[str, ...] = ()
    encrypted_content: str | None = None
    id: str | None = None


class CompactionItem(
    msgspec.Struct, tag_field="type", tag="compaction", frozen=True, omit_defaults=True
):
    """A sealed, compacted part of the conversation. Only the compactor can open it."""

    encrypted_content: str
    id: str | None = None


class OtherItem(msgspec.Struct, tag_field="type", tag="other", frozen=True, omit_defaults=True):
    """An item of a type we do not interpret, kept as the JSON the client sent.

    `item_type` is the client's own type name, e.g. `web_search_call`.
    """

    item_type: str
    raw: msgspec.Raw
    id: str | None = None


Item = Message | ToolCall | ToolResult | ReasoningItem | CompactionItem | OtherItem


# --------------------------------------------------------------------------------------- request


class FunctionTool(
    msgspec.Struct, tag_field="type", tag="function", frozen=True, omit_defaults=True
):
    """A client's function. `parameters` is its JSON schema, verbatim; empty means no arguments."""

    name: str
    description: str | None = None
    parameters: msgspec.Raw = ABSENT
    strict: bool | None = None
    namespace: str | None = None


class CustomTool(msgspec.Struct, tag_field="type", tag="custom", frozen=True, omit_defaults=True):
    """A client's free-text tool. `format` is OpenAI's format object, verbatim."""

    name: str
    description: str | None = None
    format: msgspec.Raw = ABSENT
    namespace: str | None = None


Tool = FunctionTool | CustomTool


class ToolChoice(msgspec.Struct, frozen=True, omit_defaults=True):
    """`mode` none, auto, required, or `tool` (then `name` and `kind`).

    `allowed` narrows auto and required to these names (Chat and Responses `allowed_tools`).
    """

    mode: Literal["none", "auto", "required", "tool"] = "auto"
    name: str | None = None
    kind: ToolKind = "function"
    allowed: tuple[str, ...] | None = None


class Sampling(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a client set; None means the model's own default."""

    temperature: float | None = None
    top_p: float | None = None
    max_output_tokens: int | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    logit_bias: dict[str, float] | None = None
    logprobs: bool = False
    top_logprobs: int | None = None
    reasoning_effort: str | None = None
    verbosity: str | None = None


class ResponseFormat(msgspec.Struct, frozen=True, omit_defaults=True):
    """`schema` (verbatim JSON schema), `name` and `strict` only with type `json_schema`."""

    type: Literal["text", "json_object", "json_schema"] = "text"
    name: str | None = None
    schema: msgspec.Raw = ABSENT
    strict: bool = False
    description: str | None = None


class GenerationRequest(msgspec.Struct, frozen=True, omit_defaults=True):
    """Everything a model needs to produce the next turn, in no vendor's shape.

    `items` holds the whole conversation, instructions included as system or developer messages.
    """

    items: tuple[Item, ...]
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice = ToolChoice()
    parallel_tool_calls: bool | None = None
    sampling: Sampling = Sampling()
    response_format: ResponseFormat = ResponseFormat()
    user: str | None = None
    prompt_cache_key: str | None = None
    service_tier: str | None = None


# ---------------------------------------------------------------------------------------- answer


class Usage(msgspec.Struct, frozen=True, omit_defaults=True):
    """Tokens of one or several calls. `estimated`: at least one vendor sent no final count.

    `cached_tokens` are part of `input_tokens`, `reasoning_tokens` part of `output_tokens`.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    estimated: bool = False

    @property
    def total_tokens(self) -> int:
        return self.input_tokens + self.output_tokens

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.cached_tokens + other.cached_tokens,
            self.cache_write_tokens + other.cache_write_tokens,
            self.reasoning_tokens + other.reasoning_tokens,
            self.estimated or other.estimated,
        )


class TextDelta(
    msgspec.Struct, tag_field="type", tag="text.delta", frozen=True, omit_defaults=True
):
    """`logprobs`: Chat's `logprobs.content` array for this piece, verbatim, if there is one."""

    text: str
    choice: int = 0
    logprobs: msgspec.Raw = ABSENT


class ReasoningDelta(
    msgspec.Struct, tag_field="type", tag="reasoning.delta", frozen=True, omit_defaults=True
):
    text: str
    choice: int = 0


class RefusalDelta(
    msgspec.Struct, tag_field="type", tag="refusal.delta", frozen=True, omit_defaults=True
):
    text: str
    choice: int = 0


class ToolCallStarted(
    msgspec.Struct, tag_field="type", tag="tool_call.started", frozen=True, omit_defaults=True
):
    """The `index`-th call of this choice begins; its id and name are said exactly once."""

    index: int
    call_id: str
    name: str
    kind: ToolKind = "function"
    namespace: str | None = None
    choice: int = 0


class ToolArgumentsDelta(
    msgspec.Struct, tag_field="type", tag="tool_call.delta", frozen=True, omit_defaults=True
):
    index: int
    text: str
    choice: int = 0


class ItemDone(msgspec.Struct, tag_field="type", tag="item.done", frozen=True, omit_defaults=True):
    """A whole output item that has no deltas: a compaction, later a computer call."""

    item: Item


class ChoiceFinished(
    msgspec.Struct, tag_field="type", tag="choice.finished", frozen=True, omit_defaults=True
):
    finish_reason: FinishReason
    choice: int = 0


class Compacted(msgspec.Struct, frozen=True, omit_defaults=True):
    """A conversation was made smaller before it was answered. Tokens are estimates.

    `reused`: by a compaction that had been made before.
    """

    level: CompactedBy
    tokens_before: int
    tokens_after: int
    reused: bool = False


class UsageReported(msgspec.Struct, tag_field="type", tag="usage", frozen=True, omit_defaults=True):
    """What the vendor counted for this call; at most once, after the last choice finished."""

    usage: Usage
    service_tier: str | None = None
    compacted: Compacted | None = None


AnswerEvent = (
    TextDelta
    | ReasoningDelta
    | RefusalDelta
    | ToolCallStarted
    | ToolArgumentsDelta
    | ItemDone
    | ChoiceFinished
    | UsageReported
)


def text_of(parts: tuple[Part, ...]) -> str:
    """The text of a message's parts, in order; images, audio and files contribute nothing."""
    return "".join(part.text for part in parts if isinstance(part, TextPart))


def user_text(text: str) -> Message:
    """A user message of one text part."""
    return Message("user", (TextPart(text),))
