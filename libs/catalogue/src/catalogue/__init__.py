"""conclave.yaml: providers, models and panels, loaded, checked and watched.

Names are loaded when they are first used: who only reads a provider's key must not pay for the
loader's record types, some 3 MB and a quarter of a second.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from catalogue.auxiliary import AuxiliaryRule, RequestFacts
    from catalogue.configuration import Catalogue, load_catalogue, with_discovered
    from catalogue.discovery import Discovery
    from catalogue.embedded.rendering import EmbeddedKind, render_embedded
    from catalogue.estimates import PanelEstimate, estimate_panel
    from catalogue.massgen.importing import ImportedFile
    from catalogue.names import Entry, ModelEntry, PanelEntry, PublicName
    from catalogue.problems import ConfigurationError, Problem, format_problems
    from catalogue.secret_references import MissingSecretError, ProviderSecrets, resolve_secret
    from catalogue.watcher import CatalogueWatcher

__all__ = [
    "AuxiliaryRule",
    "Catalogue",
    "CatalogueWatcher",
    "ConfigurationError",
    "Discovery",
    "EmbeddedKind",
    "Entry",
    "ImportedFile",
    "MissingSecretError",
    "ModelEntry",
    "PanelEntry",
    "PanelEstimate",
    "Problem",
    "ProviderSecrets",
    "PublicName",
    "RequestFacts",
    "estimate_panel",
    "format_problems",
    "load_catalogue",
    "render_embedded",
    "resolve_secret",
    "with_discovered",
]

_HOMES = {
    "AuxiliaryRule": "catalogue.auxiliary",
    "RequestFacts": "catalogue.auxiliary",
    "Catalogue": "catalogue.configuration",
    "load_catalogue": "catalogue.configuration",
    "with_discovered": "catalogue.configuration",
    "Discovery": "catalogue.discovery",
    "EmbeddedKind": "catalogue.embedded.rendering",
    "render_embedded": "catalogue.embedded.rendering",
    "PanelEstimate": "catalogue.estimates",
    "estimate_panel": "catalogue.estimates",
    "ImportedFile": "catalogue.massgen.importing",
    "Entry": "catalogue.names",
    "ModelEntry": "catalogue.names",
    "PanelEntry": "catalogue.names",
    "PublicName": "catalogue.names",
    "ConfigurationError": "catalogue.problems",
    "Problem": "catalogue.problems",
    "format_problems": "catalogue.problems",
    "MissingSecretError": "catalogue.secret_references",
    "ProviderSecrets": "catalogue.secret_references",
    "resolve_secret": "catalogue.secret_references",
    "CatalogueWatcher": "catalogue.watcher",
}


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'catalogue' has no attribute {name!r}")
    return getattr(import_module(home), name)
