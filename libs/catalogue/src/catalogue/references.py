"""What one entry says about another: names, references, circles, and numbers that must fit."""

from collections.abc import Iterator
from dataclasses import dataclass

from catalogue.document import Document, Location
from catalogue.problems import Problem
from catalogue.records import AgentRecord, ConfigurationRecord, ModelRecord, PanelRecord
from catalogue.validation import suggestion


@dataclass(frozen=True, slots=True)
class _Scene:
    """The file, and its entries as far as they are usable by themselves."""

    document: Document
    records: ConfigurationRecord

    def knows(self, section: str, name: str) -> bool:
        """Whether the file declares it, usable or not: one mistake is reported once."""
        return name in self.document.names(section)


def check_references(document: Document, records: ConfigurationRecord) -> list[Problem]:
    """Every contradiction between entries of the file."""
    scene = _Scene(document, records)
    problems = [*_name_collisions(scene), *_fallback_circles(scene)]
    for name, model in records.models.items():
        problems += _model_problems(scene, name, model)
    for name, panel in records.panels.items():
        problems += _panel_problems(scene, name, panel)
    return problems


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
        known = scene.document.names("providers")
        yield scene.document.problem(
            (*at, "provider"),
            f"there is no provider {model.provider!r}",
            suggestion(model.provider, known, noun="a provider"),
        )
    if model.max_output_tokens and model.max_output_tokens > model.context_window_tokens:
        yield scene.document.problem(
            (*at, "max_output_tokens"),
            f"is larger than the context window of {model.context_window_tokens} tokens",
            "lower it, or correct context_window_tokens",
        )
    for index, fallback in enumerate(model.fallbacks):
        yield from _fallback_problems(scene, (*at, "fallbacks", index), model, fallback)


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
    elif not set(model.dialects) & set(other.dialects):
        yield scene.document.problem(
            at,
            f"{fallback!r} speaks none of {', '.join(model.dialects)}",
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
    seats = len(panel.agents)
    yield from _agent_problems(scene, at, panel)
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


def _agent_problems(scene: _Scene, at: Location, panel: PanelRecord) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, agent in enumerate(panel.agents):
        here = (*at, "agents", index)
        if agent.id in seen:
            yield scene.document.problem(
                (*here, "id"), f"there are two agents {agent.id!r}", "give each its own id"
            )
        seen.add(agent.id)
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
    agents = {agent.id: agent for agent in panel.agents}
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
