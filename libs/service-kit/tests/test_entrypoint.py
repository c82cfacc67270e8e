"""Exit codes, and one line instead of a traceback."""

from __future__ import annotations

import asyncio

import pytest
import uvloop

from service_kit.entrypoint import run
from service_kit.lifecycle import BackgroundFailedError, StartupError


def test_an_orderly_end_is_0_and_ran_on_uvloop() -> None:
    loops: list[asyncio.AbstractEventLoop] = []

    async def main() -> None:
        loops.append(asyncio.get_running_loop())

    assert run("demo", main) == 0
    assert isinstance(loops[0], uvloop.Loop)


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (StartupError("port 8000 is taken"), 2, "demo: port 8000 is taken\n"),
        (
            BackgroundFailedError("watcher"),
            1,
            "demo: background task 'watcher' failed; the process stops\n",
        ),
    ],
)
def test_what_stops_a_process_is_one_line(
    capsys: pytest.CaptureFixture[str], error: Exception, code: int, line: str
) -> None:
    async def main() -> None:
        raise error

    assert run("demo", main) == code
    assert capsys.readouterr().err == line


def test_a_mistake_of_ours_keeps_its_traceback() -> None:
    async def main() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run("demo", main)
