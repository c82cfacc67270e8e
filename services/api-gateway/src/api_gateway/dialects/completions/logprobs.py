"""Chat's log probabilities in the older shape: four lists side by side, with places in the text."""

from __future__ import annotations

import msgspec

from api_gateway.openai_errors import JSON_PROBLEMS


class TextLogprobs(msgspec.Struct):
    """`text_offset`: where each token begins, in characters from the start of the choice's text."""

    tokens: list[str]
    token_logprobs: list[float]
    top_logprobs: list[dict[str, float]] | None
    text_offset: list[int]


class _Alternative(msgspec.Struct):
    token: str
    logprob: float


class _Token(_Alternative):
    top_logprobs: list[_Alternative] | None = None


_CONTENT = msgspec.json.Decoder(list[_Token])


def text_logprobs(content: bytes, offset: int) -> TextLogprobs | None:
    """From chat's `logprobs.content` of a piece of text that begins at `offset`.

    None when the backend sent something else; it is not worth the answer.
    """
    try:
        tokens = _CONTENT.decode(content)
    except JSON_PROBLEMS:
        return None
    offsets: list[int] = []
    for token in tokens:
        offsets.append(offset)
        offset += len(token.token)
    alternatives = [
        {each.token: each.logprob for each in token.top_logprobs or ()} for token in tokens
    ]
    return TextLogprobs(
        tokens=[token.token for token in tokens],
        token_logprobs=[token.logprob for token in tokens],
        top_logprobs=alternatives if any(alternatives) else None,
        text_offset=offsets,
    )


def joined(pieces: list[TextLogprobs]) -> TextLogprobs | None:
    """Those of a whole text; None without any."""
    if not pieces:
        return None
    alternatives = [each for piece in pieces for each in _alternatives(piece)]
    return TextLogprobs(
        tokens=[token for piece in pieces for token in piece.tokens],
        token_logprobs=[value for piece in pieces for value in piece.token_logprobs],
        top_logprobs=alternatives if any(alternatives) else None,
        text_offset=[offset for piece in pieces for offset in piece.text_offset],
    )


def _alternatives(piece: TextLogprobs) -> list[dict[str, float]]:
    return piece.top_logprobs or [{} for _ in piece.tokens]
