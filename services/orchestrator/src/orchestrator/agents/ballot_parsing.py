"""A ballot out of a model's text, as leniently as is safe."""

from __future__ import annotations

import re

import msgspec

from orchestrator.coordination.events import BallotPaper

_FENCE = re.compile(r"^\s*```[\w-]*\s*\n(.*?)\n?\s*```\s*$", re.DOTALL)
_MOST_LABELS = 64


class BallotParseError(ValueError):
    """The text is no ballot; the message tells the voter what is wrong with it."""


class _Ballot(msgspec.Struct):
    """Models without structured output write `approve` in several ways."""

    ranking: list[str]
    approve: list[str] | str | bool | None = None
    reason: str | None = None
    refined_answer: str | None = None


_DECODER = msgspec.json.Decoder(_Ballot)


def parse_ballot(text: str) -> BallotPaper:
    """Read a ballot, fenced or amid prose.

    Raises:
        BallotParseError: no JSON object in it, or one of another shape.
    """
    ballot = _decode(_json_object(text))
    return BallotPaper(
        ranking=tuple(ballot.ranking[:_MOST_LABELS]),
        approve=_approved(ballot)[:_MOST_LABELS],
        reason=ballot.reason or "",
        refined_answer=ballot.refined_answer,
    )


def _json_object(text: str) -> str:
    fenced = _FENCE.match(text)
    body = fenced[1] if fenced else text
    start, end = body.find("{"), body.rfind("}")
    if start < 0 or end < start:
        raise BallotParseError("it holds no JSON object")
    return body[start : end + 1]


def _decode(body: str) -> _Ballot:
    try:
        return _DECODER.decode(body)
    except msgspec.ValidationError as error:
        raise BallotParseError(f"the JSON object has another form: {error}") from None
    except msgspec.DecodeError as error:
        raise BallotParseError(f"the JSON is malformed: {error}") from None


def _approved(ballot: _Ballot) -> tuple[str, ...]:
    match ballot.approve:
        case list() as labels:
            return tuple(labels)
        case str() as label:
            return (label,)
        case True:
            return tuple(ballot.ranking[:1])
        case _:
            return ()
