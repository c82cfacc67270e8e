"""Parameters that several dialects share."""

from __future__ import annotations

import msgspec
import pytest

from api_gateway.dialects.parameter_ranges import (
    check_decimals,
    check_integers,
    check_logit_bias,
    check_stop,
    check_stream_options,
    check_words,
)
from wire.errors import InvalidRequestError


class Parameters(msgspec.Struct):
    share: float | None = None
    count: int | None = None
    word: str | None = None


def refused(error: pytest.ExceptionInfo[InvalidRequestError]) -> tuple[str | None, str | None]:
    return error.value.param, error.value.code


@pytest.mark.parametrize("value", [None, 0.0, 0.5, 1.0])
def test_a_number_within_its_range_passes(value: float | None) -> None:
    check_decimals(Parameters(share=value), {"share": (0.0, 1.0)})


@pytest.mark.parametrize(("value", "side"), [(-0.1, "below_min"), (1.1, "above_max")])
def test_a_number_outside_is_refused_by_name(value: float, side: str) -> None:
    with pytest.raises(InvalidRequestError) as error:
        check_decimals(Parameters(share=value), {"share": (0.0, 1.0)})

    assert refused(error) == ("share", f"decimal_{side}_value")


@pytest.mark.parametrize("value", [None, 1, 10**9])
def test_an_integer_may_have_no_upper_bound(value: int | None) -> None:
    check_integers(Parameters(count=value), {"count": (1, None)})


@pytest.mark.parametrize(("value", "side"), [(0, "below_min"), (9, "above_max")])
def test_an_integer_outside_is_refused_by_name(value: int, side: str) -> None:
    with pytest.raises(InvalidRequestError) as error:
        check_integers(Parameters(count=value), {"count": (1, 8)})

    assert refused(error) == ("count", f"integer_{side}_value")


def test_an_unknown_word_is_refused_with_the_known_ones() -> None:
    check_words(Parameters(word="low"), {"word": ("low", "high")})

    with pytest.raises(InvalidRequestError) as error:
        check_words(Parameters(word="loud"), {"word": ("low", "high")})

    assert refused(error) == ("word", "invalid_value")
    assert "'low', 'high'" in error.value.message


@pytest.mark.parametrize("stop", [None, "x", ["a"], list("abcd")])
def test_one_to_four_stop_strings_pass(stop: str | list[str] | None) -> None:
    check_stop(stop)


@pytest.mark.parametrize(
    ("stop", "code"), [([], "empty_array"), (list("abcde"), "array_above_max_length")]
)
def test_other_numbers_of_stop_strings_are_refused(stop: list[str], code: str) -> None:
    with pytest.raises(InvalidRequestError) as error:
        check_stop(stop)

    assert refused(error) == ("stop", code)


def test_a_bias_has_bounds() -> None:
    check_logit_bias(None)
    check_logit_bias({"1": -100, "2": 100})

    with pytest.raises(InvalidRequestError) as error:
        check_logit_bias({"1": 101})

    assert refused(error) == ("logit_bias", "decimal_above_max_value")


def test_options_of_a_stream_need_a_stream() -> None:
    check_stream_options({}, streams=True)
    check_stream_options(None, streams=False)

    with pytest.raises(InvalidRequestError) as error:
        check_stream_options({}, streams=False)

    assert refused(error) == ("stream_options", None)
