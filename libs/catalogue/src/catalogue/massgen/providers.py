"""Which provider stands for a backend of MassGen's, and which model of ours for the one it names.

A file never decides where a call goes: its `base_url` only helps to choose among the providers that
the operator configured.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from catalogue.massgen.backend_types import BACKEND_TYPES, BackendType, host_of, type_of_host
from catalogue.record_fields import is_public_name
from catalogue.records import MassGenRecord
from catalogue.resolution import bare_model
from wire.specs import ModelSpec, ProviderSpec


@dataclass(frozen=True, slots=True)
class Chosen:
    """`by_default`: no provider stands for the type, and the operator named one for such types."""

    provider: ProviderSpec
    by_default: bool = False


class Providers:
    """The configured providers and models, as MassGen's files may refer to them."""

    def __init__(
        self,
        settings: MassGenRecord,
        providers: Mapping[str, ProviderSpec],
        models: Mapping[str, ModelSpec],
    ) -> None:
        self._settings = settings
        self._providers = providers
        self._models = models

    def choose(self, backend_type: str, base_url: str | None) -> Chosen | None:
        """The provider for a backend type; None where there is none."""
        found = next(self._candidates(backend_type, host_of(base_url)), None)
        if found is not None:
            return Chosen(found)
        default = self._providers.get(self._settings.default_provider or "")
        return Chosen(default, by_default=True) if default else None

    def default_model(self, backend_type: str) -> str | None:
        known = BACKEND_TYPES.get(backend_type)
        configured = self._settings.default_models.get(backend_type)
        return configured or (known.default_model if known else None)

    def model(self, provider: ProviderSpec, name: str) -> ModelSpec | None:
        """A declared model of that provider, else one made up of its name; None: no usable name."""
        of_provider = [m for m in self._models.values() if m.provider.name == provider.name]
        for model in of_provider:
            if name in {model.upstream_model, model.name}:
                return model
        own_name = f"{provider.name}/{name}"
        return bare_model(own_name, provider, name) if is_public_name(own_name) else None

    def _candidates(self, backend_type: str, host: str | None) -> Iterator[ProviderSpec]:
        known = BACKEND_TYPES.get(backend_type, BackendType((backend_type,)))
        if known.generic and host is not None:
            yield from self._at_host(host)
            if of_host := type_of_host(host):
                yield from self._of_type(of_host, BACKEND_TYPES[of_host])
        yield from self._of_type(backend_type, known)

    def _of_type(self, name: str, known: BackendType) -> Iterator[ProviderSpec]:
        """The operator's table, then names, then addresses, then the kind."""
        own = self._settings.providers.get(name, "")
        names = (own, name, name.replace("_", "-"), *known.names)
        yield from (self._providers[wanted] for wanted in names if wanted in self._providers)
        for host in known.hosts:
            yield from self._at_host(host)
        if known.kind is not None:
            yield from (p for p in self._providers.values() if p.kind == known.kind)

    def _at_host(self, host: str) -> Iterator[ProviderSpec]:
        yield from (p for p in self._providers.values() if host_of(p.base_url) == host)
