"""What one machine keeps between starts: keys, the token between services, SQLite files.

The directory is the user's alone (mode 700), each secret is mode 600, and one `conclave run` at a
time holds its lock.
"""

from __future__ import annotations

import base64
import fcntl
import os
import secrets
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

from conclave_cli.errors import AlreadyRunningError, StateDirectoryError

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

_SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class StateDirectory:
    root: Path

    @property
    def api_key_file(self) -> Path:
        return self.root / "api-key"

    @property
    def admin_key_file(self) -> Path:
        return self.root / "admin-key"

    @property
    def installation_token_file(self) -> Path:
        return self.root / "installation-token"

    @property
    def pepper_file(self) -> Path:
        return self.root / "pepper"

    @property
    def sealing_keys_file(self) -> Path:
        """The compactor's master keys: what seals compacted conversations."""
        return self.root / "sealing-keys"

    @property
    def compactor_blob_dir(self) -> Path:
        return self.root / "data" / "compactor-blobs"

    @property
    def rendered_config_file(self) -> Path:
        return self.root / "config" / "conclave.yaml"

    def database_url(self, service: str) -> str:
        return f"sqlite+aiosqlite:///{self.root / 'data' / service}.sqlite3"

    def prepare(self) -> None:
        """Create what is missing; keep what is there.

        Raises:
            StateDirectoryError: the place cannot be written.
        """
        try:
            for folder in (self.root, self.root / "config", self.root / "data"):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                folder.chmod(0o700)
            for path, prefix in self._secrets():
                _ensure_secret(path, prefix + secrets.token_hex(_SECRET_BYTES))
            _ensure_secret(self.sealing_keys_file, _sealing_key())
        except OSError as error:
            raise _unwritable(self.root, error) from error

    def _secrets(self) -> list[tuple[Path, str]]:
        return [
            (self.api_key_file, "sk-conclave-"),
            (self.admin_key_file, "sk-conclave-admin-"),
            (self.installation_token_file, ""),
            (self.pepper_file, ""),
        ]

    @contextmanager
    def locked(self) -> Generator[None]:
        """Hold the directory. The kernel lets go of it when this process ends, however it ends.

        Raises:
            AlreadyRunningError: another process holds it.
            StateDirectoryError: the place cannot be written.
        """
        with self._open_lock() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise AlreadyRunningError(_running_message(self.root, _holder(file))) from None
            file.truncate(0)
            file.write(f"{os.getpid()}\n")
            file.flush()
            yield

    def _open_lock(self) -> TextIO:
        try:
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            return (self.root / "lock").open("a+", encoding="utf-8")
        except OSError as error:
            raise _unwritable(self.root, error) from error

    def write_config(self, text: str) -> Path:
        """Replace the rendered configuration in one step: a reader sees the old or the new."""
        target = self.rendered_config_file
        fresh = target.with_suffix(".new")
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(target)
        return target


def read_secret(path: Path) -> str:
    """The secret without its line end."""
    return path.read_text(encoding="utf-8").strip()


def _sealing_key() -> str:
    """One line of the ring; the operator adds newer ones below it."""
    return f"k1 {base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()}"


def _ensure_secret(path: Path, fresh: str) -> None:
    """Keep what is there, or write `fresh`."""
    if path.exists() and read_secret(path):
        path.chmod(0o600)
        return
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(fresh + "\n")
    path.chmod(0o600)


def _holder(file: TextIO) -> str:
    """The process id the holder wrote."""
    file.seek(0)
    return file.read(32).strip()


def _unwritable(root: Path, error: OSError) -> StateDirectoryError:
    return StateDirectoryError(
        f"cannot keep state in {root}: {error.strerror}; "
        "choose another place with CONCLAVE_STATE_DIR"
    )


def _running_message(root: Path, holder: str) -> str:
    who = f" (process {holder})" if holder.isdigit() else ""
    return (
        f"another `conclave run`{who} uses the state directory {root}; stop it with Ctrl-C, or "
        "give this one its own: CONCLAVE_STATE_DIR=.conclave-2 CONCLAVE_PORT=9000 conclave run"
    )
