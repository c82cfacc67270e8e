"""Write the hash-locked requirement files, or prove without a network that they are current.

    scripts/lock.py [--upgrade]    resolve; pins that still fit are kept unless --upgrade
    scripts/lock.py --check        offline: files match their inputs, agree with each other

One file per deployable package, `run.txt` for all of them on one machine, `dev.txt` for working on
them. Our own distributions are never in a lock: they are installed from this checkout with
`--no-deps --no-index`, because a bare name on a public index is an open door.
"""

import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from workspace import OWN_PREFIX, ROOT, LayoutError, Package, outside_requirements, packages

PYTHON_VERSION = "3.11"  # the oldest we run on; --universal covers the newer ones
# Editable installs of our packages into an environment without build isolation.
BUILD_TOOLS = ("editables", "hatchling")
_INPUTS_MARK = "# inputs-sha256: "
_PIN = re.compile(r"^([a-z0-9][a-z0-9._-]*)(?:\[[^]]*\])?==([^ ;\\]+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Lock:
    """One file under requirements/ and the requirements it is resolved from."""

    path: Path
    inputs: tuple[str, ...]

    @property
    def shown(self) -> str:
        return f"{self.path.parent.name}/{self.path.name}"

    @property
    def header(self) -> str:
        text = "\n".join((PYTHON_VERSION, *self.inputs))
        digest = hashlib.sha256(text.encode()).hexdigest()
        return f"# Written by `make lock`.\n{_INPUTS_MARK}{digest}\n"


def locks(root: Path = ROOT) -> list[Lock]:
    """`dev.txt` first: it is the widest, and the others take their versions from it."""
    folder = root / "requirements"
    every = packages(root)
    run = (*outside_requirements(every, every), *BUILD_TOOLS)
    return [
        Lock(folder / "dev.txt", (*run, *_dev_tools(folder / "dev.in"))),
        Lock(folder / "run.txt", run),
        *(_package_lock(folder, package, every) for package in every if package.deployable),
    ]


def _package_lock(folder: Path, package: Package, every: list[Package]) -> Lock:
    # hatchling builds the wheels of our own packages, in an image as well.
    inputs = (*outside_requirements([package], every), *BUILD_TOOLS)
    return Lock(folder / f"{package.folder.name}.txt", inputs)


def _dev_tools(path: Path) -> list[str]:
    lines = path.read_text().splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def write(*, upgrade: bool) -> None:
    """Resolve every lock against the public index, whatever this machine has configured."""
    widest, *narrower = locks()
    _compile(widest, constraints=None, upgrade=upgrade)
    for lock in narrower:
        # Its versions come from the widest file; it has no pins of its own to keep.
        _compile(lock, constraints=widest.path, upgrade=True)
    for path in _unowned_files([widest, *narrower]):
        path.unlink()
        print(f"{path.name}: removed, no package has this name")


def _compile(lock: Lock, *, constraints: Path | None, upgrade: bool) -> None:
    command = [
        "uv", "pip", "compile", "-", "--quiet", "--universal", "--python-version", PYTHON_VERSION,
        "--generate-hashes", "--no-header", "--no-annotate", "--no-emit-index-url", "--no-config",
        "--output-file", str(lock.path),
        *(("--constraints", str(constraints)) if constraints else ()),
        *(("--upgrade",) if upgrade else ()),
    ]  # fmt: skip
    environment = {k: v for k, v in os.environ.items() if not k.startswith("UV_")}
    subprocess.run(command, input="\n".join(lock.inputs).encode(), check=True, env=environment)
    resolved = lock.path.read_text()
    lock.path.write_text(lock.header + resolved)
    print(f"{lock.shown}: {len(_pins(resolved))} packages")


def problems(root: Path = ROOT) -> Iterator[str]:
    """What is wrong with the lock files of a workspace; nothing when they are current."""
    current = locks(root)
    for path in _unowned_files(current):
        yield f"requirements/{path.name}: no package has this name; run `make lock`"
    texts = {lock: lock.path.read_text() for lock in current if lock.path.is_file()}
    for lock in current:
        if lock not in texts:
            yield f"{lock.shown}: missing; run `make lock`"
    for lock, text in texts.items():
        yield from _problems_in(lock, text)
    yield from _disagreements(texts)
    for path in (folder / "uv.lock" for folder in (root, *(p.folder for p in packages(root)))):
        if path.exists():
            yield f"{path.relative_to(root)}: holds download addresses; requirements/ is the lock"


def _problems_in(lock: Lock, text: str) -> Iterator[str]:
    if not text.startswith(lock.header):
        yield f"{lock.shown}: a pyproject.toml or dev.in changed since; run `make lock`"
    if "://" in text or re.search(r"^\s*--(extra-)?(index|find)", text, re.MULTILINE):
        yield f"{lock.shown}: names an index or an address; run `make lock`"
    for block in re.split(r"\n(?=[a-z0-9])", text):
        if _PIN.match(block) and "--hash=sha256:" not in block:
            yield f"{lock.shown}: no hash for {block.split()[0]}; run `make lock`"
    for name in sorted(_pins(text)):
        if name.startswith(OWN_PREFIX):
            yield f"{lock.shown}: {name} is ours and is installed from the checkout only"


def _disagreements(texts: dict[Lock, str]) -> Iterator[str]:
    versions: dict[str, set[tuple[str, ...]]] = {}
    for text in texts.values():
        for name, pinned in _pins(text).items():
            versions.setdefault(name, set()).add(pinned)
    for name, found in sorted(versions.items()):
        if len(found) > 1:
            yield f"requirements/: {name} is pinned differently in two files: {sorted(found)}"


def _pins(text: str) -> dict[str, tuple[str, ...]]:
    """Versions by name; more than one where the lock tells platforms or Pythons apart."""
    pins: dict[str, list[str]] = {}
    for name, version in _PIN.findall(text):
        pins.setdefault(name, []).append(version)
    return {name: tuple(sorted(versions)) for name, versions in pins.items()}


def _unowned_files(current: list[Lock]) -> list[Path]:
    owned = {lock.path for lock in current}
    return sorted(path for path in current[0].path.parent.glob("*.txt") if path not in owned)


def main(arguments: list[str]) -> int:
    """Check or write; the exit status."""
    try:
        if arguments == ["--check"]:
            found = list(problems())
            print(*found, sep="\n", end="\n" if found else "", file=sys.stderr)
            return 1 if found else 0
        write(upgrade="--upgrade" in arguments)
    except LayoutError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
