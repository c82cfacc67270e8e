"""A vendor's refusal as one of our errors, with nothing of its text where it could leak."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_providers import vendor_errors
from wire.errors import (
    ContextLengthExceededError,
    PlatformError,
    UpstreamAuthError,
    UpstreamError,
    UpstreamProtocolError,
    UpstreamRateLimitedError,
    UpstreamRejectedError,
    UpstreamUnavailableError,
)

THEIR_WORDS = "the vendor's own words"


def envelope(**fields: str | int | None) -> bytes:
    return msgspec.json.encode({"error": {"message": THEIR_WORDS, **fields}})


def error_for(status: int, body: bytes = b"", **headers: str) -> PlatformError:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return vendor_errors.from_status("vendor", status, body, named)


@pytest.mark.requirement("providers:errors:typed")
@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, UpstreamRejectedError),
        (401, UpstreamAuthError),
        (402, UpstreamRateLimitedError),
        (403, UpstreamAuthError),
        (404, UpstreamRejectedError),
        (408, UpstreamError),
        (409, UpstreamError),
        (413, UpstreamRejectedError),
        (422, UpstreamRejectedError),
        (429, UpstreamRateLimitedError),
        (500, UpstreamError),
        (502, UpstreamError),
        (503, UpstreamUnavailableError),
        (504, UpstreamError),
        (529, UpstreamUnavailableError),
        (302, UpstreamProtocolError),
    ],
)
def test_each_status_has_its_error(status: int, expected: type[PlatformError]) -> None:
    assert type(error_for(status, envelope())) is expected


@pytest.mark.requirement("providers:errors:no-vendor-text")
@pytest.mark.parametrize("status", [302, 401, 403, 408, 409, 429, 500, 503, 529])
def test_the_vendors_words_stay_out_unless_it_rejected_the_request(status: int) -> None:
    error = error_for(status, envelope())

    assert THEIR_WORDS not in error.message
    assert "vendor" in error.message


@pytest.mark.requirement("providers:errors:no-vendor-text")
def test_a_rejection_keeps_one_trimmed_line_without_control_characters_or_keys() -> None:
    said = "bad\x00 'stop'\r\nset-cookie: x \x1b[31m key sk-proj-abcdef123456 " + "x" * 500

    error = error_for(400, msgspec.json.encode({"error": {"message": said, "param": "stop"}}))

    line = error.message.removeprefix("vendor rejected the request: ")
    assert line.startswith("bad 'stop' set-cookie: x")
    assert line.isprintable()
    assert "abcdef123456" not in line
    assert len(line) == vendor_errors.MAX_MESSAGE_CHARS
    assert error.param == "stop"


def test_code_and_param_are_kept_only_where_they_look_like_that() -> None:
    sane = error_for(400, envelope(code="invalid_value", param="messages[0].role"))
    strange = error_for(400, envelope(code="no code\nat all", param="<script>"))

    assert (sane.code, sane.param) == ("invalid_value", "messages[0].role")
    assert (strange.code, strange.param) == (None, None)


@pytest.mark.parametrize(
    "body",
    [
        envelope(code="context_length_exceeded"),
        b'{"error":{"message":"This model\'s maximum context length is 4096 tokens."}}',
        b'{"object":"error","message":"maximum context length is 10","code":400}',
        b'{"error":"the request exceeds the available context size"}',
        b'[{"error":{"code":400,"message":"Prompt is too long"}}]',
    ],
)
def test_a_context_overflow_is_known_by_code_or_by_words(body: bytes) -> None:
    assert isinstance(error_for(400, body), ContextLengthExceededError)


def test_a_used_up_quota_is_not_worth_a_retry() -> None:
    error = error_for(429, envelope(type="insufficient_quota"), retry_after="1")

    assert isinstance(error, UpstreamRateLimitedError)
    assert (error.code, error.should_retry) == ("insufficient_quota", False)
    assert error.retry_after_s is None


@pytest.mark.parametrize(
    ("status", "body"), [(402, b""), (402, b"{}"), (400, envelope(type="billing_error"))]
)
def test_an_unpaid_bill_is_a_used_up_quota(status: int, body: bytes) -> None:
    error = error_for(status, body)

    assert isinstance(error, UpstreamRateLimitedError)
    assert (error.code, error.should_retry) == ("insufficient_quota", False)


@pytest.mark.parametrize(
    ("headers", "expected_s"),
    [
        ({"retry_after": "2"}, 2.0),
        ({"retry_after": "9", "retry_after_ms": "250"}, 0.25),
        ({"retry_after": "Wed, 21 Oct 2015 07:28:00 GMT"}, None),
        ({"retry_after": "-1"}, None),
        ({"retry_after": "inf"}, None),
        ({}, None),
    ],
)
def test_the_wait_a_vendor_asks_for_is_read(
    headers: dict[str, str], expected_s: float | None
) -> None:
    assert error_for(429, b"", **headers).retry_after_s == expected_s
    assert error_for(503, b"", **headers).retry_after_s == expected_s


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (b'{"message":"x","type":"server_error","code":null}', UpstreamError),
        (b'{"message":"x","code":"rate_limit_exceeded"}', UpstreamRateLimitedError),
        (b'{"message":"x","type":"overloaded_error"}', UpstreamUnavailableError),
        (b'{"message":"x","code":429}', UpstreamRateLimitedError),
        (b'{"message":"x","code":"401"}', UpstreamAuthError),
        (b'{"message":"x","type":"invalid_request_error"}', UpstreamRejectedError),
        (b'{"message":"x","code":"context_length_exceeded"}', ContextLengthExceededError),
        (b'"boom"', UpstreamError),
        (b"17", UpstreamError),
        (b"{", UpstreamError),
    ],
)
def test_an_error_object_without_a_status_is_known_by_its_words(
    error: bytes, expected: type[PlatformError]
) -> None:
    assert type(vendor_errors.from_object("vendor", error)) is expected


def test_an_error_envelope_under_status_200_is_read() -> None:
    error = vendor_errors.from_answer("vendor", envelope(code="server_is_overloaded"))

    assert isinstance(error, UpstreamUnavailableError)


@given(st.integers(300, 999), st.binary(max_size=300))
def test_no_body_makes_it_fail(status: int, body: bytes) -> None:
    error = error_for(status, body)

    assert error.message.isprintable()
    assert len(error.message) < 400
