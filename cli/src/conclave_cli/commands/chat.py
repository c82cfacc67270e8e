"""`conclave chat`: one question, its answer as it comes.

A stream that breaks off is a failure here, whatever part of an answer was shown before.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import msgspec

from conclave_cli import exit_codes
from conclave_cli.endpoint import Endpoint, endpoint_from
from conclave_cli.errors import RequestFailedError
from conclave_cli.settings import load_settings
from wire.openai_chat import ChatChunk, ChatCompletion
from wire.raw_json import is_present
from wire.sse import SseReader

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

_DONE = b"[DONE]"


class _Outlet(Protocol):
    def write(self, text: str, /) -> object: ...
    def flush(self) -> object: ...


@dataclass(frozen=True, slots=True)
class Question:
    text: str
    model: str
    system: str | None = None
    stream: bool = True
    show_progress: bool = True


class _StreamError(msgspec.Struct):
    message: str


def ask(question: Question, base_url: str | None) -> int:
    """Print the answer; the exit status."""
    endpoint = endpoint_from(load_settings(), base_url)
    if question.text == "-":
        question = replace(question, text=sys.stdin.read())
    progress = sys.stderr if question.show_progress else None
    answer = answer_whole if not question.stream else answer_streamed
    asyncio.run(answer(endpoint, question, sys.stdout, progress))
    return exit_codes.OK


async def answer_whole(
    endpoint: Endpoint, question: Question, out: _Outlet, progress: _Outlet | None
) -> None:
    """Write the answer once it is whole."""
    async with endpoint.request("POST", "/chat/completions", _body(question)) as response:
        body = await response.read()
    try:
        message = msgspec.json.decode(body, type=ChatCompletion).choices[0].message
    except (msgspec.DecodeError, IndexError) as error:
        raise RequestFailedError(f"{endpoint.base_url}: no chat completion: {error}") from None
    if progress is not None and message.reasoning_content:
        progress.write(message.reasoning_content.rstrip() + "\n")
    out.write((message.content or message.refusal or "") + "\n")


async def answer_streamed(
    endpoint: Endpoint, question: Question, out: _Outlet, progress: _Outlet | None
) -> None:
    """Write text as it arrives; progress and answer each start on a line of their own.

    Raises:
        RequestFailedError: also when the stream ends before the answer has ended.
    """
    finished, told_progress = False, False
    async with aclosing(_chunks(endpoint, question)) as chunks:
        async for chunk in chunks:
            for choice in chunk.choices:
                if choice.delta.reasoning_content and progress is not None:
                    _show(progress, choice.delta.reasoning_content)
                    told_progress = True
                if text := choice.delta.content or choice.delta.refusal:
                    if told_progress and progress is not None:
                        _show(progress, "\n")
                        told_progress = False
                    _show(out, text)
                finished = finished or choice.finish_reason is not None
    if not finished:
        raise RequestFailedError("the stream ended before the answer did")
    _show(out, "\n")


async def _chunks(endpoint: Endpoint, question: Question) -> AsyncGenerator[ChatChunk]:
    reader, decoder = SseReader(), msgspec.json.Decoder(ChatChunk)
    async with endpoint.request("POST", "/chat/completions", _body(question)) as response:
        async for piece in response.content.iter_any():
            for event in reader.feed(piece):
                if event.data == _DONE:
                    return
                yield _checked(decoder, event.data)


def _checked(decoder: msgspec.json.Decoder[ChatChunk], data: bytes) -> ChatChunk:
    try:
        chunk = decoder.decode(data)
        if is_present(chunk.error):
            raise RequestFailedError(msgspec.json.decode(chunk.error, type=_StreamError).message)
    except msgspec.DecodeError as error:
        raise RequestFailedError(f"not a chunk of a chat completion: {error}") from None
    return chunk


def _body(question: Question) -> bytes:
    messages = [{"role": "user", "content": question.text}]
    if question.system:
        messages.insert(0, {"role": "system", "content": question.system})
    return msgspec.json.encode(
        {"model": question.model, "stream": question.stream, "messages": messages}
    )


def _show(outlet: _Outlet, text: str) -> None:
    outlet.write(text)
    outlet.flush()
