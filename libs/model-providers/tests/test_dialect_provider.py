"""One attempt, whatever the dialect: the answer's content type decides how it is read."""

import asyncio
from contextlib import aclosing

import aiohttp
import pytest

from model_providers.dialect_provider import DialectProvider
from model_providers.http_exchange import HttpExchanges
from model_providers.openai_chat.client import CHAT
from model_providers.provider import SendProgress
from model_providers.testing import (
    DONE,
    WAIT_S,
    MonotonicClock,
    VendorConnection,
    chat_chunk,
    model_call,
    scripted_vendor,
)
from wire.conversation import AnswerEvent, ChoiceFinished, TextDelta, ToolCallStarted
from wire.errors import UpstreamError

WHOLE = b'{"choices":[{"message":{"content":"Hi"},"finish_reason":"stop"}]}'
STREAM = chat_chunk("Hi") + chat_chunk(finish_reason="stop") + DONE


@pytest.fixture
def provider(session: aiohttp.ClientSession) -> DialectProvider:
    exchanges = HttpExchanges(session, MonotonicClock(), lambda _: None, lambda _: None)
    return DialectProvider(CHAT, exchanges, tool_call_id=lambda: "made")


async def answered(
    provider: DialectProvider,
    body: bytes,
    content_type: str,
    *,
    status: int = 200,
    progress: SendProgress | None = None,
) -> list[AnswerEvent]:
    async def script(connection: VendorConnection) -> None:
        await connection.answer(status, body, content_type=content_type)

    async with asyncio.timeout(WAIT_S), scripted_vendor(script) as vendor:
        stream = provider.stream(model_call(vendor.model()), 1, progress)
        async with aclosing(stream) as events:
            return [event async for event in events]


@pytest.mark.requirement("providers:decode:tolerance")
@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (STREAM, "text/event-stream"),
        (STREAM, "Text/Event-Stream; charset=utf-8"),
        (WHOLE, "application/json"),
        (WHOLE, "text/plain"),
    ],
)
async def test_a_stream_and_a_whole_answer_give_the_same_events(
    provider: DialectProvider, body: bytes, content_type: str
) -> None:
    events = await answered(provider, body, content_type)

    assert events == [TextDelta("Hi"), ChoiceFinished("stop")]


async def test_calls_without_an_id_get_one_of_ours(provider: DialectProvider) -> None:
    body = b'{"choices":[{"message":{"tool_calls":[{"function":{"name":"f"}}]}}]}'

    events = await answered(provider, body, "application/json")

    assert events[0] == ToolCallStarted(0, "made", "f")


async def test_the_caller_learns_how_far_the_attempt_got(provider: DialectProvider) -> None:
    progress = SendProgress()

    with pytest.raises(UpstreamError):
        await answered(provider, b"", "text/plain", status=500, progress=progress)

    assert (progress.sent, progress.refused) == (True, True)
