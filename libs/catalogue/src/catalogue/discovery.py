"""Models that a provider lists by itself, offered as `provider/model` beside the declared ones."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

import msgspec

from catalogue.record_fields import is_public_name
from wire.specs import ModelSpec, ProviderSpec

# What vendors list besides models that chat.
NOT_FOR_CHAT = (
    "*embed*",
    "*whisper*",
    "*transcribe*",
    "*tts*",
    "*audio*",
    "*realtime*",
    "*speech*",
    "*moderation*",
    "*rerank*",
    "*dall-e*",
    "*image*",
    "*imagen*",
    "*veo-*",
    "*sora*",
    "*babbage*",
    "*davinci*",
    "gpt-3.5-turbo-instruct*",
)
MAX_MODELS = 2000  # of one provider: its list is not ours


@dataclass(frozen=True, slots=True)
class Discovery:
    """What a provider's list is filtered by, and how often it is read."""

    include: tuple[str, ...] = ("*",)
    exclude: tuple[str, ...] = NOT_FOR_CHAT
    tool_capable: tuple[str, ...] = ("*",)
    only_tool_capable: bool = False
    refresh_s: float = 3600.0
    context_window_tokens: int = 128_000

    def calls_tools(self, model_id: str) -> bool:
        return _matches(model_id, self.tool_capable)

    def offers(self, model_id: str) -> bool:
        """Whether clients shall see it."""
        if self.only_tool_capable and not self.calls_tools(model_id):
            return False
        return _matches(model_id, self.include) and not _matches(model_id, self.exclude)


@dataclass(frozen=True, slots=True)
class DiscoveredModels:
    """Of one provider, by public name."""

    provider: str
    models: Mapping[str, ModelSpec] = field(default_factory=dict[str, ModelSpec])


def discovered_models(
    provider: ProviderSpec,
    discovery: Discovery,
    model_ids: Iterable[str],
    *,
    bare: ModelSpec,
    declared: Iterable[ModelSpec],
) -> DiscoveredModels:
    """Specs of what the vendor lists, in the order of their names.

    `bare` is a model of this provider with its kind's defaults. What the configuration `declared`
    about the same upstream model is true of the discovered one too.
    """
    known = {spec.upstream_model: spec for spec in declared if spec.provider == provider}
    found: dict[str, ModelSpec] = {}
    for model_id in sorted(set(model_ids)):
        name = f"{provider.name}/{model_id}"
        if len(found) < MAX_MODELS and discovery.offers(model_id) and is_public_name(name):
            spec = known.get(model_id) or _by_rule(bare, discovery, model_id)
            found[name] = msgspec.structs.replace(spec, name=name)
    return DiscoveredModels(provider.name, found)


def _by_rule(bare: ModelSpec, discovery: Discovery, model_id: str) -> ModelSpec:
    capabilities = msgspec.structs.replace(bare.capabilities, tools=discovery.calls_tools(model_id))
    return msgspec.structs.replace(
        bare,
        upstream_model=model_id,
        capabilities=capabilities,
        context_window_tokens=discovery.context_window_tokens,
    )


def _matches(model_id: str, patterns: Iterable[str]) -> bool:
    folded = model_id.casefold()
    return any(fnmatchcase(folded, pattern.casefold()) for pattern in patterns)
