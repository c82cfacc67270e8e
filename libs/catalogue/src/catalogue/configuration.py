"""The catalogue: one configuration, checked and resolved, and the door that loads it."""

import hashlib
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from catalogue.document import MAX_FILE_BYTES, Document, read_document
from catalogue.lint import warnings
from catalogue.names import Entry, ModelEntry, PanelEntry, PublicName
from catalogue.problems import ConfigurationError, Problem
from catalogue.records import ConfigurationRecord
from catalogue.references import check_references
from catalogue.resolution import resolve_models, resolve_panels, resolve_providers
from catalogue.secret_references import MissingSecretError, resolve_secret
from catalogue.validation import validate
from wire.specs import ModelSpec, PanelSpec, ProviderSpec

CONFIGURATION_FILE = "conclave.yaml"


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What one configuration file says. Immutable: a change of the file is a new catalogue.

    `content_hash` is of the file's bytes, so replicas that read the same file agree on it.
    """

    path: Path
    content_hash: str
    providers: Mapping[str, ProviderSpec]
    models: Mapping[str, ModelSpec]
    panels: Mapping[str, PanelSpec]
    names: Mapping[str, Entry]
    listing: tuple[PublicName, ...]
    warnings: tuple[Problem, ...] = ()

    def resolve(self, name: str) -> Entry | None:
        """What a client means by `name`, aliases included."""
        return self.names.get(name)

    def public_names(self) -> tuple[PublicName, ...]:
        """Everything a client may ask for: panels, then models, each with its aliases."""
        return self.listing


def load_catalogue(
    path: Path, *, environ: Mapping[str, str] | None = None, require_secrets: bool = False
) -> Catalogue:
    """Load a configuration file, or the `conclave.yaml` of a folder.

    With `environ`, secrets that cannot be found are warnings, or errors if `require_secrets`.

    Raises:
        ConfigurationError: with every problem found.
    """
    file = configuration_file(path)
    return parse_catalogue(
        read_configuration(file), file, environ=environ, require_secrets=require_secrets
    )


def configuration_file(path: Path) -> Path:
    """The file itself; a folder stands for the `conclave.yaml` in it."""
    try:
        return path / CONFIGURATION_FILE if path.is_dir() else path
    except OSError:
        return path  # reading it tells what is wrong


def read_configuration(file: Path) -> bytes:
    """The file's bytes, at most one more than is allowed.

    Raises:
        ConfigurationError: not there, not a regular file, or not readable.
    """
    try:
        # Checked before it is opened: opening a named pipe would wait for a writer.
        if not stat.S_ISREG(file.stat().st_mode):
            raise _unreadable(file, "is not a regular file", "name a YAML file or its folder")
        with file.open("rb") as stream:
            return stream.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError:
        raise _unreadable(file, "does not exist", "create it, or correct the path") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "bad path"
        raise _unreadable(file, f"cannot be read: {reason}", "correct the path or mode") from None


def parse_catalogue(
    data: bytes,
    file: Path,
    *,
    environ: Mapping[str, str] | None = None,
    require_secrets: bool = False,
) -> Catalogue:
    """`load_catalogue` for bytes that were read already; `file` is for messages and paths.

    Raises:
        ConfigurationError: with every problem found.
    """
    document = read_document(data, str(file))
    records, problems = validate(document)
    problems += document.problems
    problems += check_references(document, records)
    if problems:
        raise ConfigurationError(problems)
    catalogue = _resolved(data, file, document, records)
    unset = list(_missing_secrets(document, catalogue, environ)) if environ is not None else []
    if unset and require_secrets:
        raise ConfigurationError(unset)
    return replace(catalogue, warnings=tuple(sorted((*catalogue.warnings, *unset))))


def _resolved(
    data: bytes, file: Path, document: Document, records: ConfigurationRecord
) -> Catalogue:
    providers = resolve_providers(records, file.parent.absolute())
    models = resolve_models(records, providers)
    panels = resolve_panels(records, models)
    entries = _entries(records, models, panels)
    listing = tuple(name for entry in entries for name in entry.public_names())
    return Catalogue(
        path=file,
        content_hash=hashlib.sha256(data).hexdigest(),
        providers=providers,
        models=models,
        panels=panels,
        names={name.id: entry for entry in entries for name in entry.public_names()},
        listing=listing,
        warnings=tuple(sorted(warnings(document, records))),
    )


def _entries(
    records: ConfigurationRecord,
    models: Mapping[str, ModelSpec],
    panels: Mapping[str, PanelSpec],
) -> list[Entry]:
    of_panels = [
        PanelEntry(panels[name], record.created, tuple(record.aliases))
        for name, record in records.panels.items()
    ]
    of_models = [
        ModelEntry(models[name], record.created, tuple(record.aliases))
        for name, record in records.models.items()
    ]
    return [*of_panels, *of_models]


def _missing_secrets(
    document: Document, catalogue: Catalogue, environ: Mapping[str, str]
) -> Iterator[Problem]:
    for name, provider in catalogue.providers.items():
        if provider.api_key is None:
            continue
        try:
            resolve_secret(provider.api_key, environ, provider=name)
        except MissingSecretError as error:
            yield document.problem(
                ("providers", name, "api_key"), f"no usable key in {error.place}", error.remedy
            )


def _unreadable(file: Path, message: str, fix: str) -> ConfigurationError:
    return ConfigurationError([Problem(str(file), 0, 0, "", message, fix)])
