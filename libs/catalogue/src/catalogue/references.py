"""What one entry says about another: names, references, circles, and numbers that must fit."""

from collections.abc import Iterator
from dataclasses import dataclass

from catalogue.document import Document, Location
from catalogue.problems import Problem
from catalogue.record_fields import EVERY_PANEL
from catalogue.records import (
    MAX_SEATS,
    AgentRecord,
    CompactionRecord,
    ConfigurationRecord,
    ModelRecord,
    PanelRecord,
)
from catalogue.resolution import default_dialects
from catalogue.validation import suggestion
from wire.specs import Dialect

MASSGEN_PREFIX = "massgen/"
_COMPACT_THEMSELVES = frozenset({"openai", "azure-openai"})


@dataclass(frozen=True, slots=True)
class _Scene:
    """The file, and its entries as far as they are usable by themselves."""

    document: Document
    records: ConfigurationRecord

    def knows(self, section: str, name: str) -> bool:
        """Whether the file declares it, usable or not: one mistake is reported once."""
        return name in self.document.names(section)

    def kind_of(self, model: ModelRecord) -> str | None:
        """Of its provider; None where that is unknown or unusable."""
        provider = self.records.providers.get(model.provider)
        return provider.kind if provider else None

    def dialects_of(self, model: ModelRecord) -> tuple[Dialect, ...]:
        if model.dialects is not None:
            return tuple(model.dialects)
        return default_dialects(self.kind_of(model) or "")


def check_references(document: Document, records: ConfigurationRecord) -> list[Problem]:
    """Every contradiction between entries of the file."""
    scene = _Scene(document, records)
    problems = [*_no_models(scene), *_name_collisions(scene), *_fallback_circles(scene)]
    for name, model in records.models.items():
        problems += _model_problems(scene, name, model)
    for name, panel in records.panels.items():
        problems += _panel_problems(scene, name, panel)
    return [*problems, *_routing_problems(scene), *_massgen_problems(scene)]


def _no_models(scene: _Scene) -> Iterator[Problem]:
    value = scene.document.value
    declared = value.get("models", ...) if isinstance(value, dict) else ...
    discovers = any(provider.discover for provider in scene.records.providers.values())
    if discovers or (isinstance(value, dict) and "massgen" in value):
        return
    if declared is ...:
        yield scene.document.problem(("models",), "is required", "add `models: ...`")
    elif declared == {}:
        yield scene.document.problem(("models",), "is empty", "add at least 1")


def _name_collisions(scene: _Scene) -> Iterator[Problem]:
    """Models, panels and aliases share one set of names."""
    owner: dict[str, str] = {name: f"model {name!r}" for name in scene.document.names("models")}
    for name in scene.document.names("panels"):
        if name in owner:
            message = f"is the name of {owner[name]} too"
            yield scene.document.key_problem(("panels", name), message, "rename one of them")
        owner.setdefault(name, f"panel {name!r}")
    for location, alias, holder in _aliases(scene.records):
        if alias in owner:
            message = f"the alias {alias!r} already belongs to {owner[alias]}"
            yield scene.document.problem(location, message, "choose another alias")
        owner.setdefault(alias, holder)


def _aliases(records: ConfigurationRecord) -> Iterator[tuple[Location, str, str]]:
    for name, model in records.models.items():
        for index, alias in enumerate(model.aliases):
            yield ("models", name, "aliases", index), alias, f"model {name!r}"
    for name, panel in records.panels.items():
        for index, alias in enumerate(panel.aliases):
            yield ("panels", name, "aliases", index), alias, f"panel {name!r}"


def _model_problems(scene: _Scene, name: str, model: ModelRecord) -> Iterator[Problem]:
    at: Location = ("models", name)
    if not scene.knows("providers", model.provider):
        yield _unknown_provider(scene, (*at, "provider"), model.provider)
    if model.max_output_tokens and model.max_output_tokens > model.context_window_tokens:
        yield scene.document.problem(
            (*at, "max_output_tokens"),
            f"is larger than the context window of {model.context_window_tokens} tokens",
            "lower it, or correct context_window_tokens",
        )
    for index, fallback in enumerate(model.fallbacks):
        yield from _fallback_problems(scene, (*at, "fallbacks", index), model, fallback)
    yield from _dialect_problems(scene, at, model)
    kinds = {scene.kind_of(model)}
    window = model.context_window_tokens
    yield from _compaction_problems(scene, (*at, "compaction"), model.compaction, kinds, window)


def _unknown_provider(scene: _Scene, at: Location, name: str) -> Problem:
    known = scene.document.names("providers")
    fix = suggestion(name, known, noun="a provider")
    return scene.document.problem(at, f"there is no provider {name!r}", fix)


