"""What Conclave promises, one sentence each, and where the promise was made.

A test says which promise it shows: `@pytest.mark.requirement("coordination:quorum")`. The entries
live in `tests/requirement_entries/`, one module per part, each with a list `ENTRIES`. `make check`
fails on a requirement without a test, unless it is a `known_gap`.
"""

import importlib
import pkgutil
from collections.abc import Iterable
from dataclasses import dataclass

ENTRIES_PACKAGE = "tests.requirement_entries"


@dataclass(frozen=True, slots=True)
class Requirement:
    """One promise.

    `id` is `area:thing` or finer; `source` names the page or contract section the promise is from.
    `known_gap` says why no test shows it yet.
    """

    id: str
    source: str
    sentence: str
    known_gap: str | None = None


class RequirementError(Exception):
    """The manifest contradicts itself."""


def load() -> dict[str, Requirement]:
    """Every requirement by id, from all modules of `tests/requirement_entries/`."""
    package = importlib.import_module(ENTRIES_PACKAGE)
    modules = sorted(module.name for module in pkgutil.iter_modules(package.__path__))
    return collect((name, _entries(name)) for name in modules)


def collect(parts: Iterable[tuple[str, list[Requirement]]]) -> dict[str, Requirement]:
    """Join the parts' entries.

    Raises:
        RequirementError: two entries share an id, or one leaves a field empty.
    """
    by_id: dict[str, Requirement] = {}
    owner: dict[str, str] = {}
    for part, entries in parts:
        for entry in entries:
            if not (entry.id and entry.source and entry.sentence):
                raise RequirementError(f"{part}: {entry!r} leaves a field empty")
            if entry.id in by_id:
                raise RequirementError(f"{entry.id!r} is in both {owner[entry.id]} and {part}")
            by_id[entry.id] = entry
            owner[entry.id] = part
    return by_id


def _entries(module_name: str) -> list[Requirement]:
    module = importlib.import_module(f"{ENTRIES_PACKAGE}.{module_name}")
    entries: object = getattr(module, "ENTRIES", None)
    if not isinstance(entries, list):
        raise RequirementError(f"{module.__name__} has no list ENTRIES")
    return [_requirement(module_name, entry) for entry in entries]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]


def _requirement(module_name: str, entry: object) -> Requirement:
    if not isinstance(entry, Requirement):
        raise RequirementError(f"{module_name}: {entry!r} is not a Requirement")
    return entry
