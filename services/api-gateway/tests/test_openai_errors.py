"""What clients are told about a request that is wrong."""

import msgspec
import pytest

from api_gateway import openai_errors
from wire.errors import ErrorInfo
from wire.openai_chat import ChatRequest


def problem_of(decoder: "msgspec.json.Decoder[object]", data: bytes) -> BaseException:
    try:
        decoder.decode(data)
    except openai_errors.JSON_PROBLEMS as problem:
        return problem
    pytest.fail(f"{data!r} was accepted")


REQUEST: "msgspec.json.Decoder[object]" = msgspec.json.Decoder(ChatRequest)


@pytest.mark.parametrize(
    ("data", "param", "code"),
    [
        (b"", None, None),
        (b"[]", None, None),
        (b'{"model": ', None, None),
        (b'{"messages":[]}', "model", "missing_required_parameter"),
        (b'{"model":null,"messages":[]}', "model", "missing_required_parameter"),
        (b'{"model":1,"messages":[]}', "model", "invalid_type"),
        (b'{"model":"x","messages":[],"n":true}', "n", "invalid_type"),
        (b'{"model":"x","messages":[],"stop":["a",1]}', "stop[1]", "invalid_type"),
        (b'{"model":"x","messages":[],"metadata":{"a":1}}', "metadata", "invalid_type"),
        (b'{"model":"x","messages":[],"temperature":1e999}', "temperature", "invalid_value"),
        (
            b'{"model":"x","messages":[],"response_format":{"type":"json_schema","json_schema":{}}}',
            "response_format.json_schema.name",
            "missing_required_parameter",
        ),
    ],
)
@pytest.mark.requirement("chat:errors:param-and-code")
def test_a_json_problem_becomes_param_and_code(
    data: bytes, param: str | None, code: str | None
) -> None:
    error = openai_errors.from_json_problem(problem_of(REQUEST, data))

    assert (error.status, error.type) == (400, "invalid_request_error")
    assert (error.param, error.code) == (param, code)


def test_a_wrong_type_is_said_in_words_for_people() -> None:
    error = openai_errors.from_json_problem(
        problem_of(REQUEST, b'{"model":"x","messages":[],"stop":5}')
    )

    assert error.message == (
        "Invalid type for 'stop': expected a string or an array, but got an integer instead."
    )


def test_paths_start_at_the_member_that_was_decoded() -> None:
    decoder: msgspec.json.Decoder[object] = msgspec.json.Decoder(list[dict[str, str]])

    error = openai_errors.from_json_problem(problem_of(decoder, b'[{"a":1}]'), "messages")

    assert error.param == "messages[0]"


@pytest.mark.parametrize("data", [b"\xff", b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}"])
def test_bytes_that_no_reader_takes_are_not_json(data: bytes) -> None:
    decoder: msgspec.json.Decoder[object] = msgspec.json.Decoder()

    error = openai_errors.from_json_problem(problem_of(decoder, data))

    assert (error.param, error.code) == (None, None)
    assert "JSON" in error.message


@pytest.mark.parametrize(
    ("value", "minimum", "maximum", "kind", "code"),
    [
        (9.0, 0.0, 2.0, "decimal", "decimal_above_max_value"),
        (-1.0, 0.0, 2.0, "decimal", "decimal_below_min_value"),
        (0, 1, None, "integer", "integer_below_min_value"),
        (200, 1, 128, "integer", "integer_above_max_value"),
    ],
)
def test_a_number_out_of_range_says_on_which_side(
    value: float, minimum: float, maximum: float | None, kind: str, code: str
) -> None:
    error = openai_errors.out_of_range("x", value, minimum=minimum, maximum=maximum, kind=kind)

    assert error.code == code
    assert f"{value:g}" in error.message


def test_a_long_value_is_cut_in_the_message() -> None:
    error = openai_errors.invalid_value("role", "'" + "x" * 1000 + "'", ("user",))

    assert len(error.message) < 200
    assert "'user'" in error.message


def test_a_failure_in_a_stream_is_one_data_frame_with_all_four_keys() -> None:
    info = ErrorInfo(status=502, type="server_error", message="m", error_type="provider_error")

    frame = openai_errors.error_frame(info)

    assert frame == (
        b'data: {"error":{"message":"m","type":"server_error","param":null,"code":null}}\n\n'
    )


@pytest.mark.parametrize("value", [10**400, -(10**400), 2**63])
def test_a_number_of_any_length_can_be_out_of_range(value: int) -> None:
    error = openai_errors.out_of_range("n", value, minimum=1, maximum=9, kind="integer")

    assert error.param == "n"
    assert len(str(error)) < 200
