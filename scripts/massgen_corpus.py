"""Imports every YAML file of a MassGen wheel or folder, and prints how many became panels.

Reads the wheel in place. Fails below `--bar`, and when importing opens a file, starts a program or
a connection: what a configuration names must never be touched.
"""

import argparse
import re
import sys
import zipfile
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

from catalogue.configuration import parse_catalogue
from catalogue.massgen.backend_types import BACKEND_TYPES
from catalogue.massgen.folder import MassGenFile
from catalogue.massgen.importing import ImportedFile, import_file
from catalogue.massgen.providers import Providers
from catalogue.records import MassGenRecord

SUFFIXES = (".yaml", ".yml")
# Python's audit events of whatever reaches outside the process.
OUTSIDE = ("open", "os.", "subprocess.", "socket.", "shutil.", "exec", "ctypes.", "pty.")


def main() -> int:
    """1 when fewer load than the bar asks for, or something was touched."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path, help="a wheel or a folder")
    parser.add_argument("--bar", type=float, default=0.9, help="share that must load")
    arguments = parser.parse_args()
    source: Path = arguments.source
    bar: float = arguments.bar
    imported, touched = import_all(list(read_files(source)))
    loaded = sum(file.panel is not None for file in imported)
    print("\n".join(report(source.name, imported, touched)))
    return 0 if imported and loaded >= bar * len(imported) and not touched else 1


def read_files(source: Path) -> Iterator[MassGenFile]:
    """Every YAML file of a wheel, or below a folder."""
    if source.is_dir():
        for path in sorted(source.rglob("*")):
            if path.suffix in SUFFIXES and path.is_file():
                name = path.relative_to(source).as_posix()
                yield MassGenFile(_without_suffix(name), name, path.read_bytes())
        return
    with zipfile.ZipFile(source) as wheel:
        for name in sorted(wheel.namelist()):
            if name.endswith(SUFFIXES):
                yield MassGenFile(_without_suffix(name), name, wheel.read(name))


def import_all(files: list[MassGenFile]) -> tuple[list[ImportedFile], list[str]]:
    """With a provider for every backend type; and whatever was touched outside meanwhile."""
    providers = _every_provider()
    import_file(MassGenFile("warm-up", "warm-up", b"agents: []"), providers)  # lazy imports
    touched: list[str] = []
    with _watching(touched):
        imported = [import_file(file, providers) for file in files]
    return imported, touched


def report(source: str, imported: list[ImportedFile], touched: list[str]) -> Iterator[str]:
    """The table, line by line."""
    refused = [file for file in imported if file.panel is None]
    loaded = len(imported) - len(refused)
    share = 100 / max(1, len(imported))
    seats = sum(len(file.panel.agents) for file in imported if file.panel)
    warnings = sum(len(file.warnings) for file in imported if file.panel)
    yield f"{source}: {len(imported)} YAML files"
    yield f"  loaded   {loaded:4}  {loaded * share:5.1f} %  {seats} agents, {warnings} warnings"
    yield f"  refused  {len(refused):4}  {len(refused) * share:5.1f} %"
    for reason, count in Counter(map(_reason, refused)).most_common():
        yield f"    {count:4}  {reason}"
    yield f"  files opened, programs started, connections made: {len(touched)}"
    yield from (f"    {event}" for event in sorted(set(touched)))
    yield from (f"  {problem}" for file in refused for problem in file.problems)


def _every_provider() -> Providers:
    lines = ["version: 1", "providers:"]
    for name, known in BACKEND_TYPES.items():
        host = known.hosts[0] if known.hosts and not known.program else f"{name}.invalid"
        url = f"https://{host.replace('_', '-')}/v1"
        lines.append(f"  {name}: {{kind: openai-compatible, base_url: '{url}'}}")
    settings = MassGenRecord(folder="unused")
    text = "\n".join([*lines, "models: {unused: {provider: openai}}"])
    catalogue = parse_catalogue(text.encode(), Path("corpus.yaml"))
    return Providers(settings, catalogue.providers, {})


@contextmanager
def _watching(touched: list[str]) -> Generator[None]:
    """A hook cannot be taken back, so it is told when to stop listening."""
    listening = True

    def hear(event: str, _: object) -> None:
        if listening and event.startswith(OUTSIDE):
            touched.append(event)

    sys.addaudithook(hear)
    try:
        yield
    finally:
        listening = False


def _reason(file: ImportedFile) -> str:
    first = file.problems[0]
    field = re.sub(r"\[[0-9]+\]", "[]", first.field)
    return f"{field}: {first.message}" if field else first.message


def _without_suffix(name: str) -> str:
    return name.rpartition(".")[0]


if __name__ == "__main__":
    sys.exit(main())
