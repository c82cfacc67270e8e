"""What is allowed and yet probably not meant."""

from collections.abc import Iterator

from catalogue.document import Document, Location
from catalogue.problems import Problem
from catalogue.records import ConfigurationRecord, ModelRecord, PanelRecord


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
        if name not in used:
            yield document.key_problem(
                ("providers", name), "no model uses this provider", "remove it, or add a model"
            )
        if provider.kind == "openai" and provider.api_key is None:
            yield document.key_problem(
                ("providers", name),
                "has no api_key, and OpenAI refuses calls without one",
                "add `api_key: {env: OPENAI_API_KEY}`",
            )


def _model_warnings(document: Document, records: ConfigurationRecord) -> Iterator[Problem]:
    for name, model in records.models.items():
        for index, fallback in enumerate(model.fallbacks):
            vectors = _upstream_model(records, name), _upstream_model(records, fallback)
            if model.only_embeds and vectors[0] != vectors[1]:
                yield document.problem(
                    ("models", name, "fallbacks", index),
                    "embeds with another model, whose vectors cannot be compared",
                    "name a model with the same upstream_model",
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
    seats = len(panel.agents)
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
