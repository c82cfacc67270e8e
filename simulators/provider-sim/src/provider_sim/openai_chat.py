"""OpenAI's Chat Completions wire: a strict reader of requests, a writer of answers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import zip_longest
from typing import TYPE_CHECKING

from provider_sim import openai_tools
from provider_sim.frames import Answer, Decoded, Frame, Stamp
from provider_sim.json_types import Json, JsonObject, dumps
from provider_sim.prompt import (
    Message,
    OutputFormat,
    Prompt,
    Reply,
    Role,
    Sampling,
    Tool,
    ToolCall,
    ToolChoice,
)
from provider_sim.stable_hash import stable_hash
from provider_sim.token_counter import count_tokens, pieces
from provider_sim.wire_errors import WireError, wrong_type

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from provider_sim.request_fields import Fields
    from provider_sim.usage import Usage

FINGERPRINT = "fp_sim_1"
_ROLES = ("developer", "system", "user", "assistant", "tool", "function")
_FORMATS = ("text", "json_object", "json_schema")
_LONGEST_NAME = 64
_DONE = Frame(b"data: [DONE]\n\n")
KNOWN_FIELDS = frozenset(
    {
        "audio", "frequency_penalty", "function_call", "functions", "logit_bias", "logprobs",
        "max_completion_tokens", "max_tokens", "messages", "metadata", "modalities", "model",
        "moderation", "n", "parallel_tool_calls", "prediction", "presence_penalty",
        "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention", "reasoning_effort",
        "response_format", "safety_identifier", "seed", "service_tier", "stop", "store", "stream",
        "stream_options", "temperature", "tool_choice", "tools", "top_logprobs", "top_p", "user",
        "verbosity", "web_search_options",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ChatRequest:
    prompt: Prompt
    model: str
    stream: bool
    include_usage: bool
    legacy_functions: bool


def decode(fields: Fields) -> Decoded:
    """Read the body, and keep what its answer needs."""
    request = decode_request(fields)
    return Decoded(request.prompt, request.stream, "messages", partial(encode_answer, request))


def decode_request(fields: Fields) -> ChatRequest:
    """Read the body.

    Raises:
        WireError: what OpenAI would refuse, with the parameter it would name.
    """
    model = openai_tools.check_model(fields)
    messages = tuple(_read_messages(fields))
    openai_tools.check_sampling(fields)
    legacy = fields.has("functions")
    tools = tuple(_read_functions(fields) if legacy else _read_tools(fields))
    options = fields.child("stream_options") if fields.has("stream_options") else None
    prompt = Prompt(
        model=model,
        messages=messages,
        tools=tools,
        tool_choice=_read_choice(fields, tools, legacy=legacy),
        output=_read_format(fields),
        sampling=_read_sampling(fields),
        parallel_calls=fields.flag("parallel_tool_calls", default=True) and not legacy,
        extra_text="".join(
            openai_tools.tool_text(fields.raw(key))
            for key in ("tools", "functions", "response_format")
        ),
    )
    return ChatRequest(
        prompt=prompt,
        model=model,
        stream=fields.flag("stream", default=False),
        include_usage=options is not None and options.flag("include_usage", default=False),
        legacy_functions=legacy,
    )


def _read_sampling(fields: Fields) -> Sampling:
    fields.decimal("presence_penalty", -2, 2)
    fields.decimal("frequency_penalty", -2, 2)
    logprobs = fields.flag("logprobs", default=False)
    if fields.has("top_logprobs") and not logprobs:
        raise WireError("'top_logprobs' needs 'logprobs' to be true.", param="top_logprobs")
    top_logprobs = fields.integer("top_logprobs", 0, 20)
    old_limit = fields.integer("max_tokens", 1, 10**9)
    limit = fields.integer("max_completion_tokens", 1, 10**9)
    return Sampling(
        seed=fields.integer("seed", -(2**63), 2**63 - 1),
        temperature=fields.decimal("temperature", 0, 2),
        max_tokens=limit if limit is not None else old_limit,
        stop=fields.texts("stop", 4),
        choices=fields.integer("n", 1, 128) or 1,
        logprobs=logprobs,
        top_logprobs=top_logprobs or 0,
    )


def _read_format(fields: Fields) -> OutputFormat:
    if not fields.has("response_format"):
        return OutputFormat()
    wanted = fields.child("response_format")
    kind = wanted.choice("type", _FORMATS)
    if kind == "json_schema":
        form = wanted.child("json_schema")
        form.name("name", _LONGEST_NAME)
        schema = form.child("schema").data if form.has("schema") else {}
        if form.flag("strict", default=False):
            openai_tools.check_strict_schema(schema, "response_format", "invalid_json_schema")
        return OutputFormat("json_schema", schema)
    return OutputFormat("json_object") if kind == "json_object" else OutputFormat()


def _read_tools(fields: Fields) -> Iterator[Tool]:
    for tool in fields.children("tools"):
        kind = tool.choice("type", ("function", "custom"))
        definition = tool.child(kind)
        yield _read_tool(definition, custom=kind == "custom")


def _read_functions(fields: Fields) -> Iterator[Tool]:
    return (_read_tool(function, custom=False) for function in fields.children("functions"))


def _read_tool(definition: Fields, *, custom: bool) -> Tool:
    name = definition.name("name", _LONGEST_NAME)
    if custom or not definition.has("parameters"):
        return Tool(name, custom=custom)
    schema = definition.child("parameters").data
    if definition.flag("strict", default=False):
        where = definition.at("parameters")
        openai_tools.check_strict_schema(schema, where, "invalid_function_parameters")
    return Tool(name, schema)


def _read_choice(fields: Fields, tools: tuple[Tool, ...], *, legacy: bool) -> ToolChoice:
    if not legacy:
        return openai_tools.read_tool_choice(fields, tools, nested=True)
    choice = fields.raw("function_call")
    if isinstance(choice, dict):
        return ToolChoice("required", fields.child("function_call").text("name"))
    return ToolChoice("none" if choice == "none" else "auto")


def _read_messages(fields: Fields) -> Iterator[Message]:
    fields.need("messages")
    fields.filled_array("messages")
    pending: dict[str, None] = {}
    for index, item in enumerate(fields.children("messages")):
        role = item.choice("role", _ROLES)
        if role == "tool":
            _take_answer(item, index, pending)
        elif pending:
            raise _unanswered(index, pending)
        message = _read_message(item, role)
        pending = pending or {call.call_id: None for call in message.calls if call.call_id}
        yield message
    if pending:
        raise _unanswered(len(fields.array("messages")), pending)


def _take_answer(item: Fields, index: int, pending: dict[str, None]) -> None:
    if item.text("tool_call_id") not in pending:
        raise WireError(
            "Invalid parameter: messages with role 'tool' must be a response to a preceding "
            "message with 'tool_calls'.",
            param=f"messages.[{index}].role",
        )
    del pending[item.text("tool_call_id")]


def _unanswered(index: int, pending: dict[str, None]) -> WireError:
    return WireError(
        "An assistant message with 'tool_calls' must be followed by tool messages responding to "
        f"each 'tool_call_id'. The following tool_call_ids did not have response messages: "
        f"{', '.join(pending)}",
        param=f"messages.[{index}].role",
    )


def _read_message(item: Fields, role: str) -> Message:
    if role == "assistant":
        return _read_assistant(item)
    if not item.has("content") and role != "function":
        raise wrong_type(item.at("content"), "a string or an array", item.raw("content"))
    text, media_tokens = _read_content(item, role)
    if role == "tool":
        return Message("tool", text, call_id=item.text("tool_call_id"))
    if role == "function":
        item.text("name")
        return Message("tool", text)
    return Message(_plain_role(role), text, media_tokens=media_tokens)


def _plain_role(role: str) -> Role:
    if role == "system":
        return "system"
    return "developer" if role == "developer" else "user"


def _read_assistant(item: Fields) -> Message:
    calls = tuple(_read_calls(item))
    if item.has("function_call"):
        call = item.child("function_call")
        calls += (ToolCall("", call.text("name"), call.text_or("arguments", "")),)
    if not calls and not any(item.has(key) for key in ("content", "refusal", "audio")):
        raise WireError(
            f"Invalid value for '{item.at('content')}': expected a string, got null.",
            param=item.at("content"),
        )
    return Message("assistant", _read_content(item, "assistant")[0], calls)


def _read_calls(item: Fields) -> Iterator[ToolCall]:
    for call in item.children("tool_calls"):
        kind = call.choice("type", ("function", "custom")) if call.has("type") else "function"
        body = call.child(kind)
        arguments = body.text("input" if kind == "custom" else "arguments")
        yield ToolCall(call.text("id"), body.text("name"), arguments, kind == "custom")


def _read_content(item: Fields, role: str) -> tuple[str, int]:
    content = item.raw("content")
    if content is None or isinstance(content, str):
        return content or "", 0
    if not isinstance(content, list):
        raise wrong_type(item.at("content"), "a string or an array", content)
    texts: list[str] = []
    media_tokens = 0
    for part in item.children("content"):
        kind = part.choice("type", _PARTS_OF_ROLE.get(role, ("text",)))
        if kind in {"text", "refusal"}:
            texts.append(part.text(kind))
        else:
            media_tokens += _media_tokens(part, kind)
    return "\n".join(texts), media_tokens


_PARTS_OF_ROLE = {
    "user": ("text", "image_url", "input_audio", "file"),
    "assistant": ("text", "refusal"),
}


def _media_tokens(part: Fields, kind: str) -> int:
    body = part.child(kind)
    if kind == "image_url":
        return openai_tools.image_tokens(body.text("url"), body.text_or("detail", "auto"))
    return openai_tools.AUDIO_TOKENS if kind == "input_audio" else openai_tools.FILE_TOKENS


# --- answers ---------------------------------------------------------------------------------


def encode_answer(
    request: ChatRequest,
    replies: list[Reply],
    usage: Usage,
    shown: Usage | None,
    stamp: Stamp,
) -> Answer:
    """The answer in this wire."""
    writer = _ChatWriter(request, replies, shown, stamp)
    return Answer(
        usage=usage,
        finish_reason=writer.finish_reason(replies[0]),
        beats=max(_beats(reply) for reply in replies),
        body=writer.body,
        frames=writer.frames,
        error_frames=_error_frames,
    )


def _beats(reply: Reply) -> int:
    calls = sum(1 + len(pieces(call.arguments)) for call in reply.calls)
    return len(reply.reasoning) + len(reply.text) + calls


def _error_frames(error: WireError, _frames_sent: int) -> list[Frame]:
    return [Frame(b"data: " + error.body() + b"\n\n")]


def usage_object(usage: Usage) -> JsonObject:
    """Usage in the words of this wire."""
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.total_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": usage.reasoning_tokens,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


class _ChatWriter:
    def __init__(
        self,
        request: ChatRequest,
        replies: list[Reply],
        shown: Usage | None,
        stamp: Stamp,
    ) -> None:
        self._request = request
        self._replies = replies
        self._shown = shown
        self._head: JsonObject = {
            "id": f"chatcmpl-{stamp.token}",
            "object": "chat.completion",
            "created": stamp.unix_s,
            "model": request.model,
            "service_tier": "default",
            "system_fingerprint": FINGERPRINT,
        }

    def finish_reason(self, reply: Reply) -> str:
        if reply.calls and self._request.legacy_functions:
            return "function_call"
        return reply.finish

    def body(self) -> bytes:
        choices: list[Json] = [
            {
                "index": index,
                "message": self._message(reply),
                "logprobs": self._logprobs(reply),
                "finish_reason": self.finish_reason(reply),
            }
            for index, reply in enumerate(self._replies)
        ]
        answer: JsonObject = {**self._head, "choices": choices}
        if self._shown is not None:
            answer["usage"] = usage_object(self._shown)
        return dumps(answer)

    def _message(self, reply: Reply) -> JsonObject:
        text = "".join(reply.text)
        message: JsonObject = {
            "role": "assistant",
            "content": None if reply.calls else text,
            "refusal": None,
            "annotations": [],
        }
        if reply.reasoning:
            message["reasoning_content"] = "".join(reply.reasoning)
        if reply.calls and self._request.legacy_functions:
            message["function_call"] = _legacy_call(reply.calls[0])
        elif reply.calls:
            message["tool_calls"] = [_call_object(call) for call in reply.calls]
        return message

    def _logprobs(self, reply: Reply) -> Json:
        if not self._request.prompt.sampling.logprobs:
            return None
        return {"content": [self._logprob(piece) for piece in reply.text], "refusal": None}

    def _logprob(self, piece: str) -> JsonObject:
        return token_logprob(piece, self._request.prompt.sampling.top_logprobs)

    def frames(self) -> list[Frame]:
        self._head["object"] = "chat.completion.chunk"
        self._prefix = b"data: " + dumps(self._head)[:-1] + b',"choices":[{"index":'
        with_usage = self._request.include_usage
        self._suffix = b',"usage":null}\n\n' if with_usage else b"}\n\n"
        streams = [self._choice(index, reply) for index, reply in enumerate(self._replies)]
        frames = streams[0] if len(streams) == 1 else _interleaved(streams)
        if with_usage and self._shown is not None:
            tail: JsonObject = {**self._head, "choices": [], "usage": usage_object(self._shown)}
            frames.append(Frame(b"data: " + dumps(tail) + b"\n\n"))
        frames.append(_DONE)
        return frames

    def _choice(self, index: int, reply: Reply) -> list[Frame]:
        prefix = self._prefix + str(index).encode() + b',"delta":'
        ending = b',"logprobs":null,"finish_reason":null}]' + self._suffix

        def chunk(delta: bytes, tokens: int = 0, reasoning_tokens: int = 0) -> Frame:
            return Frame(prefix + delta + ending, tokens, reasoning_tokens)

        opening: JsonObject = {"role": "assistant", "content": None if reply.calls else ""}
        frames = [chunk(dumps({**opening, "refusal": None}))]
        frames += [
            chunk(b'{"reasoning_content":' + dumps(piece) + b"}", 1, 1) for piece in reply.reasoning
        ]
        if self._request.prompt.sampling.logprobs:
            frames += [self._logprob_chunk(prefix, piece) for piece in reply.text]
        else:
            frames += [chunk(b'{"content":' + dumps(piece) + b"}", 1) for piece in reply.text]
        for number, call in enumerate(reply.calls):
            frames += self._call_chunks(chunk, number, call)
        reason = dumps(self.finish_reason(reply))
        last = prefix + b'{},"logprobs":null,"finish_reason":' + reason + b"}]" + self._suffix
        return [*frames, Frame(last)]

    def _logprob_chunk(self, prefix: bytes, piece: str) -> Frame:
        logprobs = dumps({"content": [self._logprob(piece)], "refusal": None})
        body = b'{"content":' + dumps(piece) + b'},"logprobs":' + logprobs
        return Frame(prefix + body + b',"finish_reason":null}]' + self._suffix, 1)

    def _call_chunks(
        self, chunk: Callable[[bytes, int], Frame], number: int, call: ToolCall
    ) -> Iterator[Frame]:
        legacy = self._request.legacy_functions
        key = "input" if call.custom else "arguments"
        kind = "custom" if call.custom else "function"
        if legacy:
            opening: JsonObject = {"function_call": {"name": call.name, "arguments": ""}}
            pre, post = b'{"function_call":{"arguments":', b"}}"
        else:
            first = {"index": number, "id": call.call_id, "type": kind}
            opening = {"tool_calls": [{**first, kind: {"name": call.name, key: ""}}]}
            pre = b'{"tool_calls":[{"index":%d,"%s":{"%s":' % (number, kind.encode(), key.encode())
            post = b"}}]}"
        yield chunk(dumps(opening), count_tokens(call.name))
        for piece in pieces(call.arguments):
            yield chunk(pre + dumps(piece) + post, 1)


def _call_object(call: ToolCall) -> JsonObject:
    if call.custom:
        return {
            "id": call.call_id,
            "type": "custom",
            "custom": {"name": call.name, "input": call.arguments},
        }
    return {
        "id": call.call_id,
        "type": "function",
        "function": {"name": call.name, "arguments": call.arguments},
    }


def _legacy_call(call: ToolCall) -> JsonObject:
    return {"name": call.name, "arguments": call.arguments}


def token_logprob(piece: str, alternatives: int) -> JsonObject:
    """A plausible log probability, and the likeliest tokens, itself the first of them."""
    likely = -(stable_hash(piece) % 2_000) / 1_000
    others = [(f"{piece}{rank}", likely - rank) for rank in range(1, alternatives)]
    top = [(piece, likely), *others] if alternatives else []
    return {
        **_logprob_of(piece, likely),
        "top_logprobs": [_logprob_of(token, logprob) for token, logprob in top],
    }


def _logprob_of(token: str, logprob: float) -> JsonObject:
    return {"token": token, "logprob": logprob, "bytes": list(token.encode())}


def _interleaved(streams: list[list[Frame]]) -> list[Frame]:
    """Choices are generated side by side: their n-th frames leave together."""
    frames: list[Frame] = []
    for group in zip_longest(*streams):
        present = [frame for frame in group if frame is not None]
        frames.append(
            Frame(
                b"".join(frame.data for frame in present),
                sum(frame.tokens for frame in present),
                sum(frame.reasoning_tokens for frame in present),
            )
        )
    return frames
