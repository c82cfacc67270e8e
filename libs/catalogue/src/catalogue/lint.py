"""What is allowed and yet probably not meant."""

from collections.abc import Iterator

from catalogue.document import Document, Location
from catalogue.problems import Problem
from catalogue.records import (
    CompactionRecord,
    ConfigurationRecord,
    ModelRecord,
    PanelRecord,
    ProviderRecord,
)

_NEED_A_KEY = {"openai": "OpenAI", "azure-openai": "Azure", "anthropic": "Anthropic"}


def warnings(document: Document, records: ConfigurationRecord) -> list[Problem]:
    """Findings about a configuration that is valid. `records` must have passed all checks."""
    return [
        *_provider_warnings(document, records),
        *_model_warnings(document, records),
        *_panel_warnings(document, records),
    ]


def _provider_warnings(document: Document, records: ConfigurationRecord) -> Iterator[Problem]:
    used = {model.provider for model in records.models.values()}
    for name, provider in records.providers.items():
        # MassGen's files may use any of them.
        if name not in used and not provider.discover and records.massgen is None:
            yield document.key_problem(
                ("providers", name), "no model uses this provider", "remove it, or add a model"
            )
        yield from _suspicious_provider(document, name, provider)


def _suspicious_provider(
    document: Document, name: str, provider: ProviderRecord
) -> Iterator[Problem]:
    vendor = _NEED_A_KEY.get(provider.kind)
    if vendor is not None and provider.api_key is None:
        variable = f"{vendor.upper()}_API_KEY"
        yield document.key_problem(
            ("providers", name),
            f"has no api_key, and {vendor} refuses calls without one",
            f"add `api_key: {{env: {variable}}}`",
        )
    if "discovery" in provider.model_fields_set and not provider.discover:
        yield document.key_problem(
            ("providers", name, "discovery"),
            "does nothing without `discover: true`",
            "add that, or remove it",
        )


def _model_warnings(document: Document, records: ConfigurationRecord) -> Iterator[Problem]:
    for name, model in records.models.items():
        yield from _half_priced(document, ("models", name, "prices"), model)
        yield from _idle_summariser(document, ("models", name, "compaction"), model.compaction)
        for index, fallback in enumerate(model.fallbacks):
            vectors = _upstream_model(records, name), _upstream_model(records, fallback)
            if model.only_embeds and vectors[0] != vectors[1]:
                yield document.problem(
                    ("models", name, "fallbacks", index),
                    "embeds with another model, whose vectors cannot be compared",
                    "name a model with the same upstream_model",
                )


def _half_priced(document: Document, at: Location, model: ModelRecord) -> Iterator[Problem]:
    prices = model.prices
    known = prices.model_dump(exclude_none=True)
    needed = {"input_usd_per_mtok"}
    if not model.only_embeds:
        needed.add("output_usd_per_mtok")
    missing = sorted(needed - set(known))
    if known and missing:
        yield document.problem(
            at,
            f"lacks {' and '.join(missing)}, so that the cost of calls stays unknown",
            "add it, or remove the other prices",
        )


def _idle_summariser(
    document: Document, at: Location, compaction: CompactionRecord
) -> Iterator[Problem]:
    if compaction.summariser is not None and compaction.level in {"native", "extractive"}:
        yield document.problem(
            (*at, "summariser"), f"does nothing with `level: {compaction.level}`", "remove it"
        )


def _upstream_model(records: ConfigurationRecord, name: str) -> str:
    return records.models[name].upstream_model or name


def _panel_warnings(document: Document, records: ConfigurationRecord) -> Iterator[Problem]:
    for name, panel in records.panels.items():
        at: Location = ("panels", name)
        models = [records.models[agent.model] for agent in panel.agents]
        yield from _idle_roles(document, at, panel)
        yield from _tight_limits(document, at, panel)
        yield from _missing_abilities(document, at, panel, models)
        yield from _idle_summariser(document, (*at, "compaction"), panel.compaction)
        yield from _equal_samples(document, at, panel)


def _equal_samples(document: Document, at: Location, panel: PanelRecord) -> Iterator[Problem]:
    for index, agent in enumerate(panel.agents):
        if agent.samples > 1 and agent.temperature == 0:
            yield document.problem(
                (*at, "agents", index, "temperature"),
                f"makes the {agent.samples} samples nearly the same",
                "raise it, e.g. to 0.8",
            )


def _idle_roles(document: Document, at: Location, panel: PanelRecord) -> Iterator[Problem]:
    if panel.presenter is not None and panel.present == "verbatim":
        yield document.problem(
            (*at, "presenter"),
            "does nothing: the winner's text is delivered as it is",
            "remove it, or write `present: polish` or `present: synthesise`",
        )
    if panel.lead is not None and panel.tools != "lead":
        yield document.problem(
            (*at, "lead"), f"does nothing with `tools: {panel.tools}`", "remove it"
        )


def _tight_limits(document: Document, at: Location, panel: PanelRecord) -> Iterator[Problem]:
    seats = len(panel.seats)
    if seats > 1 and panel.limits.max_calls < 2 * seats:
        yield document.problem(
            (*at, "limits", "max_calls"),
            "leaves no room for a ballot after the answers",
            f"write at least {2 * seats}",
        )


def _missing_abilities(
    document: Document, at: Location, panel: PanelRecord, models: list[ModelRecord]
) -> Iterator[Problem]:
    if panel.tools == "lead" and not any(model.capabilities.tools for model in models):
        yield document.problem(
            (*at, "tools"), "no agent's model can call tools", "write `tools: off`"
        )
    unpriced = [model for model in models if not _priced(model)]
    if panel.limits.max_usd is not None and unpriced:
        yield document.problem(
            (*at, "limits", "max_usd"),
            "cannot be enforced for agents whose model has no prices",
            "add input_usd_per_mtok and output_usd_per_mtok to their `prices`",
        )


def _priced(model: ModelRecord) -> bool:
    return None not in (model.prices.input_usd_per_mtok, model.prices.output_usd_per_mtok)
