"""Chat's log probabilities in the older shape."""

from __future__ import annotations

import json

import pytest

from api_gateway.dialects.completions.logprobs import joined, text_logprobs

TOPS = [{"token": "Hel", "logprob": -0.1}, {"token": "No", "logprob": -3}]
CONTENT = [
    {"token": "Hel", "logprob": -0.1, "bytes": None, "top_logprobs": TOPS},
    {"token": "lo", "logprob": -0.2, "bytes": [1], "top_logprobs": []},
]


def test_tokens_stand_side_by_side_with_their_places_in_the_text() -> None:
    found = text_logprobs(json.dumps(CONTENT).encode(), 4)

    assert found is not None
    assert (found.tokens, found.token_logprobs) == (["Hel", "lo"], [-0.1, -0.2])
    assert found.top_logprobs == [{"Hel": -0.1, "No": -3}, {}]
    assert found.text_offset == [4, 7]


def test_without_alternatives_there_is_no_list_of_them() -> None:
    found = text_logprobs(b'[{"token":"a","logprob":-1}]', 0)

    assert found is not None
    assert found.top_logprobs is None


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b'[{"token":1}]', b"null"])
def test_another_shape_is_left_out(content: bytes) -> None:
    assert text_logprobs(content, 0) is None


def test_pieces_join_to_those_of_the_whole_text() -> None:
    first = text_logprobs(json.dumps(CONTENT).encode(), 0)
    second = text_logprobs(b'[{"token":"!","logprob":-1}]', 5)
    assert first is not None
    assert second is not None

    whole = joined([first, second])

    assert whole is not None
    assert whole.tokens == ["Hel", "lo", "!"]
    assert whole.text_offset == [0, 3, 5]
    assert whole.top_logprobs == [{"Hel": -0.1, "No": -3}, {}, {}]
    assert joined([]) is None
