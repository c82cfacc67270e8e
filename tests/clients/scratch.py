"""A home and a work tree of its own for each client, and nothing of it left running."""

import os
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from conclave_cli.settings import inherited_environment

CALL_TIMEOUT_S = 120.0
_INHERITED = ("PATH", "LANG", "LC_ALL", "TMPDIR")


@dataclass(frozen=True, slots=True)
class Finished:
    """A client that ended by itself; its two outputs in one text."""

    returncode: int
    text: str


@dataclass(frozen=True, slots=True)
class Scratch:
    """Where a client runs: it sees no settings of this machine and no proxy."""

    root: Path
    base_url: str
    api_key: str

    @property
    def home(self) -> Path:
        return self.root / "home"

    @property
    def tree(self) -> Path:
        return self.root / "tree"

    def prepare(self) -> None:
        self.home.mkdir()
        self.tree.mkdir()
        for command in (
            ["git", "init", "--quiet"],
            ["git", "config", "user.email", "client@example.org"],
            ["git", "config", "user.name", "client"],
        ):
            self.run(*command)

    def write(self, place: Path, text: str) -> Path:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
        return place

    def run(
        self,
        *command: str | Path,
        environment: Mapping[str, str] | None = None,
        timeout_s: float = CALL_TIMEOUT_S,
    ) -> Finished:
        """Run to its end; whatever it started besides ends with it.

        Raises:
            subprocess.TimeoutExpired: it did not end by itself.
        """
        process = subprocess.Popen(  # noqa: S603 - commands are written in this folder
            [str(part) for part in command],
            cwd=self.tree,
            env={**self._environment(), **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            text, _ = process.communicate(timeout=timeout_s)
        finally:
            _end_session(process)
            self._end_daemons()
        return Finished(process.returncode, text)

    def _end_daemons(self) -> None:
        """Some clients leave a daemon in a session of its own; it still has our home."""
        for process in psutil.process_iter():
            try:
                if process.environ().get("HOME") == str(self.home):
                    process.kill()
                    process.wait(5)
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue

    def _environment(self) -> dict[str, str]:
        ours = inherited_environment()
        return {
            **{name: ours[name] for name in _INHERITED if name in ours},
            "HOME": str(self.home),
            "XDG_CONFIG_HOME": str(self.home / ".config"),
            "XDG_DATA_HOME": str(self.home / ".local" / "share"),
            "XDG_STATE_HOME": str(self.home / ".local" / "state"),
            "XDG_CACHE_HOME": str(self.home / ".cache"),
            "CONCLAVE_API_KEY": self.api_key,
            "CONCLAVE_BASE_URL": self.base_url,
            "DO_NOT_TRACK": "1",
            "NO_COLOR": "1",
            "CI": "1",
        }


def _end_session(process: subprocess.Popen[str]) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    process.wait(5)