def _dialect_problems(scene: _Scene, at: Location, model: ModelRecord) -> Iterator[Problem]:
    kind = scene.kind_of(model)
    if kind is None or model.dialects is None:
        return
    for index, dialect in enumerate(model.dialects):
        if (dialect == "messages") != (kind == "anthropic"):
            yield scene.document.problem(
                (*at, "dialects", index),
                f"is not spoken by providers of kind {kind}",
                f"write [{', '.join(default_dialects(kind))}], or leave `dialects` out",
            )


def _compaction_problems(
    scene: _Scene,
    at: Location,
    compaction: CompactionRecord,
    kinds: set[str | None],
    window_tokens: int | None,
) -> Iterator[Problem]:
    """`kinds`: of the providers whose models the conversation is for."""
    threshold = compaction.threshold_tokens
    if threshold is not None and window_tokens is not None and threshold > window_tokens:
        yield scene.document.problem(
            (*at, "threshold_tokens"),
            f"is larger than the context window of {window_tokens} tokens",
            "lower it, or write threshold_ratio",
        )
    strangers = kinds - _COMPACT_THEMSELVES - {None}
    if compaction.level == "native" and strangers:
        yield scene.document.problem(
            (*at, "level"),
            f"providers of kind {', '.join(sorted(filter(None, strangers)))} cannot compact",
            "write auto, summary or extractive",
        )
    if compaction.summariser is not None:
        yield from _single_model_problems(
            scene, (*at, "summariser"), compaction.summariser, "a summariser is a model"
        )


def _single_model_problems(scene: _Scene, at: Location, name: str, why: str) -> Iterator[Problem]:
    """`name` must be a model that answers, never a panel; `why` says so."""
    if scene.knows("panels", name) or name.startswith(MASSGEN_PREFIX):
        message = f"{name!r} is a panel"
        yield scene.document.problem(at, message, f"name a model; {why}, never a panel")
    elif not scene.knows("models", name):
        yield _unknown_model(scene, at, name)
    elif (model := scene.records.models.get(name)) and model.only_embeds:
        message = f"{name!r} only embeds"
        yield scene.document.problem(at, message, "name a model that answers")


def _fallback_problems(
    scene: _Scene, at: Location, model: ModelRecord, fallback: str
) -> Iterator[Problem]:
    if not scene.knows("models", fallback):
        yield _unknown_model(scene, at, fallback)
        return
    other = scene.records.models.get(fallback)
    if other is None:
        return
    if model.only_embeds:
        if not other.capabilities.embeddings:
            yield scene.document.problem(
                at, f"{fallback!r} has no embeddings", "remove it, or name a model that has"
            )
    elif not set(scene.dialects_of(model)) & set(scene.dialects_of(other)):
        yield scene.document.problem(
            at,
            f"{fallback!r} speaks none of {', '.join(scene.dialects_of(model))}",
            "name a model that shares a dialect",
        )


def _unknown_model(scene: _Scene, at: Location, name: str) -> Problem:
    if scene.knows("panels", name):
        return scene.document.problem(
            at, f"{name!r} is a panel", "name a model; panels do not nest"
        )
    for _, alias, holder in _aliases(scene.records):
        if alias == name:
            return scene.document.problem(
                at, f"{name!r} is an alias of {holder}", "write the name itself"
            )
    fix = suggestion(name, scene.document.names("models"), noun="a model")
    return scene.document.problem(at, f"there is no model {name!r}", fix)


def _fallback_circles(scene: _Scene) -> Iterator[Problem]:
    """Each circle once, at the reference that closes it."""
    done: set[str] = set()
    for start in scene.records.models:
        yield from _circles_from(scene, start, done)


def _circles_from(scene: _Scene, start: str, done: set[str]) -> Iterator[Problem]:
    """Depth first without recursion: a chain may be as long as the file."""
    if start in done:
        return
    done.add(start)
    path = {start: None}  # a dict: ordered, and quick to ask
    pending = [enumerate(scene.records.models[start].fallbacks)]
    while pending:
        step = next(pending[-1], None)
        if step is None:
            pending.pop()
            path.popitem()
            continue
        index, name = step
        if name in path:
            yield _circle(scene, [*path], index, name)
        elif name in scene.records.models and name not in done:
            done.add(name)
            path[name] = None
            pending.append(enumerate(scene.records.models[name].fallbacks))


def _circle(scene: _Scene, path: list[str], index: int, name: str) -> Problem:
    shown = " -> ".join([*path[path.index(name) :], name])
    return scene.document.problem(
        ("models", path[-1], "fallbacks", index),
        f"the fallbacks go in a circle: {shown}",
        "remove one of them",
    )


