"""One child with everything it starts, in a process group of its own."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import deque
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from conclave_cli.log_lines import LineSplitter
from conclave_cli.parent_death import dying_with_this_process

_CHUNK_BYTES = 65536
_TAIL_LINES = 12
# The group is dead then; only a process that left it could still hold the pipe.
_LAST_OUTPUT_TIMEOUT_S = 1.0

OnLine = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Command:
    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    stop_grace_s: float = 2.0


@dataclass(slots=True)
class ChildProcess:
    _process: asyncio.subprocess.Process
    _output: asyncio.StreamReader
    tail: deque[str] = field(default_factory=lambda: deque(maxlen=_TAIL_LINES))

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.returncode

    async def wait(self) -> int:
        return await self._process.wait()

    def kill_group(self) -> None:
        self._signal_group(signal.SIGKILL)

    def _signal_group(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    async def stop(self, grace_s: float) -> None:
        """SIGTERM, and SIGKILL for whatever of the group is left after `grace_s`."""
        try:
            if self.returncode is None:
                self._signal_group(signal.SIGTERM)
                with suppress(TimeoutError):
                    async with asyncio.timeout(grace_s):
                        await self.wait()
        finally:
            self.kill_group()
        await self.wait()

    async def read_output(self, on_line: OnLine) -> None:
        splitter = LineSplitter()
        while chunk := await self._output.read(_CHUNK_BYTES):
            self._tell(splitter.feed(chunk), on_line)
        self._tell(splitter.rest(), on_line)

    def _tell(self, lines: list[str], on_line: OnLine) -> None:
        for line in lines:
            self.tail.append(line)
            on_line(line)


@asynccontextmanager
async def child_process(command: Command, on_line: OnLine) -> AsyncGenerator[ChildProcess]:
    """A running child; leaving the context ends its whole group and has told all its output."""
    async with _output_pipe() as (output, write_end):
        try:
            process = await _start(command, write_end)
        finally:
            os.close(write_end)
        child = ChildProcess(process, output)
        async with asyncio.TaskGroup() as tasks:
            telling = tasks.create_task(child.read_output(on_line))
            try:
                yield child
            finally:
                await child.stop(command.stop_grace_s)
                await asyncio.wait([telling], timeout=_LAST_OUTPUT_TIMEOUT_S)
                telling.cancel()


async def _start(command: Command, output: int) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *dying_with_this_process(command.arguments),
        env=dict(command.environment),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        process_group=0,
    )


@asynccontextmanager
async def _output_pipe() -> AsyncGenerator[tuple[asyncio.StreamReader, int]]:
    """A pipe of our own.

    With asyncio's, `wait` returns only when the last grandchild has let go of it
    (python/cpython#119710), and a crash would go unnoticed.
    """
    read_end, write_end = os.pipe()
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(read_end, "rb", buffering=0)
    )
    try:
        yield reader, write_end
    finally:
        transport.close()


def ending(returncode: int | None) -> str:
    """`exited with status 1`, `was killed by SIGKILL`."""
    if returncode is None:
        return "is still running"
    if returncode >= 0:
        return f"exited with status {returncode}"
    try:
        return f"was killed by {signal.Signals(-returncode).name}"
    except ValueError:
        return f"was killed by signal {-returncode}"
