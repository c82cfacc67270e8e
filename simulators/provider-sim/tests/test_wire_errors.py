"""The error envelope."""

from provider_sim.json_types import loads
from provider_sim.wire_errors import ContextLengthError, WireError, wrong_type


def test_the_envelope_always_has_its_four_keys() -> None:
    body = loads(WireError("No.").body())

    assert body == {
        "error": {
            "message": "No.",
            "type": "invalid_request_error",
            "param": None,
            "code": None,
        }
    }


def test_a_wrong_type_names_what_came_instead() -> None:
    error = wrong_type("messages", "an array", "hi")

    assert (error.code, error.param) == ("invalid_type", "messages")
    assert "expected an array, but got a string" in error.message


def test_an_overflow_has_the_code_that_clients_key_on() -> None:
    error = ContextLengthError(100, 200, "input")

    assert (error.status, error.code, error.param) == (400, "context_length_exceeded", "input")