def _panel_problems(scene: _Scene, name: str, panel: PanelRecord) -> Iterator[Problem]:
    at: Location = ("panels", name)
    seats = len(panel.seats)
    yield from _agent_problems(scene, at, panel)
    yield from _seat_count_problems(scene, at, seats)
    yield from _role_problems(scene, at, panel)
    if panel.quorum is not None and panel.quorum > seats:
        yield scene.document.problem(
            (*at, "quorum"), f"is larger than the {seats} agents", f"write at most {seats}"
        )
    if panel.limits.max_calls < seats:
        yield scene.document.problem(
            (*at, "limits", "max_calls"),
            f"does not even let the {seats} agents answer once",
            f"write at least {seats}; a ballot takes as many again",
        )
    models = _models_of(scene, panel)
    kinds = {scene.kind_of(model) for model in models}
    window = min((model.context_window_tokens for model in models), default=None)
    yield from _compaction_problems(scene, (*at, "compaction"), panel.compaction, kinds, window)


def _models_of(scene: _Scene, panel: PanelRecord) -> list[ModelRecord]:
    found = (scene.records.models.get(agent.model) for agent in panel.agents)
    return [model for model in found if model is not None]


def _seat_count_problems(scene: _Scene, at: Location, seats: int) -> Iterator[Problem]:
    if seats > MAX_SEATS:
        yield scene.document.problem(
            (*at, "agents"), f"has {seats} seats", f"keep at most {MAX_SEATS}, samples included"
        )


def _agent_problems(scene: _Scene, at: Location, panel: PanelRecord) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, agent in enumerate(panel.agents):
        here = (*at, "agents", index)
        twice = next((seat_id for seat_id in agent.seat_ids if seat_id in seen), None)
        if twice is not None:
            yield scene.document.problem(
                (*here, "id"), f"there are two agents {twice!r}", "give each its own id"
            )
        seen.update(agent.seat_ids)
        if not scene.knows("models", agent.model):
            yield _unknown_model(scene, (*here, "model"), agent.model)
        elif model := scene.records.models.get(agent.model):
            yield from _seat_problems(scene, here, agent, model)


def _seat_problems(
    scene: _Scene, here: Location, agent: AgentRecord, model: ModelRecord
) -> Iterator[Problem]:
    if model.only_embeds:
        yield scene.document.problem(
            (*here, "model"), f"{agent.model!r} only embeds", "name a model that answers"
        )
    wanted, most = agent.max_output_tokens, model.max_output_tokens
    if wanted is not None and most is not None and wanted > most:
        yield scene.document.problem(
            (*here, "max_output_tokens"),
            f"is more than {agent.model!r} can write, {most} tokens",
            f"write at most {most}",
        )


def _role_problems(scene: _Scene, at: Location, panel: PanelRecord) -> Iterator[Problem]:
    agents = dict(panel.seats)
    for role, holder in (("presenter", panel.presenter), ("lead", panel.lead)):
        if holder is not None and holder not in agents:
            yield scene.document.problem(
                (*at, role),
                f"there is no agent {holder!r} in this panel",
                suggestion(holder, agents, noun="an agent"),
            )
    if panel.tools == "lead" and panel.lead in agents:
        model = scene.records.models.get(agents[panel.lead].model)
        if model is not None and not model.capabilities.tools:
            yield scene.document.problem(
                (*at, "lead"),
                f"the model of {panel.lead!r} cannot call tools",
                "name an agent whose model can, or write `tools: off`",
            )


def _routing_problems(scene: _Scene) -> Iterator[Problem]:
    auxiliary = scene.records.routing.auxiliary
    if auxiliary is None:
        return
    at: Location = ("routing", "auxiliary")
    yield from _single_model_problems(
        scene, (*at, "model"), auxiliary.model, "small requests go to a model"
    )
    for index, name in enumerate(auxiliary.panels):
        # MassGen's files are read later, and come and go.
        declared = scene.knows("panels", name) or name.startswith(MASSGEN_PREFIX)
        if not declared and name != EVERY_PANEL:
            known = scene.document.names("panels")
            yield scene.document.problem(
                (*at, "panels", index),
                f"there is no panel {name!r}",
                suggestion(name, [*known, EVERY_PANEL], noun="a panel"),
            )


def _massgen_problems(scene: _Scene) -> Iterator[Problem]:
    massgen = scene.records.massgen
    if massgen is None:
        return
    for backend_type, provider in massgen.providers.items():
        if not scene.knows("providers", provider):
            yield _unknown_provider(scene, ("massgen", "providers", backend_type), provider)
    if massgen.default_provider and not scene.knows("providers", massgen.default_provider):
        at: Location = ("massgen", "default_provider")
        yield _unknown_provider(scene, at, massgen.default_provider)
