"""Parameters that several dialects share, and the values they may have.

Source: OpenAI wire contract, sections 1.1 and 4.4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from api_gateway import openai_errors
from wire.errors import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import msgspec

# Least and greatest value allowed.
SAMPLING_DECIMALS = {
    "temperature": (0.0, 2.0),
    "top_p": (0.0, 1.0),
    "presence_penalty": (-2.0, 2.0),
    "frequency_penalty": (-2.0, 2.0),
}
SEED_RANGE = (-(2**63), 2**63 - 1)
MAX_STOPS = 4
MAX_BIAS = 100

DecimalRanges = dict[str, tuple[float, float]]
IntegerRanges = dict[str, tuple[int, int | None]]


def check_decimals(parameters: msgspec.Struct, ranges: DecimalRanges) -> None:
    """The named members, where they are given.

    Raises:
        InvalidRequestError: the first one that is out of range.
    """
    for name, (minimum, maximum) in ranges.items():
        value: float | None = getattr(parameters, name)
        if value is not None and not minimum <= value <= maximum:
            raise openai_errors.out_of_range(
                name, value, minimum=minimum, maximum=maximum, kind="decimal"
            )


def check_integers(parameters: msgspec.Struct, ranges: IntegerRanges) -> None:
    """The named members, where they are given.

    Raises:
        InvalidRequestError: the first one that is out of range.
    """
    for name, (least, most) in ranges.items():
        value: int | None = getattr(parameters, name)
        if value is not None and (value < least or (most is not None and value > most)):
            raise openai_errors.out_of_range(
                name, value, minimum=least, maximum=most, kind="integer"
            )


def check_words(parameters: msgspec.Struct, supported: Mapping[str, Iterable[str]]) -> None:
    """The named members, where they are given.

    Raises:
        InvalidRequestError: the first one whose word is not supported.
    """
    for name, words in supported.items():
        value: str | None = getattr(parameters, name)
        if value is not None and value not in words:
            raise openai_errors.invalid_value(name, repr(value), words)


def check_stop(stop: str | list[str] | None) -> None:
    """One stop string, or a few.

    Raises:
        InvalidRequestError: none, or too many.
    """
    if not isinstance(stop, list):
        return
    if not stop:
        raise openai_errors.empty_array("stop")
    if len(stop) > MAX_STOPS:
        raise openai_errors.array_too_long("stop", MAX_STOPS, len(stop))


def check_logit_bias(logit_bias: dict[str, float] | None) -> None:
    """A bias for each token id.

    Raises:
        InvalidRequestError: one is out of range.
    """
    for value in (logit_bias or {}).values():
        if not -MAX_BIAS <= value <= MAX_BIAS:
            raise openai_errors.out_of_range(
                "logit_bias", value, minimum=-MAX_BIAS, maximum=MAX_BIAS, kind="decimal"
            )


def check_stream_options(options: object | None, *, streams: bool) -> None:
    """Options of a stream without a stream.

    Raises:
        InvalidRequestError: there are some.
    """
    if options is not None and not streams:
        raise InvalidRequestError(
            "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
            param="stream_options",
        )
