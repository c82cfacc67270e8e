"""Configuration files on disk: read whole, bounded, and only if they are files."""

import stat
from pathlib import Path

from catalogue.document import MAX_FILE_BYTES
from catalogue.problems import ConfigurationError, Problem

CONFIGURATION_FILE = "conclave.yaml"


def configuration_file(path: Path) -> Path:
    """The file itself; a folder stands for the `conclave.yaml` in it."""
    try:
        return path / CONFIGURATION_FILE if path.is_dir() else path
    except OSError:
        return path  # reading it tells what is wrong


def read_configuration(file: Path) -> bytes:
    """The file's bytes, at most one more than is allowed.

    Raises:
        ConfigurationError: not there, not a regular file, or not readable.
    """
    try:
        # Checked before it is opened: opening a named pipe would wait for a writer.
        if not stat.S_ISREG(file.stat().st_mode):
            raise _unreadable(file, "is not a regular file", "name a YAML file or its folder")
        with file.open("rb") as stream:
            return stream.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError:
        raise _unreadable(file, "does not exist", "create it, or correct the path") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "bad path"
        raise _unreadable(file, f"cannot be read: {reason}", "correct the path or mode") from None


def _unreadable(file: Path, message: str, fix: str) -> ConfigurationError:
    return ConfigurationError([Problem(str(file), 0, 0, "", message, fix)])
