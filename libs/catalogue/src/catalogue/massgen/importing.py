"""MassGen's files as panels of a catalogue, or the reasons why one is not.

A file that is refused takes nothing else down: its panel is not there, and its problems are told.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from catalogue.document import read_document
from catalogue.massgen.folder import FolderContent, MassGenFile
from catalogue.massgen.panels import read_panel
from catalogue.massgen.providers import Providers
from catalogue.massgen.sections import Findings
from catalogue.problems import ConfigurationError, Problem
from catalogue.record_fields import is_public_name
from catalogue.references import MASSGEN_PREFIX
from wire.specs import PanelSpec


@dataclass(frozen=True, slots=True)
class ImportedFile:
    """`panel` None: refused, and `problems` say why. `name` is the panel's, used or not."""

    name: str
    path: str
    panel: PanelSpec | None = None
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()

    def findings(self) -> tuple[Problem, ...]:
        """Everything to tell an operator, led by what it means for clients."""
        if self.panel is not None:
            return self.warnings
        message = f"the panel {self.name!r} is not offered: {len(self.problems)} problems below"
        summary = Problem(self.path, 0, 0, "", message, "mend them, or move the file away")
        return (summary, *self.problems)


def import_folder(
    content: FolderContent, providers: Providers, taken: Iterable[str]
) -> tuple[ImportedFile, ...]:
    """`taken`: names that belong to somebody already; they stay there."""
    used = set(taken)
    found = [
        ImportedFile(MASSGEN_PREFIX + name, problem.file, problems=(problem,))
        for name, problem in content.problems
    ]
    for file in content.files:
        imported = import_file(file, providers, used)
        used.add(imported.name)
        found.append(imported)
    return tuple(sorted(found, key=lambda imported: imported.name))


def import_file(file: MassGenFile, providers: Providers, taken: Iterable[str] = ()) -> ImportedFile:
    """One file; never raises for what it says."""
    name = MASSGEN_PREFIX + file.name
    if problem := _name_problem(file, name, taken):
        return ImportedFile(name, file.path, problems=(problem,))
    try:
        document = read_document(file.data, file.path)
    except ConfigurationError as error:
        return ImportedFile(name, file.path, problems=tuple(error.problems))
    findings = Findings(document, list(document.problems))
    panel = read_panel(document, name, providers, findings)
    return ImportedFile(
        name,
        file.path,
        panel=panel,
        problems=tuple(sorted(findings.problems)),
        warnings=tuple(sorted(findings.warnings)),
    )


def _name_problem(file: MassGenFile, name: str, taken: Iterable[str]) -> Problem | None:
    if not is_public_name(name):
        message = "its path is not a usable model name"
        fix = "use letters, digits and . _ : @ + - in the names of files and folders"
        return Problem(file.path, 0, 0, "", message, fix)
    if name in taken:
        return Problem(file.path, 0, 0, "", f"the name {name!r} is taken", "rename the file")
    return None
