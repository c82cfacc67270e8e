"""The process as it is started: `python -m orchestrator`."""

import asyncio
import os
import signal
import socket
import sys
from pathlib import Path

import aiohttp
import pytest

from orchestrator.__main__ import main

TOKEN = "t" * 40
WAIT_S = 20


def free_ports() -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        return one.getsockname()[1], other.getsockname()[1]


def environment(tmp_path: Path, port: int, metrics_port: int) -> dict[str, str]:
    return {
        **os.environ,  # noqa: TID251 - a child needs its PATH
        "ORCHESTRATOR_PORT": str(port),
        "ORCHESTRATOR_METRICS_PORT": str(metrics_port),
        "ORCHESTRATOR_DATABASE_URL": f"sqlite:///{tmp_path / 'o.sqlite3'}",
        "ORCHESTRATOR_INSTALLATION_TOKEN": TOKEN,
    }


async def child(environ: dict[str, str], *arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "orchestrator",
        *arguments,
        env=environ,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def until_ready(url: str) -> None:
    async with asyncio.timeout(WAIT_S), aiohttp.ClientSession() as session:
        while True:
            try:
                async with session.get(url) as response:
                    if response.status == 200:
                        return
            except aiohttp.ClientConnectionError:
                await asyncio.sleep(0.05)


@pytest.mark.slow
async def test_it_migrates_serves_and_stops_on_sigterm(tmp_path: Path) -> None:
    port, metrics_port = free_ports()
    environ = environment(tmp_path, port, metrics_port)
    async with asyncio.timeout(WAIT_S):
        assert await (await child(environ, "migrate")).wait() == 0
    process = await child(environ)
    try:
        await until_ready(f"http://127.0.0.1:{metrics_port}/readyz")
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(WAIT_S):
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def test_without_a_migrated_database_it_says_what_to_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # What is there in a process of tests is not there for good.
    monkeypatch.setattr("orchestrator.__main__._do_not_stall", lambda: None)
    for name, value in environment(tmp_path, *free_ports()).items():
        monkeypatch.setenv(name, value)

    assert main([]) == 2
    assert "python -m orchestrator migrate" in capsys.readouterr().err


def test_without_a_token_it_says_which_variable_to_set(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("ORCHESTRATOR_INSTALLATION_TOKEN", raising=False)
    monkeypatch.delenv("ORCHESTRATOR_INSTALLATION_TOKEN_FILE", raising=False)

    assert main([]) == 2
    assert "ORCHESTRATOR_INSTALLATION_TOKEN_FILE" in capsys.readouterr().err
