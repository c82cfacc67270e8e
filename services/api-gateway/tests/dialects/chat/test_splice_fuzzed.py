"""Whatever a chat backend streams passes or is a typed error, and what is held has a bound."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api_gateway.dialects.chat import splice
from api_gateway.dialects.chat.splice import StreamSplicer, VendorFailedError, splice_completion
from wire.errors import UpstreamProtocolError
from wire.sse import SseReader

KEYS = ("id", "model", "choices", "usage", "error", "finish_reason", "prompt_tokens", "delta")
MARKS = (
    b"data:", b"data: ", b"\n", b"\r\n", b"\n\n", b": hm", b"event: x\n", b"data: [DONE]\n\n",
    b'"model":"x"', b'"usage":', b'"error":', b'"usage":null', b'{"choices":[],"usage":{}}',
    b'"finish_reason":"stop"', b"{", b"}",
)  # fmt: skip

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4)
    ),
    max_leaves=10,
)
chunks = values.map(lambda value: b"data: " + json.dumps(value).encode() + b"\n\n")
pieces = st.sampled_from(MARKS) | st.binary(max_size=20) | chunks


def one_line(piece: bytes) -> bytes:
    return piece.replace(b"\n", b" ")


@given(pieces=st.lists(pieces, max_size=25), include_usage=st.booleans())
@settings(deadline=None)
@pytest.mark.requirement("fuzz:vendor-streams")
def test_any_bytes_pass_or_are_refused_with_a_typed_error(
    *, pieces: list[bytes], include_usage: bool
) -> None:
    splicer = StreamSplicer(public_model="ours", include_usage=include_usage, provider="sim")

    with contextlib.suppress(UpstreamProtocolError, VendorFailedError):
        out = b""
        for piece in pieces:
            out += splicer.feed(piece)
            splicer.check()
        out += splicer.end()
        ends = [event.data.startswith(b"[DONE]") for event in SseReader().feed(out)]
        assert out.endswith(b"data: [DONE]\n\n")
        assert ends.count(True) == 1


@given(body=values.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=30))
@settings(deadline=None)
@pytest.mark.requirement("fuzz:vendor-streams")
def test_any_answer_passes_or_is_refused_with_a_typed_error(body: bytes) -> None:
    with contextlib.suppress(UpstreamProtocolError, VendorFailedError):
        answer, _ = splice_completion(body, "ours", "sim")
        assert json.loads(answer)["model"] == "ours"


@given(pieces=st.lists(st.binary(max_size=30).map(one_line), max_size=60))
@settings(deadline=None)
@pytest.mark.requirement("fuzz:bounded-memory")
def test_a_line_without_end_is_kept_up_to_a_bound(pieces: list[bytes]) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(splice, "MAX_EVENT_BYTES", 100)
        splicer = StreamSplicer(public_model="ours", include_usage=False, provider="sim")

        with contextlib.suppress(UpstreamProtocolError):
            for piece in pieces:
                assert splicer.feed(piece) == b""
                splicer.check()
                assert len(splicer._partial) <= 100
