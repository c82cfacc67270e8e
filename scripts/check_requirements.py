"""Every requirement of the manifest is shown by a test, and every test names a known one.

Reads the sources, so that it takes no time and also sees tests of suites that cannot run here.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

from workspace import ROOT, packages

sys.path.insert(0, str(ROOT))
from tests import requirements  # the manifest lives beside the tests, not in a package


def main() -> int:
    """Print requirements without a test, and gaps that are none any more; 1 when there are any."""
    shown: dict[str, str] = {}
    for path in test_files():
        for name in requirement_ids(path.read_text()):
            shown.setdefault(name, str(path.relative_to(ROOT)))
    findings = list(problems(requirements.load(), shown))
    for finding in findings:
        print(finding, file=sys.stderr)
    return 1 if findings else 0


def problems(known: dict[str, requirements.Requirement], shown: dict[str, str]) -> Iterator[str]:
    """Where manifest and tests disagree; `shown` maps an id to the test file that names it."""
    for name in sorted(shown.keys() - known.keys()):
        yield f"{shown[name]}: requirement {name!r} is in no module of tests/requirement_entries/"
    for name, entry in sorted(known.items()):
        if name not in shown and entry.known_gap is None:
            yield f"requirement {name!r} has no test ({entry.sentence}); write it or say known_gap"
        if name in shown and entry.known_gap is not None:
            yield f"requirement {name!r} is no gap, {shown[name]} shows it; remove known_gap"


def test_files() -> list[Path]:
    """The test modules of all packages and of the workspace."""
    folders = [ROOT / "tests", *(package.folder / "tests" for package in packages())]
    return sorted(path for folder in folders for path in folder.rglob("test_*.py"))


def requirement_ids(source: str) -> list[str]:
    """The ids in calls of `requirement("id")`, however the marker was imported."""
    if "requirement(" not in source:
        return []
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    marks = [call for call in calls if _name(call.func) == "requirement"]
    arguments = [argument for mark in marks for argument in mark.args]
    return [str(a.value) for a in arguments if isinstance(a, ast.Constant)]


def _name(function: ast.expr) -> str:
    match function:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
        case _:
            return ""


if __name__ == "__main__":
    sys.exit(main())
