"""One line per request."""

from __future__ import annotations

import asyncio
import io
import json
import logging

import pytest

from api_gateway.admission.auth import Caller
from api_gateway.routes import access_log
from api_gateway.routes.access_log import BatchedAccess, LoggedAccess, NoAccessLog
from api_gateway.routes.exchange import BodyLimits, Exchange
from service_kit.logging import JsonFormatter, get_logger
from service_kit.testing import FakeClock
from service_kit.tracing import Tracer
from wire.conversation import Usage
from wire.ids import new_request_id


def exchange(clock: FakeClock) -> Exchange:
    async def nothing(*_: object) -> None:
        await asyncio.Event().wait()

    one = Exchange(
        {"type": "http", "headers": []},
        nothing,  # type: ignore[arg-type]
        nothing,
        request_id=new_request_id(),
        trace=Tracer().new_context(None),
        clock=clock,
        limits=BodyLimits(1, 1),
        config_version="abc",
    )
    one.caller = Caller("key_1", "default")
    one.route, one.model, one.lane, one.status = "/v1/models", "sim", "splice", 200
    one.usage = Usage(10, 5)
    return one


@pytest.mark.requirement("gateway:access-log")
def test_a_line_says_who_asked_what_and_what_became_of_it() -> None:
    clock, stream = FakeClock(), io.StringIO()
    log = BatchedAccess("api-gateway", clock, stream)
    one = exchange(clock)

    log.write(one, one.started_at_s + 0.0123)
    log.flush()

    line = json.loads(stream.getvalue())
    assert line["request_id"] == one.request_id
    assert (line["key_id"], line["tenant_id"], line["status"]) == ("key_1", "default", 200)
    assert (line["duration_ms"], line["input_tokens"], line["output_tokens"]) == (12.3, 10, 5)


@pytest.mark.requirement("small-requests:visible")
def test_a_line_says_which_model_answered_a_small_request() -> None:
    clock, stream = FakeClock(), io.StringIO()
    log = BatchedAccess("api-gateway", clock, stream)
    one = exchange(clock)
    one.routed_to("small")

    log.write(one, one.started_at_s)
    log.flush()

    line = json.loads(stream.getvalue())
    assert (line["model"], line["routed_to"]) == ("sim", "small")


def test_batched_lines_look_like_every_other_record() -> None:
    clock, stream = FakeClock(), io.StringIO()
    log = BatchedAccess("api-gateway", clock, stream)
    log.write(exchange(clock), 0.0)
    log.flush()
    record = logging.LogRecord("x", logging.INFO, "x", 1, "request", None, None)

    ordinary = json.loads(JsonFormatter("api-gateway").format(record))

    line = json.loads(stream.getvalue())
    assert list(line)[: len(ordinary)] == list(ordinary)
    assert line["time"] == "2023-11-14T22:13:20.000+00:00"


def test_people_read_the_same_through_the_logger(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    clock = FakeClock()

    LoggedAccess(get_logger("test")).write(exchange(clock), clock.monotonic_s())
    NoAccessLog().write(exchange(clock), clock.monotonic_s())

    assert [record.getMessage() for record in caplog.records] == ["request"]


def test_lines_nobody_takes_are_dropped_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access_log, "MAX_WAITING", 2)
    clock, stream = FakeClock(), io.StringIO()
    log = BatchedAccess("api-gateway", clock, stream)

    for _ in range(5):
        log.write(exchange(clock), 0.0)
    log.flush()

    assert (len(stream.getvalue().splitlines()), log.dropped) == (2, 3)


async def test_what_waits_is_written_when_the_process_stops() -> None:
    clock, stream = FakeClock(), io.StringIO()
    log = BatchedAccess("api-gateway", clock, stream)

    async with asyncio.TaskGroup() as group:
        running = group.create_task(log.run())
        await asyncio.sleep(0)
        log.write(exchange(clock), 0.0)
        running.cancel()

    assert stream.getvalue().count("\n") == 1
