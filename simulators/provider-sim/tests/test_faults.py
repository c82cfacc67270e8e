"""Faults as plans: what will be sent, and how it ends."""

import pytest

from provider_sim.faults import (
    HUGE_EVENT_BYTES,
    Delivery,
    Ending,
    asked_refusal,
    deliver_body,
    deliver_frames,
    shown_usage,
)
from provider_sim.frames import Frame
from provider_sim.profiles import STATUSES, Profile, combine, parse_profile
from provider_sim.usage import Usage
from provider_sim.wire_errors import WireError

HEAD, TAIL = Frame(b"data: head\n\n"), Frame(b"data: [DONE]\n\n")
TOKENS = [Frame(b"data: %d\n\n" % n, 1) for n in range(5)]
FRAMES = [HEAD, *TOKENS, TAIL]


def profile(text: str) -> Profile:
    return combine([parse_profile(text)])


def said(error: WireError, frames_sent: int) -> list[Frame]:
    return [Frame(f"{error.code} after {frames_sent}".encode())]


def planned(text: str) -> Delivery:
    return deliver_frames(FRAMES, profile(text), said)


@pytest.mark.requirement("provider-sim:faults")
@pytest.mark.parametrize("status", sorted(STATUSES))
def test_every_status_is_refused_in_the_vendors_envelope(status: int) -> None:
    error = asked_refusal(profile(f"fault={status}"), window=100)

    assert error is not None
    assert error.status == status
    assert "retry-after" not in error.headers


def test_a_rate_limit_may_say_when_to_come_back() -> None:
    error = asked_refusal(profile("fault=429,retry_after=0.5"), window=100)

    assert error is not None
    assert error.headers == {"retry-after": "1", "retry-after-ms": "500"}
    assert "Please try again in 0.5s." in error.message


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ("insufficient_quota", 429, "insufficient_quota"),
        ("context_overflow", 400, "context_length_exceeded"),
        ("content_filter_400", 400, "content_policy_violation"),
    ],
)
def test_named_refusals_have_their_codes(fault: str, status: int, code: str) -> None:
    error = asked_refusal(profile(fault), window=100)

    assert error is not None
    assert (error.status, error.code) == (status, code)


def test_a_calm_profile_refuses_nothing_and_sends_all() -> None:
    assert asked_refusal(profile("ttft=5"), window=100) is None
    assert planned("ttft=5") == Delivery(FRAMES)


@pytest.mark.requirement("provider-sim:faults")
@pytest.mark.parametrize(
    ("text", "sent", "ending"),
    [
        ("stall_after=0", [HEAD], Ending.STALL),
        ("stall_after=2", [HEAD, *TOKENS[:2]], Ending.STALL),
        ("reset_after=5", [HEAD, *TOKENS], Ending.RESET),
        ("reset_after=99", FRAMES, Ending.RESET),
        ("cut_after=3", [HEAD, *TOKENS[:3]], Ending.COMPLETE),
        ("close_after=1", [HEAD, *TOKENS[:1]], Ending.CLOSE),
        ("endless", [HEAD, *TOKENS], Ending.ENDLESS),
        (
            "mid_error_after=1",
            [HEAD, TOKENS[0], Frame(b"server_error after 2")],
            Ending.COMPLETE,
        ),
    ],
)
def test_numbered_faults_count_tokens(text: str, sent: list[Frame], ending: Ending) -> None:
    delivery = planned(text)

    assert (delivery.frames, delivery.ending) == (sent, ending)


def test_a_truncated_stream_ends_inside_an_event() -> None:
    last = planned("truncated").frames[-1].data

    assert not last.endswith(b"\n\n")
    assert planned("truncated").frames[0] == HEAD


def test_disturbing_events_stand_behind_the_first_token() -> None:
    malformed = planned("malformed").frames
    huge = planned("huge_event").frames

    assert malformed[:2] == huge[:2] == [HEAD, TOKENS[0]]
    assert b'{"id": "broken\n' in malformed[2].data
    assert len(huge[2].data) > HUGE_EVENT_BYTES
    assert malformed[3:] == huge[3:] == [*TOKENS[1:], TAIL]


def test_splits_and_trickles_say_how_to_write() -> None:
    assert (planned("split").piece_bytes, planned("utf8_split").piece_bytes) == (7, 1)
    assert (planned("trickle").piece_bytes, planned("trickle").pause_s) == (1, 1.0)


def test_faults_combine() -> None:
    delivery = planned("malformed,split,cut_after=2")

    assert (len(delivery.frames), delivery.piece_bytes) == (4, 7)


def test_a_body_is_sent_in_pieces_that_make_it_up() -> None:
    body = b'{"a": "' + b"x" * 1000 + b'"}'

    whole = deliver_body(body, profile("split"))
    cut = deliver_body(body, profile("cut_after=2"))

    assert b"".join(frame.data for frame in whole.frames) == body
    assert body.startswith(b"".join(frame.data for frame in cut.frames))
    assert len(cut.frames) == 2
    assert deliver_body(body, profile("malformed")).frames[0].data.startswith(b'{"a" "')


def test_usage_may_be_missing_or_contradictory() -> None:
    usage = Usage(10, completion_tokens=4)

    assert shown_usage(usage, profile("no_usage")) is None
    wrong = shown_usage(usage, profile("wrong_usage"))
    assert wrong is not None
    assert (wrong.prompt_tokens, wrong.completion_tokens) == (1, 47)
    assert shown_usage(usage, profile("ttft=1")) == usage
