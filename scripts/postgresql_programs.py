"""Where PostgreSQL's programs are: Debian keeps the server's outside of PATH.

As a command: prints the folder, or exits with 1.
"""

import shutil
import sys
from pathlib import Path

NEEDED = ("initdb", "pg_ctl", "postgres")
_DEBIAN = Path("/usr/lib/postgresql")


def postgresql_programs(debian: Path = _DEBIAN) -> Path | None:
    """The folder that holds `NEEDED`: that of PATH's, or else Debian's newest version."""
    on_path = shutil.which("pg_ctl")
    candidates = [Path(on_path).resolve().parent] if on_path else []
    candidates += sorted(debian.glob("*/bin"), key=_version, reverse=True)
    complete = (each for each in candidates if all((each / name).exists() for name in NEEDED))
    return next(complete, None)


def without_postgresql() -> str | None:
    """What is missing for the suites that need a server, or None."""
    return None if postgresql_programs() else "not installed: postgresql"


def _version(folder: Path) -> float:
    try:
        return float(folder.parent.name)
    except ValueError:
        return 0.0


def main() -> int:
    """Say where they are."""
    found = postgresql_programs()
    print(found or without_postgresql())
    return 0 if found else 1


if __name__ == "__main__":
    sys.exit(main())
