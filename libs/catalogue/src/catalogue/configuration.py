"""The catalogue: one configuration, checked and resolved, and the door that loads it."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from catalogue.auxiliary import AuxiliaryRule, RequestFacts
from catalogue.discovery import DiscoveredModels, Discovery, discovered_models
from catalogue.document import Document, read_document
from catalogue.files import configuration_file, read_configuration
from catalogue.lint import warnings
from catalogue.massgen.folder import FolderContent, read_folder
from catalogue.massgen.importing import ImportedFile, import_folder
from catalogue.massgen.providers import Providers
from catalogue.names import Entry, ModelEntry, PanelEntry, PublicName
from catalogue.problems import ConfigurationError, Problem
from catalogue.records import DEFAULT_CREATED_UNIX_S, ConfigurationRecord
from catalogue.references import check_references
from catalogue.resolution import (
    bare_model,
    resolve_auxiliary,
    resolve_discoveries,
    resolve_models,
    resolve_panels,
    resolve_providers,
)
from catalogue.secret_references import MissingSecretError, resolve_secret
from catalogue.validation import validate
from wire.specs import ModelSpec, PanelSpec, ProviderSpec


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What one configuration says. Immutable: a change of its files is a new catalogue.

    `content_hash` is of the files' bytes, so replicas that read the same files agree on it.
    `imports` are MassGen's files, `warnings` what all files hold that is probably not meant, a
    refused import among it. `discovery` says which providers list their models, `discovered` holds
    those found so far.
    """

    path: Path
    content_hash: str
    providers: Mapping[str, ProviderSpec]
    models: Mapping[str, ModelSpec]
    panels: Mapping[str, PanelSpec]
    names: Mapping[str, Entry]
    listing: tuple[PublicName, ...]
    warnings: tuple[Problem, ...] = ()
    imports: tuple[ImportedFile, ...] = ()
    import_folder: Path | None = None
    auxiliary: AuxiliaryRule | None = None
    discovery: Mapping[str, Discovery] = field(default_factory=dict[str, Discovery])
    discovered: Mapping[str, DiscoveredModels] = field(default_factory=dict[str, DiscoveredModels])

    def resolve(self, name: str) -> Entry | None:
        """What a client means by `name`, aliases included."""
        return self.names.get(name)

    def public_names(self) -> tuple[PublicName, ...]:
        """Everything a client may ask for: panels, then models, each with its aliases."""
        return self.listing

    def auxiliary_model(self, panel: str, request: RequestFacts) -> ModelSpec | None:
        """The model that answers a small request instead of `panel`, the panel's own name."""
        rule = self.auxiliary
        if rule is None or not rule.covers(panel) or not rule.matches(request):
            return None
        return rule.model


def with_discovered(catalogue: Catalogue, provider: str, model_ids: Iterable[str]) -> Catalogue:
    """The catalogue that also offers what `provider` lists, as `provider/model`.

    Replaces what was discovered of it before. Names that the configuration declares stay as they
    are. Unchanged when the configuration does not say `discover: true` of that provider.
    """
    discovery = catalogue.discovery.get(provider)
    if discovery is None:
        return catalogue
    found = discovered_models(
        catalogue.providers[provider],
        discovery,
        model_ids,
        bare=bare_model(provider, catalogue.providers[provider], provider),
        declared=catalogue.models.values(),
    )
    return _offering(catalogue, {**catalogue.discovered, provider: found})


def _offering(catalogue: Catalogue, discovered: Mapping[str, DiscoveredModels]) -> Catalogue:
    """The catalogue with exactly these discovered models."""
    before = {name for found in catalogue.discovered.values() for name in found.models}
    names = {id_: entry for id_, entry in catalogue.names.items() if id_ not in before}
    listing = [name for name in catalogue.listing if name.id not in before]
    for found in discovered.values():
        for name, spec in found.models.items():
            if name not in names:
                entry = ModelEntry(spec, DEFAULT_CREATED_UNIX_S)
                names[name] = entry
                listing += entry.public_names()
    return replace(catalogue, names=names, listing=tuple(listing), discovered=discovered)


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
    imports = _import_content(document, file, records)
    catalogue = _resolved(data, file, document, records, imports)
    unset = list(_missing_secrets(document, catalogue, environ)) if environ is not None else []
    if unset and require_secrets:
        raise ConfigurationError(unset)
    return replace(catalogue, warnings=(*sorted(unset), *catalogue.warnings))


def _import_content(document: Document, file: Path, records: ConfigurationRecord) -> FolderContent:
    """What the MassGen folder holds; nothing without one.

    Raises:
        ConfigurationError: the folder is not there.
    """
    folder = _import_folder(file, records)
    if folder is None:
        return FolderContent()
    if not folder.is_dir():
        message = f"there is no folder {folder}"
        fix = "create it, or correct the path"
        raise ConfigurationError([document.problem(("massgen", "folder"), message, fix)])
    return read_folder(folder)


def _import_folder(file: Path, records: ConfigurationRecord) -> Path | None:
    return file.parent.absolute() / records.massgen.folder if records.massgen else None


def _resolved(
    data: bytes,
    file: Path,
    document: Document,
    records: ConfigurationRecord,
    content: FolderContent,
) -> Catalogue:
    providers = resolve_providers(records, file.parent.absolute())
    models = resolve_models(records, providers)
    panels = resolve_panels(records, models)
    entries = _entries(records, models, panels)
    imports = _imports(records, content, providers, models, entries)
    imported = {i.name: i.panel for i in imports if i.panel is not None}
    entries += [PanelEntry(panel, DEFAULT_CREATED_UNIX_S) for panel in imported.values()]
    findings = [finding for file_ in imports for finding in file_.findings()]
    return Catalogue(
        path=file,
        content_hash=_content_hash(data, content),
        providers=providers,
        models=models,
        panels={**panels, **imported},
        names={name.id: entry for entry in entries for name in entry.public_names()},
        listing=tuple(name for entry in entries for name in entry.public_names()),
        warnings=(*sorted(warnings(document, records)), *findings),
        imports=imports,
        import_folder=_import_folder(file, records),
        auxiliary=resolve_auxiliary(records.routing.auxiliary, models),
        discovery=resolve_discoveries(records),
    )


def _imports(
    records: ConfigurationRecord,
    content: FolderContent,
    providers: Mapping[str, ProviderSpec],
    models: Mapping[str, ModelSpec],
    entries: list[Entry],
) -> tuple[ImportedFile, ...]:
    if records.massgen is None:
        return ()
    taken = {name.id for entry in entries for name in entry.public_names()}
    return import_folder(content, Providers(records.massgen, providers, models), taken)


def _content_hash(data: bytes, content: FolderContent) -> str:
    """Of the configuration's own bytes; of all files together when there are more."""
    digest = hashlib.sha256(data)
    for file in content.files:
        digest.update(f"\0{file.name}\0{len(file.data)}\0".encode())
        digest.update(file.data)
    return digest.hexdigest()


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
