"""From records to the specs that travel with a run: every reference followed, every default set."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from catalogue.records import (
    OPENAI_BASE_URL,
    AgentRecord,
    ConfigurationRecord,
    ModelRecord,
    PanelRecord,
    ProviderRecord,
    SecretRecord,
)
from wire.specs import (
    AgentSpec,
    Capabilities,
    ModelSpec,
    PanelSpec,
    Prices,
    ProviderSpec,
    RunLimits,
    SecretReference,
)


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
            spec, fallbacks=tuple(bare[other] for other in _fallback_order(records, name))
        )
        for name, spec in bare.items()
    }


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
        base_url=record.base_url or OPENAI_BASE_URL,
        api_key=_secret(record.api_key, folder) if record.api_key else None,
        headers=record.headers,
        connect_timeout_s=record.connect_timeout_s,
        first_byte_timeout_s=record.first_byte_timeout_s,
        idle_timeout_s=record.idle_timeout_s,
        max_concurrency=record.max_concurrency,
        max_attempts=record.max_attempts,
        forward_traceparent=record.forward_traceparent,
    )


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
        capabilities=msgspec.convert(record.capabilities.model_dump(), Capabilities),
        prices=msgspec.convert(record.prices.model_dump(), Prices),
        dialects=tuple(record.dialects),
    )


def _agent(record: AgentRecord, models: Mapping[str, ModelSpec]) -> AgentSpec:
    return AgentSpec(
        agent_id=record.id,
        model=models[record.model],
        persona=record.persona,
        weight=record.weight,
        temperature=record.temperature,
        max_output_tokens=record.max_output_tokens,
    )


def _panel(name: str, record: PanelRecord, models: Mapping[str, ModelSpec]) -> PanelSpec:
    agents = tuple(_agent(agent, models) for agent in record.agents)
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
    )


def _default_lead(record: PanelRecord, agents: tuple[AgentSpec, ...]) -> str | None:
    if record.tools != "lead":
        return None
    able = (agent.agent_id for agent in agents if agent.model.capabilities.tools)
    return next(able, agents[0].agent_id)
