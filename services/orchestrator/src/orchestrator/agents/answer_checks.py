"""Does an answer satisfy the response format that the client asked for?

Used where we must know before anybody sees the text. `pattern` and `format` are not checked: the
client writes the pattern and a model the text, and a hostile pair would hold the event loop for
ever. No reference is ever fetched.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Protocol, cast

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable

    from wire.conversation import ResponseFormat

_FENCE = re.compile(r"^\s*```(?:json)?\s*\n(.*?)\n?\s*```\s*$", re.DOTALL)
_PROBLEM_CHARS = 300


class InvalidAnswerError(ValueError):
    """The answer breaks the response format; the message says where."""


class UnusableSchemaError(ValueError):
    """The client's schema is not one that an answer can be checked with."""


class AnswerCheck(Protocol):
    def __call__(self, text: str) -> str:
        """The text as it may be delivered.

        Raises:
            InvalidAnswerError: it breaks the response format.
        """
        ...


def answer_check(wanted: ResponseFormat) -> AnswerCheck:
    """The check for a response format; compile it once per run.

    Raises:
        UnusableSchemaError: the schema itself is invalid.
    """
    if wanted.type == "json_schema" and wanted.schema:
        return _SchemaCheck(msgspec.json.decode(wanted.schema))
    return _json_text


def _json_text(text: str) -> str:
    bare = _bare_json(text)
    _decode(bare)
    return bare


class _SchemaCheck:
    def __init__(self, schema: Any) -> None:  # noqa: ANN401 - any JSON
        # Slow to import, and few runs need it.
        from jsonschema import SchemaError  # noqa: PLC0415
        from jsonschema.validators import validator_for  # noqa: PLC0415
        from referencing import Registry  # noqa: PLC0415

        _refuse_references_elsewhere(schema)
        kind = validator_for(schema)
        try:
            kind.check_schema(schema)
        except SchemaError as error:
            raise UnusableSchemaError(f"the schema is invalid: {error.message}") from None
        registry: Registry[Any] = Registry()
        self._validator = _without_patterns(kind)(schema, registry=registry)

    def __call__(self, text: str) -> str:
        bare = _bare_json(text)
        value = _decode(bare)
        from referencing.exceptions import Unresolvable  # noqa: PLC0415 - as above

        try:
            problem = next(self._validator.iter_errors(value), None)
        except RecursionError:
            raise InvalidAnswerError("the JSON is nested too deeply") from None
        except Unresolvable:
            raise InvalidAnswerError("the schema refers to what it does not hold") from None
        if problem is not None:
            raise InvalidAnswerError(_told(problem))
        return bare


def _refuse_references_elsewhere(schema: Any) -> None:  # noqa: ANN401 - any JSON
    """Strict schemas stand alone; a reference that nobody follows would fail every answer."""
    if not isinstance(schema, dict | bool):
        raise UnusableSchemaError("a schema is an object")
    open_parts: list[Any] = [schema]
    while open_parts:
        part = open_parts.pop()
        if isinstance(part, dict):
            members = cast("dict[str, Any]", part)
            reference = members.get("$ref", "#")
            if isinstance(reference, str) and not reference.startswith("#"):
                raise UnusableSchemaError(f"$ref {reference[:80]!r} is not in the schema")
            open_parts += members.values()
        elif isinstance(part, list):
            open_parts += cast("list[Any]", part)


def _told(problem: Any) -> str:  # noqa: ANN401 - jsonschema types its errors loosely
    """Where and which rule: the client's own words, and none of the model's."""
    rule = msgspec.json.encode(problem.validator_value).decode("utf-8", "replace")
    return f"{problem.json_path} breaks {problem.validator!r}: {rule}"[:_PROBLEM_CHARS]


def _without_patterns(kind: Any) -> Any:  # noqa: ANN401 - jsonschema types its classes loosely
    from jsonschema import validators  # noqa: PLC0415

    extend = cast("Callable[..., Any]", validators.extend)  # pyright: ignore[reportUnknownMemberType]
    return extend(kind, {"pattern": _pass, "patternProperties": _pass})


def _pass(*_: object) -> tuple[()]:
    return ()


def _bare_json(text: str) -> str:
    fenced = _FENCE.match(text)
    return fenced[1] if fenced else text


def _decode(text: str) -> Any:  # noqa: ANN401 - any JSON
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise InvalidAnswerError(f"the output is not JSON: {error}") from None
    except RecursionError:
        raise InvalidAnswerError("the JSON is nested too deeply") from None
