import io
import json

import pytest
from aiohttp import web

from cli.tests.endpoint_double import chunk, serving, streaming
from conclave_cli.commands.chat import Question, answer_streamed, answer_whole
from conclave_cli.errors import RequestFailedError

QUESTION = Question(text="Why?", model="council", system="Be brief.")


async def test_the_answer_goes_to_one_outlet_and_progress_to_the_other():
    out, progress = io.StringIO(), io.StringIO()
    answer = streaming(
        chunk(role="assistant"), chunk(reasoning_content="three agents answer"),
        chunk(content="Be"), chunk(content="cause."), chunk("stop"), "[DONE]",
    )  # fmt: skip

    async with serving(answer) as endpoint:
        await answer_streamed(endpoint, QUESTION, out, progress)

    assert out.getvalue() == "Because.\n"
    assert progress.getvalue() == "three agents answer\n"


async def test_the_question_travels_with_model_and_system_message():
    seen: list[dict[str, object]] = []

    async with serving(streaming(chunk("stop", content="x"), seen=seen)) as endpoint:
        await answer_streamed(endpoint, QUESTION, io.StringIO(), None)

    assert seen == [
        {
            "model": "council",
            "stream": True,
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": "Why?"},
            ],
        }
    ]


async def test_an_error_in_the_middle_is_a_failure_with_its_message():
    broken = json.dumps({"error": {"message": "all agents failed", "type": "server_error"}})

    async with serving(streaming(chunk(content="Be"), broken)) as endpoint:
        with pytest.raises(RequestFailedError, match="all agents failed"):
            await answer_streamed(endpoint, QUESTION, io.StringIO(), None)


async def test_a_stream_that_just_ends_is_a_failure():
    async with serving(streaming(chunk(content="Be"))) as endpoint:
        with pytest.raises(RequestFailedError, match="ended before the answer did"):
            await answer_streamed(endpoint, QUESTION, io.StringIO(), None)


async def test_a_chunk_of_something_else_is_a_failure():
    async with serving(streaming('{"choices": 3}')) as endpoint:
        with pytest.raises(RequestFailedError, match="not a chunk of a chat completion"):
            await answer_streamed(endpoint, QUESTION, io.StringIO(), None)


async def test_a_whole_answer_is_written_once_it_is_there():
    out, progress = io.StringIO(), io.StringIO()
    message = {"role": "assistant", "content": "Because.", "reasoning_content": "voted\n"}

    async def answer(_: web.Request) -> web.Response:
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return web.json_response({"id": "chatcmpl-1", "choices": [choice]})

    async with serving(answer) as endpoint:
        await answer_whole(endpoint, QUESTION, out, progress)

    assert (out.getvalue(), progress.getvalue()) == ("Because.\n", "voted\n")
