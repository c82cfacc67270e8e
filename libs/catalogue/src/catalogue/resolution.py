"""From records to the specs that travel with a run: every reference followed, every default set."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from catalogue.auxiliary import AuxiliaryRule
from catalogue.discovery import Discovery
from catalogue.record_fields import AZURE_API_VERSION, EVERY_PANEL
from catalogue.records import (
    BASE_URLS,
    AgentRecord,
    AuxiliaryRecord,
    CapabilitiesRecord,
    CompactionRecord,
    ConfigurationRecord,
    DiscoveryRecord,
    ModelRecord,
    PanelRecord,
    ProviderRecord,
    SecretRecord,
)
from wire.specs import (
    AgentSpec,
    Capabilities,
    CompactionSpec,
    Dialect,
    ModelSpec,
    PanelSpec,
    Prices,
    ProviderSpec,
    RunLimits,
    SecretReference,
    Speed,
)

# What a kind's own defaults are where they differ from the record's; what is written counts.
_CAPABILITIES: dict[str, dict[str, bool]] = {
    "azure-openai": {"developer_role": True, "max_completion_tokens": True},
    "anthropic": {
        "structured_outputs": False,
        "logprobs": False,
        "seed": False,
        "multiple_choices": False,
        "late_system_messages": False,
    },
}


def resolve_providers(records: ConfigurationRecord, folder: Path) -> dict[str, ProviderSpec]:
    """`folder` is where a relative secret file starts: the configuration's own."""
    return {name: _provider(name, p, folder) for name, p in records.providers.items()}


def resolve_models(
    records: ConfigurationRecord, providers: Mapping[str, ProviderSpec]
) -> dict[str, ModelSpec]:
    """`providers` are the resolved ones of the same records."""
    bare = {
        name: _model(name, record, providers[record.provider])
        for name, record in records.models.items()
    }
    return {
        name: msgspec.structs.replace(
            spec,
            fallbacks=tuple(bare[other] for other in _fallback_order(records, name)),
            compaction=_compaction(records.models[name].compaction, bare),
        )
        for name, spec in bare.items()
    }


def resolve_discoveries(records: ConfigurationRecord) -> dict[str, Discovery]:
    """By provider, of those that discover their models."""
    return {
        name: _discovery(provider.discovery)
        for name, provider in records.providers.items()
        if provider.discover
    }


def resolve_auxiliary(
    record: AuxiliaryRecord | None, models: Mapping[str, ModelSpec]
) -> AuxiliaryRule | None:
    """`models` are the resolved ones of the same configuration."""
    if record is None:
        return None
    every = EVERY_PANEL in record.panels
    return AuxiliaryRule(
        model=models[record.model],
        panels=None if every else frozenset(record.panels),
        phrases=tuple(record.match.phrases),
        without_tools=record.match.without_tools,
        max_prompt_tokens=record.match.max_prompt_tokens,
        max_output_tokens=record.match.max_output_tokens,
    )


def bare_model(name: str, provider: ProviderSpec, upstream_model: str) -> ModelSpec:
    """A model of which nothing is written, with the defaults of its provider's kind."""
    record = ModelRecord(provider=provider.name, upstream_model=upstream_model)
    return _model(name, record, provider)


def default_dialects(kind: str) -> tuple[Dialect, ...]:
    """What providers of a kind speak unless something else is written."""
    return ("messages",) if kind == "anthropic" else ("chat",)


def resolve_panels(
    records: ConfigurationRecord, models: Mapping[str, ModelSpec]
) -> dict[str, PanelSpec]:
    """`models` are the resolved ones of the same records."""
    return {name: _panel(name, record, models) for name, record in records.panels.items()}


def _fallback_order(records: ConfigurationRecord, name: str) -> list[str]:
    """A model's own list first, then the lists of those it names; each model once.

    Flat, so that a spec stays small: followed as a tree, shared fallbacks would multiply.
    """
    order = {name: None}
    queue = [name]
    for model in queue:
        for fallback in records.models[model].fallbacks:
            if fallback not in order:
                order[fallback] = None
                queue.append(fallback)
    return [model for model in order if model != name]


