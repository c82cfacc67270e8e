"""A client that goes away: every vendor connection is closed within 250 ms, in every window."""

import http.client
import json
import socket
import sqlite3
import time
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from dataclasses import dataclass

import pytest

from tests.system.platform_process import Platform, eventually
from tests.system.simulator_process import Call, Simulator

pytestmark = pytest.mark.requirement("system:hang-up")

BAR_S = 0.25
RESPONSES = "/v1/responses"
WINDOW_TIMEOUT_S = 10.0
Window = Callable[[list[Call]], bool]


@dataclass
class Asking:
    """One request in flight over a connection of its own."""

    connection: http.client.HTTPConnection
    response: http.client.HTTPResponse | None = None

    def wait_for_text(self) -> None:
        """Until the first piece of the answer itself has come."""
        self.response = self.connection.getresponse()
        while line := self.response.readline():
            if b"response.output_text.delta" in line:
                return
            if b'"content":"' in line and b'"content":""' not in line:
                return
        raise AssertionError("the stream ended without an answer")

    def hang_up(self) -> float:
        """Go away, as a killed process does; when that was, on the machine's monotonic clock."""
        assert self.connection.sock is not None or self.response is not None
        gone_s = time.monotonic()
        if self.connection.sock is not None:
            self.connection.sock.shutdown(socket.SHUT_RDWR)
        if self.response is not None:
            self.response.close()
        self.connection.close()
        return gone_s


@contextmanager
def asking(
    running: Platform, model: str, *, stream: bool, path: str = "/v1/chat/completions"
) -> Generator[Asking]:
    connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=WINDOW_TIMEOUT_S)
    messages = [{"role": "user", "content": "Compare three ways to sort a deck of cards."}]
    asked_in = "input" if path == RESPONSES else "messages"
    connection.request(
        "POST",
        path,
        json.dumps({"model": model, asked_in: messages, "stream": stream}),
        {"authorization": f"Bearer {running.api_key}", "content-type": "application/json"},
    )
    asked = Asking(connection)
    try:
        yield asked
    finally:
        if asked.response is not None:
            asked.response.close()
        connection.close()


def reach(sim: Simulator, seen_before: int, window: Window) -> None:
    """Until the vendor's own record shows that the request is where the test wants it."""
    eventually(lambda: window(sim.calls(seen_before)), WINDOW_TIMEOUT_S, "the window is reached")


def assert_all_closed(sim: Simulator, seen_before: int, gone_s: float) -> None:
    calls = sim.ended_calls(seen_before)
    closed = [call for call in calls if call.outcome == "client_closed"]
    assert sim.active() == 0
    assert closed, [call.outcome for call in calls]
    assert {call.outcome for call in calls} <= {"client_closed", "completed"}
    waits_s = [call.ended_s - gone_s for call in closed if call.ended_s is not None]
    assert len(waits_s) == len(closed)
    assert max(waits_s) <= BAR_S


def running_calls(count: int, *, kind: str = "answer", with_tokens: bool = False) -> Window:
    """So many calls of that kind run, before or after their first token."""

    def reached(calls: list[Call]) -> bool:
        active = [
            call
            for call in calls
            if call.ended_s is None
            and call.kind == kind
            and (call.first_byte_s is not None) == with_tokens
        ]
        return len(active) == count

    return reached


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
@pytest.mark.parametrize(("model", "calls"), [("slow-first", 1), ("slow-answers", 3)])
def test_before_the_first_token(
    running: Platform, sim: Simulator, seen_before: int, model: str, calls: int, *, stream: bool
):
    with asking(running, model, stream=stream) as asked:
        reach(sim, seen_before, running_calls(calls))

        gone_s = asked.hang_up()

    assert_all_closed(sim, seen_before, gone_s)


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
def test_while_its_calls_wait_for_a_place(
    running: Platform, sim: Simulator, seen_before: int, *, stream: bool
):
    with asking(running, "queued", stream=True) as first:
        reach(sim, seen_before, running_calls(3))
        with asking(running, "queued", stream=stream) as second:
            eventually(lambda: runs_in_flight(running) == 2, WINDOW_TIMEOUT_S, "both have begun")
            gone_s = second.hang_up()
            eventually(lambda: runs_in_flight(running) == 1, WINDOW_TIMEOUT_S, "one has ended")
            over_s = time.monotonic()
        first.hang_up()

    assert over_s - gone_s <= BAR_S
    assert len(sim.ended_calls(seen_before)) == 3


def runs_in_flight(running: Platform) -> int:
    """From the orchestrator's own database: `/metrics` may be seconds old."""
    database = running.state_dir / "data" / "orchestrator.sqlite3"
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        found = connection.execute("SELECT count(*) FROM runs WHERE status = 'in_progress'")
        return int(found.fetchone()[0])


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
def test_while_the_agents_answer(
    running: Platform, sim: Simulator, seen_before: int, *, stream: bool
):
    with asking(running, "slow-middles", stream=stream) as asked:
        reach(sim, seen_before, running_calls(3, with_tokens=True))

        gone_s = asked.hang_up()

    assert_all_closed(sim, seen_before, gone_s)


def test_in_the_middle_of_a_plain_models_stream(
    running: Platform, sim: Simulator, seen_before: int
):
    with asking(running, "slow-middle", stream=True) as asked:
        asked.wait_for_text()

        gone_s = asked.hang_up()

    assert_all_closed(sim, seen_before, gone_s)


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
def test_in_the_ballot(running: Platform, sim: Simulator, seen_before: int, *, stream: bool):
    with asking(running, "slow-ballots", stream=stream) as asked:
        reach(sim, seen_before, running_calls(3, kind="ballot"))

        gone_s = asked.hang_up()

    assert_all_closed(sim, seen_before, gone_s)


def test_in_the_presentation(running: Platform, sim: Simulator, seen_before: int):
    with asking(running, "slow-presentation", stream=True) as asked:
        asked.wait_for_text()

        gone_s = asked.hang_up()

    assert_all_closed(sim, seen_before, gone_s)
    assert [call.kind for call in sim.calls(seen_before) if call.outcome == "client_closed"] == [
        "present"
    ]


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
@pytest.mark.parametrize("model", ["slow-first", "slow-first-responses", "slow-answers"])
def test_responses_before_the_first_token(
    running: Platform, sim: Simulator, seen_before: int, model: str, *, stream: bool
):
    with asking(running, model, stream=stream, path=RESPONSES) as asked:
        reach(sim, seen_before, running_calls(3 if model == "slow-answers" else 1))

        gone_s = asked.hang_up()

    assert_all_closed(sim, seen_before, gone_s)


@pytest.mark.parametrize("model", ["slow-middle", "slow-middle-responses", "slow-presentation"])
def test_responses_in_the_middle_of_a_stream(
    running: Platform, sim: Simulator, seen_before: int, model: str
):
    with asking(running, model, stream=True, path=RESPONSES) as asked:
        asked.wait_for_text()

        gone_s = asked.hang_up()

    assert_all_closed(sim, seen_before, gone_s)
