"""One line per record, as JSON or for people.

Nothing of a prompt or an answer may reach a log, and exception messages quote their input. So the
text of an exception is written only when it is one of ours; of all others the class and the places
it passed through.
"""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal, cast

import orjson

from wire.errors import PlatformError

LogValue = str | int | float | bool | None | Sequence[str]
Level = Literal["debug", "info", "warning", "error"]

_FIELDS = "conclave_fields"
_FRAMES = 12
# Chatty or prone to quoting payloads below these levels.
_FOREIGN_LEVELS = {
    "uvicorn": logging.WARNING,
    "uvicorn.error": logging.WARNING,
    "aiohttp": logging.WARNING,
    "asyncio": logging.WARNING,
    "sqlalchemy": logging.WARNING,
    "alembic": logging.WARNING,
    "aiosqlite": logging.WARNING,
}


class Logger:
    """Events with fields: `log.info("run_ended", run_id=run_id, status=status)`.

    The event is a constant in snake_case, fields are its variables. `error` may carry an exception;
    `exception` takes the one being handled.
    """

    def __init__(self, name: str) -> None:
        self._logger = logging.getLogger(name)

    def debug(self, event: str, **fields: LogValue) -> None:
        self._write(logging.DEBUG, event, fields, None)

    def info(self, event: str, **fields: LogValue) -> None:
        self._write(logging.INFO, event, fields, None)

    def warning(
        self, event: str, *, error: BaseException | None = None, **fields: LogValue
    ) -> None:
        self._write(logging.WARNING, event, fields, error)

    def error(self, event: str, *, error: BaseException | None = None, **fields: LogValue) -> None:
        self._write(logging.ERROR, event, fields, error)

    def exception(self, event: str, **fields: LogValue) -> None:
        self._write(logging.ERROR, event, fields, sys.exception())

    def _write(
        self, level: int, event: str, fields: dict[str, LogValue], error: BaseException | None
    ) -> None:
        if self._logger.isEnabledFor(level):
            self._logger.log(level, event, exc_info=error, extra={_FIELDS: fields})


def get_logger(name: str) -> Logger:
    """`name` is the module's `__name__`."""
    return Logger(name)


def configure_logging(service: str, level: Level, log_format: Literal["json", "text"]) -> None:
    """Send every record of the process to standard output. Replaces an earlier configuration."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter(service) if log_format == "json" else TextFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name, least in _FOREIGN_LEVELS.items():
        logging.getLogger(name).setLevel(max(least, root.level))


class JsonFormatter(logging.Formatter):
    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": _timestamp(record),
            "level": record.levelname.lower(),
            "service": self._service,
            "logger": record.name,
            "event": record.getMessage(),
            **_fields(record),
        }
        error = _error(record)
        if error is not None:
            line["error"] = describe_error(error)
            line["stack"] = stack_of(error)
        return orjson.dumps(line, default=str).decode()


class TextFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        fields = " ".join(f"{name}={_text(value)}" for name, value in _fields(record).items())
        head = f"{_timestamp(record)[11:23]} {record.levelname.lower():7} {record.getMessage()}"
        error = _error(record)
        tail = "" if error is None else f" error={describe_error(error)} {stack_of(error)[-1:]}"
        return f"{head} {fields}{tail}".replace("\n", " ").rstrip()


def describe_error(error: BaseException) -> str:
    """An exception as text that quotes no payload."""
    if isinstance(error, BaseExceptionGroup):
        parts = cast("BaseExceptionGroup[BaseException]", error).exceptions
        inner = ", ".join(describe_error(each) for each in parts)
        return f"ExceptionGroup({inner})"
    if isinstance(error, PlatformError | OSError):
        return f"{type(error).__name__}: {error}"
    return type(error).__name__


def stack_of(error: BaseException) -> list[str]:
    """Where it passed through, innermost last: `file:line function`."""
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]


def _timestamp(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")


def _fields(record: logging.LogRecord) -> dict[str, LogValue]:
    return getattr(record, _FIELDS, {})


def _error(record: logging.LogRecord) -> BaseException | None:
    return record.exc_info[1] if record.exc_info else None


def _text(value: LogValue) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()
