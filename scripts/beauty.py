"""The lamp that shows drift: function sizes and broad excepts, package by package.

A line counts from `def` to the function's last line, docstring included.
"""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from workspace import ROOT, packages

LONG_LINES = 50
_BROAD = {"Exception", "BaseException"}


@dataclass(slots=True)
class Sizes:
    """What one room's sources measure."""

    lengths: list[int] = field(default_factory=list[int])
    long_functions: list[str] = field(default_factory=list[str])
    broad_excepts: list[str] = field(default_factory=list[str])

    def add_file(self, path: Path) -> None:
        shown = path.relative_to(ROOT)
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.FunctionDef() | ast.AsyncFunctionDef():
                    self._add_function(shown, node)
                case ast.ExceptHandler() if is_broad(node.type):
                    self.broad_excepts.append(f"{shown}:{node.lineno}")
                case _:
                    pass

    def _add_function(self, shown: Path, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        lines = (node.end_lineno or node.lineno) - node.lineno + 1
        self.lengths.append(lines)
        if lines > LONG_LINES:
            self.long_functions.append(f"{shown}:{node.lineno} {node.name}: {lines} lines")

    def percentile(self, share: float) -> int:
        ordered = sorted(self.lengths)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0


def is_broad(caught: ast.expr | None) -> bool:
    """Whether an except clause for `caught` also catches what nobody thought of."""
    match caught:
        case None:
            return True
        case ast.Name(id=name):
            return name in _BROAD
        case ast.Tuple(elts=names):
            return any(is_broad(name) for name in names)
        case _:
            return False


def measure() -> Iterator[tuple[str, Sizes]]:
    """Each package, then the scripts."""
    folders = [package.source for package in packages()]
    for folder in [*folders, ROOT / "scripts"]:
        sizes = Sizes()
        for path in sorted(folder.rglob("*.py")):
            sizes.add_file(path)
        yield folder.name, sizes


def main() -> None:
    """Print one row per room, then where to look."""
    rooms = list(measure())
    print(f"{'room':<18}{'functions':>10}{'median':>8}{'p99':>6}{'max':>6}{'>50':>5}{'broad':>7}")
    for name, sizes in rooms:
        row = (len(sizes.lengths), *(sizes.percentile(share) for share in (0.5, 0.99, 1)))
        counts = (len(sizes.long_functions), len(sizes.broad_excepts))
        widths = zip((*row, *counts), (10, 8, 6, 6, 5, 7), strict=True)
        print(f"{name:<18}" + "".join(f"{value:>{width}}" for value, width in widths))
    for title, places in (
        ("functions over 50 lines", [p for _, s in rooms for p in s.long_functions]),
        ("broad excepts", [p for _, s in rooms for p in s.broad_excepts]),
    ):
        print(f"\n{title}: {len(places)}", *places, sep="\n  ")


if __name__ == "__main__":
    sys.exit(main())
