"""Every package declares what its source imports, and nothing it does not.

In the shared environment an undeclared import works, and breaks in the service's own image.
deptry looks at each package against its own pyproject.toml; what a package needs without importing
it (a driver named in a URL, a loop named in a setting) stands there under `tool.deptry`.
"""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from pathlib import Path

from workspace import ROOT, Package, packages

_DEPTRY = Path(sys.executable).with_name("deptry")


def main() -> int:
    """Print what deptry finds, package by package; 1 when it finds anything."""
    every = packages()
    names = ",".join(f"{package.distribution}={package.import_name}" for package in every)
    built = [package for package in every if _has_modules(package)]
    with ThreadPoolExecutor(max_workers=2) as pool:
        findings = list(pool.map(_findings, built, repeat(names)))
    for line in (line for lines in findings for line in lines):
        print(line, file=sys.stderr)
    return 1 if any(findings) else 0


def _has_modules(package: Package) -> bool:
    """A room that nobody has moved into yet uses nothing of what it will need."""
    return any(path.name != "__init__.py" for path in package.source.rglob("*.py"))


def _findings(package: Package, names: str) -> list[str]:
    command = [str(_DEPTRY), "--no-ansi", "--package-module-name-map", names, "src"]
    result = subprocess.run(
        command, cwd=package.folder, check=False, text=True, capture_output=True
    )
    if result.returncode == 0:
        return []
    folder = package.folder.relative_to(ROOT)
    lines = [line for line in result.stderr.splitlines() if ": DEP" in line]
    return [f"{folder}/{line}" for line in lines] or [f"{folder}: deptry failed: {result.stderr}"]


if __name__ == "__main__":
    sys.exit(main())
