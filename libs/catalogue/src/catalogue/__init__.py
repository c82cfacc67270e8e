"""conclave.yaml: providers, models and panels, loaded, checked and watched."""

from catalogue.configuration import Catalogue, load_catalogue
from catalogue.embedded.rendering import EmbeddedKind, render_embedded
from catalogue.names import Entry, ModelEntry, PanelEntry, PublicName
from catalogue.problems import ConfigurationError, Problem, format_problems
from catalogue.secret_references import MissingSecretError, ProviderSecrets, resolve_secret
from catalogue.watcher import CatalogueWatcher

__all__ = [
    "Catalogue",
    "CatalogueWatcher",
    "ConfigurationError",
    "EmbeddedKind",
    "Entry",
    "MissingSecretError",
    "ModelEntry",
    "PanelEntry",
    "Problem",
    "ProviderSecrets",
    "PublicName",
    "format_problems",
    "load_catalogue",
    "render_embedded",
    "resolve_secret",
]
