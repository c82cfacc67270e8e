"""Problems of a request in OpenAI's words: `param` says where, `code` says what.

Source: OpenAI wire contract, section 0.3.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from wire.errors import ErrorInfo, InvalidRequestError
from wire.sse import data_frame

if TYPE_CHECKING:
    from collections.abc import Iterable

# What reading bytes as JSON may raise. `UnicodeDecodeError` and `RecursionError` are msgspec's for
# bytes that are not UTF-8 and for brackets a thousand deep.
JSON_PROBLEMS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

_MISSING = re.compile(r"Object missing required field `(?P<field>[^`]*)`")
_EXPECTED = re.compile(r"Expected `(?P<expected>[^`]*)`(?:, got `(?P<got>[^`]*)`)?")
_BAD_VALUE = re.compile(r"Invalid (?:enum )?value (?P<value>.*)", re.DOTALL)
_PATH = re.compile(r" - at `(?:key in )?\$(?P<path>[^`]*)`$")

# What no float can hold.
_LARGE = 10**300

_TYPE_WORDS = {
    "str": "a string",
    "int": "an integer",
    "float": "a number",
    "bool": "a boolean",
    "array": "an array",
    "object": "an object",
    "null": "null",
}


def not_json() -> InvalidRequestError:
    """The body cannot be read at all; there is no parameter to name."""
    return InvalidRequestError(
        "We could not parse the JSON body of your request. The body must be one JSON object, "
        "encoded as UTF-8."
    )


def missing(param: str) -> InvalidRequestError:
    """A required parameter is absent, or null at the top level."""
    return InvalidRequestError(
        f"Missing required parameter: '{param}'.",
        param=param,
        code="missing_required_parameter",
    )


def invalid_type(param: str, expected: str, got: str | None) -> InvalidRequestError:
    """`expected` and `got` are phrases: `a string`, `an array`."""
    tail = f", but got {got} instead" if got else ""
    return InvalidRequestError(
        f"Invalid type for '{param}': expected {expected}{tail}.", param=param, code="invalid_type"
    )


def invalid_value(param: str, got: str, supported: Iterable[str] = ()) -> InvalidRequestError:
    """`got` goes into the message as it is: quote what a client wrote."""
    names = ", ".join(f"'{name}'" for name in supported)
    tail = f" Supported values are: {names}." if names else ""
    return InvalidRequestError(
        f"Invalid value for '{param}': {_short(got)}.{tail}", param=param, code="invalid_value"
    )


def empty_array(param: str) -> InvalidRequestError:
    """An array that must hold something holds nothing."""
    return InvalidRequestError(
        f"Invalid '{param}': empty array. Expected at least one element.",
        param=param,
        code="empty_array",
    )


def array_too_long(param: str, limit: int, length: int) -> InvalidRequestError:
    """More elements than the contract allows."""
    return InvalidRequestError(
        f"Invalid '{param}': array too long. Expected at most {limit} elements, got {length}.",
        param=param,
        code="array_above_max_length",
    )


def string_too_long(param: str, limit: int, length: int) -> InvalidRequestError:
    """More characters than the contract allows."""
    return InvalidRequestError(
        f"Invalid '{param}': string too long. Expected at most {limit} characters, got {length}.",
        param=param,
        code="string_above_max_length",
    )


def out_of_range(
    param: str, value: float, *, minimum: float | None, maximum: float | None, kind: str
) -> InvalidRequestError:
    """`kind` is `integer` or `decimal`; exactly one of the bounds is the one that was passed."""
    below = minimum is not None and value < minimum
    word, bound, side = (">=", minimum, "below_min") if below else ("<=", maximum, "above_max")
    return InvalidRequestError(
        f"Invalid '{param}': {kind} {side.replace('_', ' ')}imum value. "
        f"Expected a value {word} {bound:g}, but got {_number(value)} instead.",
        param=param,
        code=f"{kind}_{side}_value",
    )


def unsupported_parameter(param: str, why: str) -> InvalidRequestError:
    """A parameter this model or this door cannot honour; `why` is the whole message."""
    return InvalidRequestError(why, param=param, code="unsupported_parameter")


def from_json_problem(problem: BaseException, root: str = "") -> InvalidRequestError:
    """Say what msgspec found wrong, as `param` and `code`.

    `root` is where the decoded value stands in the request, e.g. `messages`; msgspec's paths start
    below it.
    """
    if not isinstance(problem, msgspec.ValidationError):
        return not_json()
    text = str(problem)
    found = _PATH.search(text)
    param = _join(root, found["path"] if found else "")
    what = text[: found.start()] if found else text
    return _explain(what, param)


def error_frame(info: ErrorInfo) -> bytes:
    """A failure after the first byte of a stream (contract 1.6)."""
    return data_frame(msgspec.json.encode(info.envelope()))


def _explain(what: str, param: str) -> InvalidRequestError:
    if match := _MISSING.match(what):
        return missing(_join(param, "." + match["field"]))
    if match := _EXPECTED.match(what):
        return _unexpected(param, match["expected"], match["got"])
    if match := _BAD_VALUE.match(what):
        return invalid_value(param, match["value"])
    return InvalidRequestError(f"Invalid '{param}': {what}.", param=param, code="invalid_value")


def _unexpected(param: str, expected: str, got: str | None) -> InvalidRequestError:
    """A wrong JSON type. At the top level null means absent, so a required null is missing."""
    if not param:
        return not_json()
    if got == "null" and param.isidentifier():
        return missing(param)
    alternatives = [word for word in expected.split(" | ") if word != "null"]
    names = [_TYPE_WORDS.get(word, word) for word in alternatives]
    return invalid_type(param, " or ".join(names), _TYPE_WORDS.get(got or "", got))


def _join(root: str, path: str) -> str:
    """`messages`, `[0].role` -> `messages[0].role`; msgspec writes `[...]` for a dict's value."""
    return (root + path.replace("[...]", "")).lstrip(".")


def _number(value: float) -> str:
    """Integers of a request have as many digits as their client likes."""
    return f"{value:g}" if abs(value) < _LARGE else "a number of more than 300 digits"


def _short(text: str, limit: int = 80) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
