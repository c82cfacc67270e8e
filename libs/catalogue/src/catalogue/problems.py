"""What is wrong with a configuration: where it stands, what it is, what to do about it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_LINE_CHARACTERS = 1000


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One finding. `line` and `column` count from 1; 0 means the file as a whole.

    `field` is dotted (`panels.council.agents[1].model`) and empty at the top. Never holds a value
    that might be a secret.
    """

    file: str
    line: int
    column: int
    field: str
    message: str
    fix: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        field = f"{self.field}: " if self.field else ""
        return _one_line(f"{place}: {field}{self.message} ({self.fix})")


class ConfigurationError(Exception):
    """A configuration was refused; `problems` holds everything that is wrong with it."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: list[Problem] = sorted(set(problems))
        super().__init__(format_problems(self.problems))


def format_problems(problems: Sequence[Problem]) -> str:
    """One line each: `file:line:col: field: message (fix)`."""
    return "\n".join(str(problem) for problem in problems)


def _one_line(text: str) -> str:
    """Names come from the file and may hold anything."""
    shown = text if len(text) <= _LINE_CHARACTERS else f"{text[:_LINE_CHARACTERS]}..."
    return "".join(character if character.isprintable() else "?" for character in shown)
