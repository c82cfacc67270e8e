"""Each source file has its test file: `src/<name>/a/b.py` -> `tests/a/test_b.py`.

`tests/files_without_tests.txt` lists the exceptions, `path: reason`. An exception that is not
needed any more fails too, so the list only shrinks by being true. The path `*` excuses everything
without hiding it: findings are printed and do not fail.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from workspace import ROOT, Package, packages

EXCEPTIONS = Path("tests") / "files_without_tests.txt"
EVERYTHING = "*"


def main() -> int:
    """Print source files without a test file and stale exceptions; 1 when they count."""
    excused, complaints = read_exceptions((ROOT / EXCEPTIONS).read_text())
    findings = [*complaints, *problems(ROOT, excused)]
    for finding in findings:
        print(finding, file=sys.stderr)
    return 1 if findings and EVERYTHING not in excused else 0


def problems(root: Path, excused: set[str]) -> Iterator[str]:
    """Source files that need a test file, and exceptions that excuse nothing."""
    untested = {str(path.relative_to(root)) for path in _untested_files(root)}
    for path in sorted(untested - excused):
        yield f"{path}: no test file for it"
    for path in sorted(excused - untested - {EVERYTHING}):
        why = "has a test file now" if (root / path).exists() else "does not exist"
        yield f"{EXCEPTIONS}: {path} {why}; remove the line"


def read_exceptions(text: str) -> tuple[set[str], list[str]]:
    """The excused paths, and what is wrong with the list."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    entries = [line.partition(":") for line in lines if not line.startswith("#")]
    unexplained = [path for path, _, reason in entries if not reason.strip()]
    complaints = [f"{path}: an exception needs a reason: `path: reason`" for path in unexplained]
    return {path for path, _, _ in entries}, complaints


def _untested_files(root: Path) -> Iterator[Path]:
    for package in packages(root):
        sources = sorted(package.source.rglob("*.py"))
        yield from (path for path in sources if not _excused(path) and not _tested(package, path))


def _excused(path: Path) -> bool:
    """Package markers and schema revisions hold no behaviour of their own."""
    return path.name == "__init__.py" or "migrations" in path.parts


def _tested(package: Package, path: Path) -> bool:
    place = path.relative_to(package.source)
    name = f"test_{place.stem.strip('_')}"
    folder = package.folder / "tests" / place.parent
    return any(folder.glob(f"{name}.py")) or any(folder.glob(f"{name}_*.py"))


if __name__ == "__main__":
    sys.exit(main())
