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

from workspace import ROOT, LayoutError, Package, outside_requirements, packages

LOCKS = ROOT / "requirements"
PYTHON_VERSION = "3.11"  # the oldest we run on; --universal covers the newer ones
PUBLIC_INDEX = "https://pypi.org/simple"
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
    def digest(self) -> str:
        text = "\n".join((PYTHON_VERSION, *self.inputs))
        return hashlib.sha256(text.encode()).hexdigest()


def locks() -> list[Lock]:
    """`dev.txt` first: it is the widest, and the others take their versions from it."""
    every = packages()
    deployables = [package for package in every if package.deployable]
    run = (*outside_requirements(every, every), *BUILD_TOOLS)
    return [
        Lock(LOCKS / "dev.txt", (*run, *_dev_tools())),
        Lock(LOCKS / "run.txt", run),
        *(_service_lock(package, every) for package in deployables),
    ]


def _service_lock(package: Package, every: list[Package]) -> Lock:
    # hatchling builds the wheels of our own packages, in an image as well.
    inputs = (*outside_requirements([package], every), *BUILD_TOOLS)
    return Lock(LOCKS / f"{package.folder.name}.txt", inputs)


def _dev_tools() -> list[str]:
    lines = (LOCKS / "dev.in").read_text().splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def write(*, upgrade: bool) -> None:
    """Resolve every lock against the public index, whatever this machine has configured."""
    widest, *narrower = locks()
    _compile(widest, constraints=None, upgrade=upgrade)
    for lock in narrower:
        _compile(lock, constraints=widest.path, upgrade=upgrade)
    _remove_stale()


def _compile(lock: Lock, *, constraints: Path | None, upgrade: bool) -> None:
    command = [
        "uv", "pip", "compile", "-", "--quiet", "--universal", "--python-version", PYTHON_VERSION,
        "--generate-hashes", "--no-header", "--no-annotate", "--no-emit-index-url", "--no-config",
        "--default-index", PUBLIC_INDEX, "--output-file", str(lock.path),
    ]  # fmt: skip
    if constraints is not None:
        command += ["--constraints", str(constraints)]
    if upgrade or constraints is not None:
        command.append("--upgrade")  # a narrower file has no pins of its own to keep
    environment = {k: v for k, v in os.environ.items() if not k.startswith("UV_")}
    subprocess.run(command, input="\n".join(lock.inputs).encode(), check=True, env=environment)
    resolved = lock.path.read_text()
    lock.path.write_text(f"# Written by `make lock`.\n{_INPUTS_MARK}{lock.digest}\n{resolved}")
    print(f"{lock.path.relative_to(ROOT)}: {len(_PIN.findall(resolved))} packages")


def _remove_stale() -> None:
    for path in set(LOCKS.glob("*.txt")) - {lock.path for lock in locks()}:
        path.unlink()
        print(f"{path.relative_to(ROOT)}: removed, no package has this name")


def problems() -> Iterator[str]:
    """What is wrong with the lock files; nothing when they are current."""
    current = locks()
    for path in sorted(LOCKS.glob("*.txt")):
        if path not in {lock.path for lock in current}:
            yield f"{_shown(path)}: no package has this name; run `make lock`"
    versions: dict[str, set[tuple[str, ...]]] = {}
    for lock in current:
        if not lock.path.is_file():
            yield f"{_shown(lock.path)}: missing; run `make lock`"
            continue
        text = lock.path.read_text()
        yield from _problems_in(lock, text)
        for name, pinned in _pins(text).items():
            versions.setdefault(name, set()).add(pinned)
    for name, found in sorted(versions.items()):
        if len(found) > 1:
            yield f"requirements/: {name} is pinned differently in two files: {sorted(found)}"
    for path in _foreign_locks():
        yield f"{_shown(path)}: holds download addresses; remove it, requirements/ is the lock"


def _problems_in(lock: Lock, text: str) -> Iterator[str]:
    shown = _shown(lock.path)
    if f"{_INPUTS_MARK}{lock.digest}\n" not in text:
        yield f"{shown}: a pyproject.toml or dev.in changed since; run `make lock`"
    if "://" in text or re.search(r"^\s*--(extra-)?(index|find)", text, re.MULTILINE):
        yield f"{shown}: names an index or an address; run `make lock`"
    if "conclave" in text:
        yield f"{shown}: holds a distribution of ours; those are installed from the checkout"
    bare = [block for block in re.split(r"\n(?=[a-z0-9])", text) if _PIN.match(block)]
    for block in bare:
        if "--hash=sha256:" not in block:
            yield f"{shown}: no hash for {block.splitlines()[0]}; run `make lock`"


def _pins(text: str) -> dict[str, tuple[str, ...]]:
    """Versions by name; more than one where the lock tells platforms or Pythons apart."""
    pins: dict[str, list[str]] = {}
    for name, version in _PIN.findall(text):
        pins.setdefault(name, []).append(version)
    return {name: tuple(sorted(versions)) for name, versions in pins.items()}


def _foreign_locks() -> list[Path]:
    return [ROOT / "uv.lock"] * (ROOT / "uv.lock").exists() + [
        package.folder / "uv.lock"
        for package in packages()
        if (package.folder / "uv.lock").exists()
    ]


def _shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _check() -> int:
    found = list(problems())
    for problem in found:
        print(problem, file=sys.stderr)
    return 1 if found else 0


def main(arguments: list[str]) -> int:
    """Check or write; the exit status."""
    try:
        if arguments == ["--check"]:
            return _check()
        write(upgrade="--upgrade" in arguments)
    except LayoutError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
