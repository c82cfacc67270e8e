"""One line per record, and nothing in it that a user said."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

import pytest

from service_kit.logging import configure_logging, describe_error, get_logger, stack_of
from wire.errors import UpstreamTimeoutError

if TYPE_CHECKING:
    from collections.abc import Iterator

QUOTED = "the user's own words"


@pytest.fixture(autouse=True)
def _restored_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def fail_quoting() -> None:
    raise ValueError(QUOTED)


@pytest.mark.requirement("service-kit:logging:one-line")
def test_a_record_is_one_json_object_with_its_fields(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("gateway", "info", "json")

    get_logger("api_gateway.routes").info("request_ended", status=200, model="a\nb", cached=None)

    (line,) = lines(capsys)
    assert line["event"] == "request_ended"
    assert line["service"] == "gateway"
    assert line["level"] == "info"
    assert (line["status"], line["model"], line["cached"]) == (200, "a\nb", None)


def test_records_below_the_level_are_not_written(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("gateway", "warning", "json")
    log = get_logger("x")

    log.debug("a")
    log.info("b")
    log.warning("c")

    assert [line["event"] for line in lines(capsys)] == ["c"]


@pytest.mark.requirement("service-kit:logging:no-payload")
@pytest.mark.parametrize("log_format", ["json", "text"])
def test_a_foreign_exceptions_words_are_not_written(
    capsys: pytest.CaptureFixture[str], log_format: str
) -> None:
    configure_logging("gateway", "info", "json" if log_format == "json" else "text")
    try:
        fail_quoting()
    except ValueError:
        get_logger("x").exception("crashed")

    written = capsys.readouterr().out
    assert QUOTED not in written
    assert "ValueError" in written
    assert "fail_quoting" in written
    assert len(written.splitlines()) == 1


@pytest.mark.requirement("service-kit:logging:no-payload")
def test_a_group_shows_the_classes_in_it() -> None:
    group = ExceptionGroup(QUOTED, [ValueError(QUOTED), KeyError(QUOTED)])

    assert describe_error(group) == "ExceptionGroup(ValueError, KeyError)"


def test_our_own_errors_are_written_with_their_message() -> None:
    error = UpstreamTimeoutError("sim did not answer within 5 s", provider="sim")

    assert describe_error(error) == "UpstreamTimeoutError: sim did not answer within 5 s"
    assert describe_error(OSError(2, "no such file")).startswith("FileNotFoundError")


def test_the_stack_names_places_and_no_source_line() -> None:
    with pytest.raises(ValueError, match=QUOTED) as caught:
        fail_quoting()

    stack = stack_of(caught.value)

    assert stack[-1].endswith("fail_quoting")
    assert QUOTED not in "".join(stack)


def test_chatty_libraries_are_heard_from_warnings_up(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("gateway", "debug", "json")

    logging.getLogger("aiohttp.access").info("GET /")
    logging.getLogger("asyncio").debug("Using selector")
    logging.getLogger("uvicorn.error").warning("odd")

    assert [line["event"] for line in lines(capsys)] == ["odd"]


def test_text_is_one_line_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("gateway", "info", "text")

    get_logger("x").warning("drain_cut", requests_in_flight=3, path="/a\nb")

    written = capsys.readouterr().out
    assert written.count("\n") == 1
    assert "drain_cut requests_in_flight=3 path=/a b" in written
