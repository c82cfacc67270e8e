"""What a persona makes of the model that wears it."""

from __future__ import annotations

import re
from enum import Enum


class Stance(Enum):
    HONEST = "honest"
    DISSENTING = "dissenting"
    WRONG = "wrong"


_DISSENT = re.compile(r"dissent|disagree|devil['\u2019]?s advocate|contrarian", re.IGNORECASE)
_WRONG = re.compile(r"answer wrongly|be wrong", re.IGNORECASE)


def stance_of(persona: str) -> Stance:
    """What the persona is told to be; honest unless told otherwise."""
    if _WRONG.search(persona):
        return Stance.WRONG
    return Stance.DISSENTING if _DISSENT.search(persona) else Stance.HONEST
