"""The files of a MassGen folder: found, named, read, and noticed when they change."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from catalogue.files import read_configuration
from catalogue.problems import ConfigurationError, Problem

MAX_FILES = 1000
_SUFFIXES = frozenset({".yaml", ".yml"})

Signature = tuple[tuple[str, int, int, int], ...]


@dataclass(frozen=True, slots=True)
class MassGenFile:
    """`name`: below the folder, with `/`, without the suffix. `path` is for messages."""

    name: str
    path: str
    data: bytes


@dataclass(frozen=True, slots=True)
class FolderContent:
    """`problems`: files that could not be read, each with the name it would have had."""

    files: tuple[MassGenFile, ...] = ()
    problems: tuple[tuple[str, Problem], ...] = ()


def read_folder(folder: Path) -> FolderContent:
    """Every YAML file in the folder and below, in the order of their names."""
    files: list[MassGenFile] = []
    problems: list[tuple[str, Problem]] = []
    paths = _paths(folder)
    for path in paths[:MAX_FILES]:
        name = path.relative_to(folder).with_suffix("").as_posix()
        try:
            files.append(MassGenFile(name, str(path), read_configuration(path)))
        except ConfigurationError as error:
            problems += [(name, problem) for problem in error.problems]
    if len(paths) > MAX_FILES:
        message = f"holds more than {MAX_FILES} YAML files; the others are left out"
        problems.append(("", Problem(str(folder), 0, 0, "", message, "split the folder")))
    return FolderContent(tuple(files), tuple(problems))


def signature(folder: Path) -> Signature:
    """What changes when a file does; empty when there is no folder."""
    return tuple(_stamps(folder))


def _stamps(folder: Path) -> Iterator[tuple[str, int, int, int]]:
    for path in _paths(folder)[: MAX_FILES + 1]:
        try:
            state = path.stat()
        except OSError:
            yield str(path), 0, 0, 0
        else:
            yield str(path), state.st_ino, state.st_mtime_ns, state.st_size


def _paths(folder: Path) -> list[Path]:
    """Hidden ones are left out: the mechanics of a mounted ConfigMap begin with a dot."""
    found: list[Path] = []
    for place, folders, names in os.walk(folder, followlinks=False):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found += [
            Path(place, name)
            for name in names
            if not name.startswith(".") and Path(name).suffix in _SUFFIXES
        ]
    return sorted(found)