def _provider(name: str, record: ProviderRecord, folder: Path) -> ProviderSpec:
    return ProviderSpec(
        name=name,
        kind=record.kind,
        base_url=record.base_url or BASE_URLS[record.kind],
        api_key=_secret(record.api_key, folder) if record.api_key else None,
        headers=record.headers,
        connect_timeout_s=record.connect_timeout_s,
        first_byte_timeout_s=record.first_byte_timeout_s,
        idle_timeout_s=record.idle_timeout_s,
        max_concurrency=record.max_concurrency,
        max_attempts=record.max_attempts,
        forward_traceparent=record.forward_traceparent,
        api_version=_api_version(record),
        usage_lookup=record.usage_lookup,
    )


def _api_version(record: ProviderRecord) -> str | None:
    azures = AZURE_API_VERSION if record.kind == "azure-openai" else None
    return record.api_version or azures


def _secret(record: SecretRecord, folder: Path) -> SecretReference:
    if record.file is None:
        return SecretReference(env=record.env)
    return SecretReference(file=str(folder / record.file))


def _model(name: str, record: ModelRecord, provider: ProviderSpec) -> ModelSpec:
    return ModelSpec(
        name=name,
        provider=provider,
        upstream_model=record.upstream_model or name,
        context_window_tokens=record.context_window_tokens,
        max_output_tokens=record.max_output_tokens,
        capabilities=_capabilities(record.capabilities, provider),
        prices=msgspec.convert(record.prices.model_dump(), Prices),
        dialects=(
            default_dialects(provider.kind) if record.dialects is None else tuple(record.dialects)
        ),
        speed=msgspec.convert(record.speed.model_dump(), Speed) if record.speed else None,
    )


def _capabilities(record: CapabilitiesRecord, provider: ProviderSpec) -> Capabilities:
    of_kind = _CAPABILITIES.get(provider.kind, {})
    return msgspec.convert(
        record.model_dump() | of_kind | record.model_dump(exclude_unset=True), Capabilities
    )


def _compaction(record: CompactionRecord, models: Mapping[str, ModelSpec]) -> CompactionSpec:
    """The summariser comes without compaction of its own: it is called, not compacted."""
    summariser = models[record.summariser] if record.summariser else None
    if summariser is not None:
        summariser = msgspec.structs.replace(summariser, compaction=CompactionSpec())
    return CompactionSpec(
        enabled=record.enabled,
        threshold_tokens=record.threshold_tokens,
        threshold_ratio=record.threshold_ratio,
        target_ratio=record.target_ratio,
        level=record.level,
        summariser=summariser,
    )


def _discovery(record: DiscoveryRecord) -> Discovery:
    return Discovery(
        include=tuple(record.include),
        exclude=tuple(record.exclude),
        tool_capable=tuple(record.tool_capable),
        only_tool_capable=record.only_tool_capable,
        refresh_s=record.refresh_s,
        context_window_tokens=record.context_window_tokens,
    )


def _seats(record: AgentRecord, models: Mapping[str, ModelSpec]) -> Iterator[AgentSpec]:
    for seat_id in record.seat_ids:
        yield AgentSpec(
            agent_id=seat_id,
            model=models[record.model],
            persona=record.persona,
            weight=record.weight,
            temperature=record.temperature,
            max_output_tokens=record.max_output_tokens,
            top_p=record.top_p,
            reasoning_effort=record.reasoning_effort,
            verbosity=record.verbosity,
        )


def _panel(name: str, record: PanelRecord, models: Mapping[str, ModelSpec]) -> PanelSpec:
    agents = tuple(seat for agent in record.agents for seat in _seats(agent, models))
    return PanelSpec(
        name=name,
        agents=agents,
        rule=record.rule,
        self_vote=record.self_vote,
        present=record.present,
        presenter=record.presenter,
        tools=record.tools,
        lead=record.lead or _default_lead(record, agents),
        max_rounds=record.max_rounds,
        quorum=record.quorum,
        grace=record.grace,
        hedge=record.hedge,
        borda_weight=record.borda_weight,
        early_stop=record.early_stop,
        max_answer_tokens=record.max_answer_tokens,
        progress=record.progress,
        usage_report=record.usage_report,
        limits=msgspec.convert(record.limits.model_dump(), RunLimits),
        voting_instruction=record.voting_instruction,
        weights=record.weights,
        task_class=record.task_class,
        compaction=_compaction(record.compaction, models),
    )


def _default_lead(record: PanelRecord, agents: tuple[AgentSpec, ...]) -> str | None:
    if record.tools != "lead":
        return None
    able = (agent.agent_id for agent in agents if agent.model.capabilities.tools)
    return next(able, agents[0].agent_id)
