"""A public endpoint of a few scripted answers, for tests of the commands that ask one."""

import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web

from conclave_cli.endpoint import Endpoint

KEY = "sk-test"
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serving(answer: Answer, *, timeout_s: float = 5) -> AsyncGenerator[Endpoint]:
    """`answer` on every path; the endpoint holds `KEY`."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield Endpoint(f"http://127.0.0.1:{runner.addresses[0][1]}/v1", KEY, timeout_s)
    finally:
        await runner.cleanup()


def streaming(*data: str, seen: list[dict[str, object]] | None = None) -> Answer:
    """Answers with these `data:` payloads, and keeps the request's body in `seen`."""

    async def answer(request: web.Request) -> web.StreamResponse:
        if seen is not None:
            seen.append(await request.json())
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        for payload in data:
            await response.write(f"data: {payload}\n\n".encode())
        return response

    return answer


def chunk(finish_reason: str | None = None, **delta: str) -> str:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    return json.dumps({"id": "chatcmpl-1", "choices": [choice]})


def refusing(status: int, message: str) -> Answer:
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": None}

    async def answer(_: web.Request) -> web.StreamResponse:
        return web.json_response({"error": error}, status=status, headers={"x-request-id": "req_1"})

    return answer
