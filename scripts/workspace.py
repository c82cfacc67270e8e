"""The packages of this workspace and what they declare, read from their pyproject.toml files.

Standard library only: `scripts/environment.py` runs it before anything is installed.
"""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OWN_PREFIX = "conclave-"
_PACKAGE_GLOBS = ("libs/*", "services/*", "simulators/*", "cli")
_DEPLOYABLE_GLOBS = ("services/*", "simulators/*", "cli")


@dataclass(frozen=True, slots=True)
class Package:
    """One folder with a pyproject.toml: a distribution and the one import name it brings."""

    folder: Path
    distribution: str
    dependencies: tuple[str, ...]

    @property
    def import_name(self) -> str:
        sources = [d for d in (self.folder / "src").iterdir() if (d / "__init__.py").is_file()]
        if len(sources) != 1:
            raise LayoutError(f"{self.folder / 'src'}: want exactly one package, found {sources}")
        return sources[0].name

    @property
    def source(self) -> Path:
        return self.folder / "src" / self.import_name

    @property
    def deployable(self) -> bool:
        return any(self.folder.match(pattern) for pattern in _DEPLOYABLE_GLOBS)


class LayoutError(Exception):
    """A folder of the workspace is not laid out as the tools expect."""


def packages(root: Path = ROOT) -> list[Package]:
    """All packages of the workspace at `root`, sorted by folder."""
    folders = sorted(folder for pattern in _PACKAGE_GLOBS for folder in root.glob(pattern))
    return [_read(folder) for folder in folders if (folder / "pyproject.toml").is_file()]


def requirement_name(requirement: str) -> str:
    """The normalised distribution name a requirement line begins with (PEP 503)."""
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    if found is None:
        raise LayoutError(f"not a requirement: {requirement!r}")
    return re.sub(r"[-_.]+", "-", found.group()).lower()


def outside_requirements(roots: list[Package], every: list[Package]) -> list[str]:
    """What `roots` need from an index: declared by them or by a library of ours they reach."""
    by_name = {package.distribution: package for package in every}
    wanted: set[str] = set()
    seen: set[str] = set()
    waiting = list(roots)
    while waiting:
        package = waiting.pop()
        if package.distribution in seen:
            continue
        seen.add(package.distribution)
        for requirement in package.dependencies:
            name = requirement_name(requirement)
            if not name.startswith(OWN_PREFIX):
                wanted.add(requirement)
            elif name in by_name:
                waiting.append(by_name[name])
            else:
                raise LayoutError(f"{package.folder}/pyproject.toml: no package here is {name}")
    return sorted(wanted, key=str.lower)


def _read(folder: Path) -> Package:
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    return Package(folder, project["name"], tuple(project.get("dependencies", ())))
