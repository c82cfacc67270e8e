"""conclave.yaml: providers, models and panels, loaded, checked and watched."""

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
