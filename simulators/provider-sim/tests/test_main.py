"""The command, as a process of its own."""

import asyncio
import contextlib
import re
import signal
import sys
from collections.abc import AsyncGenerator

import aiohttp
import pytest

from provider_sim.json_types import JsonObject
from provider_sim.testing import client_of

LIMIT_S = 10.0
CHAT = "/v1/chat/completions"
MODULE = "provider_sim"


@contextlib.asynccontextmanager
async def process_of(*arguments: str) -> AsyncGenerator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        MODULE,
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


async def listening(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    line = (await asyncio.wait_for(process.stdout.readline(), LIMIT_S)).decode()
    found = re.search(r"base URL (http://\S+)/v1", line)
    assert found is not None, line
    return found[1]


def body_of(model: str) -> JsonObject:
    return {"model": model, "stream": True, "messages": [{"role": "user", "content": "Why?"}]}


@pytest.mark.requirement("provider-sim:shutdown")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_the_process_with_its_open_streams(number: signal.Signals) -> None:
    async with process_of("--port", "0") as process, client_of(await listening(process)) as sim:
        hanging = asyncio.gather(
            sim.text(CHAT, body_of("sim@hang")),
            sim.text(CHAT, body_of("sim@stall_after=1")),
            return_exceptions=True,
        )
        await sim.count("active")

        process.send_signal(number)
        started_s = asyncio.get_running_loop().time()
        status = await asyncio.wait_for(process.wait(), LIMIT_S)
        took_s = asyncio.get_running_loop().time() - started_s
        ended = await hanging

    assert status == 0
    assert took_s < 1
    assert all(isinstance(error, aiohttp.ClientError) for error in ended)


@pytest.mark.requirement("provider-sim:hang-up")
async def test_a_hang_up_is_noticed_within_milliseconds() -> None:
    async with process_of("--port", "0") as process, client_of(await listening(process)) as sim:
        for model in ("sim@hang", "sim@hang_after_headers", "sim@stall_after=1"):
            asked = asyncio.gather(sim.text(CHAT, body_of(model)), return_exceptions=True)
            await sim.count("active")
            left_s = asyncio.get_running_loop().time()
            asked.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asked
            line = (await sim.record())[-1]

            assert line["outcome"] == "client_closed"
            assert isinstance(line["ended_s"], float)
            assert line["ended_s"] - left_s < 0.25


@pytest.mark.requirement("provider-sim:faults")
async def test_a_reset_is_a_reset_on_the_wire() -> None:
    async with process_of("--port", "0") as process:
        url = await listening(process)
        host, _, port = url.removeprefix("http://").partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        body = b'{"model":"sim@reset","messages":[{"role":"user","content":"x"}]}'
        head = f"POST {CHAT} HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)

        with pytest.raises(ConnectionResetError):
            await asyncio.wait_for(reader.read(), LIMIT_S)
        writer.close()


async def test_a_taken_port_is_named_with_its_remedy() -> None:
    async with process_of("--port", "0") as first:
        port = (await listening(first)).rpartition(":")[2]
        async with process_of("--port", port) as second:
            _, errors = await asyncio.wait_for(second.communicate(), LIMIT_S)

    assert second.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}" in errors.decode()
    assert "--port" in errors.decode()
