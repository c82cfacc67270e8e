"""Follows a configuration while the process runs: a good change is taken, a bad one refused.

Polls by path and compares content. A ConfigMap replaces a symlink above the file, and network
file systems have coarse times; neither shows in the file's own change time, both in its bytes.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from catalogue.configuration import Catalogue, load_catalogue, parse_catalogue
from catalogue.files import configuration_file, read_configuration
from catalogue.massgen.folder import Signature, signature
from catalogue.problems import ConfigurationError

_log = logging.getLogger(__name__)

# A writer that truncates and then writes is seen in between; half a file may be valid YAML.
SETTLE_S = 0.1
_SETTLE_ATTEMPTS = 20
_VERSION_DIGITS = 12
_LOGGED_PROBLEMS = 20


@dataclass(frozen=True, slots=True)
class _Unreadable:
    """Compared like content: an error that stays the same is reported once."""

    error: ConfigurationError

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Unreadable) and self.error.problems == other.error.problems

    def __hash__(self) -> int:
        return hash(tuple(self.error.problems))


@dataclass(frozen=True, slots=True)
class _Seen:
    """The configuration's bytes, and what changes when a file that it imports does.

    Imported files are many, so their times and sizes are compared instead of their bytes.
    """

    content: bytes | _Unreadable
    imports: Signature


class CatalogueWatcher:
    """`current` is always a good catalogue; `last_error` says why the file's newest text is not.

    `on_change` is called in the watcher's task, after `current` has changed.
    """

    def __init__(
        self,
        path: Path,
        on_change: Callable[[Catalogue], None],
        poll_s: float = 1.0,
        *,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        """Loads the configuration.

        Raises:
            ConfigurationError: there is no earlier one to keep.
        """
        self._path = path
        self._on_change = on_change
        self._poll_s = poll_s
        self._environ = environ
        self.current = load_catalogue(path, environ=environ)
        self.last_error: ConfigurationError | None = None
        # Compared with what was loaded by its hash at the first check.
        self._seen: _Seen | None = None
        self._report_warnings(self.current)

    @property
    def version(self) -> str:
        """Short, and equal on replicas that use the same text."""
        return self.current.content_hash[:_VERSION_DIGITS]

    async def run(self) -> None:
        """Follow the file until cancelled."""
        while True:
            await asyncio.sleep(self._poll_s)
            await self.check()

    async def check(self) -> None:
        """Look once, and take or refuse what is new."""
        seen = await self._read()
        if seen == self._seen:
            return
        seen = await self._settled(seen)
        if seen is None:
            return
        self._seen = seen
        try:
            loaded = await asyncio.to_thread(self._load, seen)
        except ConfigurationError as error:
            self._refuse(error)
            return
        self._accept(loaded)

    async def _read(self) -> _Seen:
        return await asyncio.to_thread(_look, self._path, self.current.import_folder)

    async def _settled(self, seen: _Seen) -> _Seen | None:
        """What is there when two looks agree; None when it keeps changing: the next poll's."""
        for _ in range(_SETTLE_ATTEMPTS):
            await asyncio.sleep(SETTLE_S)
            again = await self._read()
            if again == seen:
                return again
            seen = again
        return None

    def _load(self, seen: _Seen) -> Catalogue:
        if isinstance(seen.content, _Unreadable):
            raise seen.content.error
        return parse_catalogue(seen.content, configuration_file(self._path), environ=self._environ)

    def _refuse(self, error: ConfigurationError) -> None:
        self.last_error = error
        for problem in error.problems[:_LOGGED_PROBLEMS]:
            _log.error("configuration refused, version %s stays: %s", self.version, problem)
        if more := error.problems[_LOGGED_PROBLEMS:]:
            _log.error("configuration refused: %d more problems", len(more))

    def _accept(self, loaded: Catalogue) -> None:
        recovered = self.last_error is not None
        self.last_error = None
        if loaded.content_hash == self.current.content_hash:
            if recovered:
                _log.info("configuration version %s is in the file again", self.version)
            return
        self.current = loaded
        _log.info("configuration version %s taken", self.version)
        self._report_warnings(loaded)
        self._on_change(loaded)

    def _report_warnings(self, loaded: Catalogue) -> None:
        for warning in loaded.warnings[:_LOGGED_PROBLEMS]:
            _log.warning("configuration: %s", warning)
        if more := loaded.warnings[_LOGGED_PROBLEMS:]:
            _log.warning("configuration: %d more; `conclave config check` tells them", len(more))


def _look(path: Path, import_folder: Path | None) -> _Seen:
    imports = signature(import_folder) if import_folder else ()
    try:
        return _Seen(read_configuration(configuration_file(path)), imports)
    except ConfigurationError as error:
        return _Seen(_Unreadable(error), imports)
