import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from cli.tests.doubles import ended_within_s
from conclave_cli.processes import Command, child_process, ending

FAKE_SERVICE = str(Path(__file__).with_name("fake_service.py"))


def command(*arguments: str, grace_s: float = 5) -> Command:
    return Command((sys.executable, "-S", *arguments), {"PATH": os.defpath}, grace_s)


async def test_output_of_both_streams_is_told_line_by_line():
    lines: list[str] = []
    script = "import os; os.write(1, b'out\\n'); os.write(2, b'err\\nhalf')"

    async with child_process(command("-c", script), lines.append) as child:
        returncode = await child.wait()

    assert returncode == 0
    assert lines == ["out", "err", "half"]
    assert list(child.tail) == lines


async def test_leaving_ends_the_child_by_sigterm():
    async with child_process(command("-c", "import time; time.sleep(600)"), print) as child:
        assert child.returncode is None

    assert ending(child.returncode) == "was killed by SIGTERM"


@pytest.mark.requirement("cli:nothing-left")
async def test_a_deaf_child_and_its_grandchild_are_killed_after_the_grace(
    free_port: Callable[[], int],
):
    said: asyncio.Queue[str] = asyncio.Queue()
    deaf = command(FAKE_SERVICE, str(free_port()), "deaf", "spawn", grace_s=0.2)

    async with asyncio.timeout(5), child_process(deaf, said.put_nowait) as child:
        grandchild = int((await said.get()).removeprefix("grandchild "))
        assert psutil.pid_exists(grandchild)

    assert ending(child.returncode) == "was killed by SIGKILL"
    assert ended_within_s(grandchild, 5)


async def test_the_end_of_a_child_is_noticed_while_its_grandchild_holds_the_output(
    free_port: Callable[[], int],
):
    lines: list[str] = []
    dying = command(FAKE_SERVICE, str(free_port()), "spawn", "exit:6")

    async with asyncio.timeout(5), child_process(dying, lines.append) as child:
        returncode = await child.wait()

    assert returncode == 6
    assert ended_within_s(int(lines[0].removeprefix("grandchild ")), 5)


async def test_leaving_by_cancellation_ends_the_child_too():
    started = asyncio.Event()
    pids: list[int] = []

    async def run() -> None:
        async with child_process(command("-c", "import time; time.sleep(600)"), print) as child:
            pids.append(child.pid)
            started.set()
            await child.wait()

    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        running = tasks.create_task(run())
        await started.wait()
        running.cancel()

    assert ended_within_s(pids[0], 5)


def test_an_ending_is_told_in_words():
    assert ending(3) == "exited with status 3"
    assert ending(-9) == "was killed by SIGKILL"
    assert ending(-250) == "was killed by signal 250"
    assert ending(None) == "is still running"
