"""The response object."""

import json
from typing import Any

import pytest

from api_gateway.dialects.responses.decode import decode_body
from api_gateway.dialects.responses.head import decode_head
from api_gateway.dialects.responses.items import split_input
from api_gateway.dialects.responses.output_items import EventWriter
from api_gateway.dialects.responses.response_object import (
    Outcome,
    ResponseEcho,
    Status,
    echo_of,
    encode_response,
    failure_frames,
    response_error,
    response_usage,
)
from tests.scenes.responses import check_response, read_frames
from wire.conversation import Usage
from wire.coordination import RunDetails
from wire.errors import ErrorInfo, OverloadedError, QuotaExhaustedError, RateLimitedError


def echo(**members: object) -> ResponseEcho:
    head = decode_head(json.dumps({"model": "sim", "input": "hi", **members}).encode())
    body = decode_body(head, split_input(head.parameters.input))
    return echo_of(body, response_id="resp_1", created_unix_s=7, shows_reasoning=False)


def response(outcome: Outcome, *, stored: bool = True, **members: object) -> dict[str, Any]:
    return json.loads(encode_response(echo(**members), outcome, stored=stored))


@pytest.mark.parametrize(
    "outcome",
    [
        Outcome(status="queued"),
        Outcome(status="in_progress"),
        Outcome(status="completed", usage=Usage(3, 4, 1, 0, 2), completed_unix_s=9),
        Outcome(status="incomplete", usage=Usage(3, 4), incomplete_reason="max_output_tokens"),
        Outcome(status="failed", error=response_error(OverloadedError("busy").info())),
        Outcome(status="cancelled"),
    ],
    ids=lambda outcome: outcome.status,
)
@pytest.mark.requirement("responses:object:all-keys")
def test_whatever_becomes_of_it_all_keys_are_there(outcome: Outcome) -> None:
    told = response(outcome, tools=[{"type": "function", "name": "f"}])

    check_response(told)
    assert (told["id"], told["created_at"], told["status"]) == ("resp_1", 7, outcome.status)


@pytest.mark.requirement("responses:object:all-keys")
def test_defaults_are_spelt_out() -> None:
    told = response(Outcome(status="in_progress"))

    assert told["text"] == {"format": {"type": "text"}}
    assert told["reasoning"] == {"effort": None, "summary": None}
    assert (told["tool_choice"], told["truncation"], told["store"]) == ("auto", "disabled", True)
    assert (told["temperature"], told["top_p"], told["parallel_tool_calls"]) == (1.0, 1.0, True)
    assert "conversation" not in told
    assert "conclave" not in told


@pytest.mark.requirement("responses:object:all-keys")
def test_the_request_is_repeated() -> None:
    schema = {"type": "json_schema", "name": "x", "schema": {"type": "object"}}
    sent: dict[str, Any] = {
        "instructions": "i", "previous_response_id": "resp_0", "max_output_tokens": 99,
        "max_tool_calls": 2, "parallel_tool_calls": False, "temperature": 0.5, "top_p": 0.1,
        "top_logprobs": 2, "presence_penalty": 1.0, "frequency_penalty": 0.5,
        "text": {"format": schema, "verbosity": "low"},
        "tool_choice": {"type": "function", "name": "f"}, "truncation": "auto",
        "metadata": {"a": "b"}, "user": "u", "safety_identifier": "s", "prompt_cache_key": "k",
        "store": False, "reasoning": {"effort": "low", "summary": "auto"},
    }  # fmt: skip

    told = response(
        Outcome(status="in_progress"), tools=[{"type": "function", "name": "f"}], **sent
    )

    assert {name: told[name] for name in sent} == sent


def test_a_conversation_is_named() -> None:
    told = response(Outcome(status="in_progress"), conversation="conv_1")

    assert told["conversation"] == {"id": "conv_1"}


@pytest.mark.requirement("responses:store:unavailable")
def test_what_could_not_be_kept_is_not_said_to_be_stored() -> None:
    assert response(Outcome(status="completed"), stored=False)["store"] is False


def test_how_a_panel_decided_is_told_beside_the_rest() -> None:
    details = RunDetails(run_id="run_1", rule="plurality")

    assert response(Outcome(status="completed", details=details))["conclave"]["run_id"] == "run_1"


def test_usage_adds_up_and_has_both_details() -> None:
    usage = response_usage(Usage(10, 5, 4, 1, 2))

    assert (usage.input_tokens, usage.output_tokens, usage.total_tokens) == (10, 5, 15)
    assert (
        usage.input_tokens_details.cached_tokens,
        usage.input_tokens_details.cache_write_tokens,
    ) == (4, 1)
    assert usage.output_tokens_details.reasoning_tokens == 2


@pytest.mark.parametrize(
    ("info", "code"),
    [
        (QuotaExhaustedError("used up").info(), "insufficient_quota"),
        (RateLimitedError("slow down").info(), "rate_limit_exceeded"),
        (OverloadedError("busy").info(), "server_is_overloaded"),
        (ErrorInfo(502, "server_error", "x", "provider_error", "upstream_error"), "server_error"),
        (ErrorInfo(500, "server_error", "x", "platform_internal"), "server_error"),
    ],
)
@pytest.mark.requirement("responses:stream:failure")
def test_a_failure_has_a_code_that_clients_act_on(info: ErrorInfo, code: str) -> None:
    assert response_error(info).code == code


@pytest.mark.requirement("responses:stream:failure")
def test_a_limit_says_how_long_to_wait() -> None:
    error = response_error(RateLimitedError("Too many requests.", retry_after_s=1.2).info())

    assert error.message == "Too many requests. Please try again in 1.2s."


@pytest.mark.requirement("responses:stream:failure")
def test_a_failure_is_two_events() -> None:
    info = RateLimitedError("Too many requests.").info()

    error, failed = read_frames(failure_frames(EventWriter(5), info, b"{}"))

    assert error == {
        "type": "error", "sequence_number": 5, "code": "rate_limit_exceeded",
        "message": "Too many requests.", "param": None,
        "error": {"type": "requests", "code": "rate_limit_exceeded",
                  "message": "Too many requests.", "param": None},
    }  # fmt: skip
    assert failed == {"type": "response.failed", "sequence_number": 6, "response": {}}


@pytest.mark.parametrize(
    ("asked", "told", "status", "expected"),
    [
        ("auto", None, "in_progress", "auto"),
        ("auto", None, "completed", "default"),
        ("auto", "standard", "completed", "default"),
        ("flex", "on_demand", "completed", "flex"),
        ("flex", "priority", "completed", "priority"),
    ],
)
@pytest.mark.requirement("responses:object:all-keys")
def test_a_tier_is_one_that_clients_know(
    asked: str, told: str | None, status: Status, expected: str
) -> None:
    outcome = Outcome(status=status, service_tier=told)

    assert response(outcome, service_tier=asked)["service_tier"] == expected
