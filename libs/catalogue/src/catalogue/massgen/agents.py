"""The agents of a MassGen file: who they are, and what answers for them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar, get_args

from catalogue.document import Location
from catalogue.massgen.backend_types import AG2_API_TYPES, BACKEND_TYPES, host_of, type_of_model
from catalogue.massgen.providers import Providers
from catalogue.massgen.sections import Section
from catalogue.record_fields import MAX_PERSONA_CHARACTERS
from wire.specs import ModelSpec, ReasoningEffort, Verbosity

_MOST_TOKENS = 100_000_000
_EFFORTS: dict[str, ReasoningEffort] = {word: word for word in get_args(ReasoningEffort)}
_VERBOSITIES: dict[str, Verbosity] = {word: word for word in get_args(Verbosity)}
_WordT = TypeVar("_WordT")


@dataclass(frozen=True, slots=True)
class MassGenSampling:
    """How a backend is asked; None: as the vendor does it."""

    temperature: float | None
    top_p: float | None
    max_output_tokens: int | None
    reasoning_effort: ReasoningEffort | None
    verbosity: Verbosity | None


@dataclass(frozen=True, slots=True)
class MassGenAgent:
    """`name` is the file's; the panel's seat may have to be called otherwise."""

    name: str
    at: Location
    model: ModelSpec
    persona: str | None
    sampling: MassGenSampling


@dataclass(frozen=True, slots=True)
class _Backend:
    model: ModelSpec
    system_message: str | None
    sampling: MassGenSampling


def read_agent(
    section: Section, number: int, providers: Providers, preamble: str | None
) -> MassGenAgent | None:
    """None when it is refused; the findings say why. `preamble` precedes its own instructions."""
    name = section.text("id")
    if name is None:
        name = f"agent{number}"
        section.warn("id", f"is missing; the agent is called {name}", "give it an id")
    own_message = section.text("system_message")
    appended = section.text("append_system_prompt")
    backend_section = section.section("backend")
    section.report_rest()
    if backend_section is None:
        if not section.has("backend"):
            section.refuse("backend", "is required", "add `backend: {type: ..., model: ...}`")
        return None
    backend = _read_backend(backend_section, providers)
    if backend is None:
        return None
    persona = _joined(preamble, own_message or backend.system_message, appended)
    if persona is not None and len(persona) > MAX_PERSONA_CHARACTERS:
        section.refuse(
            "system_message",
            f"is longer than {MAX_PERSONA_CHARACTERS} characters together with what is added to it",
            "shorten it",
        )
        return None
    if persona is not None and "${" in persona:
        section.warn(
            "system_message", "holds ${...}, which is not replaced", "write the text itself"
        )
    return MassGenAgent(
        name=name,
        at=section.at("id"),
        model=backend.model,
        persona=persona,
        sampling=backend.sampling,
    )


def _read_backend(section: Section, providers: Providers) -> _Backend | None:
    backend_type = section.text("type")
    if backend_type == "ag2":
        return _read_ag2(section, providers)
    model = _read_model(section, backend_type, providers)
    message = section.text("system_message") or section.text("system_prompt")
    sampling = _read_sampling(section)
    section.report_rest()
    return _Backend(model, message, sampling) if model else None


def _read_ag2(section: Section, providers: Providers) -> _Backend | None:
    """AG2's own agent inside an agent; its vendor and model are what counts here."""
    if section.has("group_config"):
        section.refuse(
            "group_config",
            "is a group of agents within one agent, which has no counterpart",
            "make each of them an agent of its own",
        )
        return None
    agent = section.section("agent_config")
    section.report_rest()
    if agent is None:
        if not section.has("agent_config"):
            section.refuse("agent_config", "is required for type ag2", "add `agent_config: ...`")
        return None
    agent.ignore(("type", "name"))
    message = agent.text("system_message")
    chosen = _first_llm(agent)
    agent.report_rest()
    if chosen is None:
        return None
    backend_type = chosen.choice("api_type", AG2_API_TYPES) if chosen.has("api_type") else "openai"
    model = _read_model(chosen, backend_type, providers, type_key="api_type")
    sampling = _read_sampling(chosen)
    chosen.report_rest()
    return _Backend(model, message, sampling) if model else None


def _read_sampling(section: Section) -> MassGenSampling:
    reasoning = section.section("reasoning") if section.has("reasoning") else None
    effort = _word(reasoning, "effort", _EFFORTS) if reasoning else None
    if reasoning:
        reasoning.report_rest()
    return MassGenSampling(
        temperature=section.number("temperature", most=2),
        top_p=section.number("top_p", most=1),
        max_output_tokens=_max_tokens(section),
        reasoning_effort=effort,
        verbosity=_word(section, "verbosity", _VERBOSITIES),
    )


def _word(section: Section, key: str, known: Mapping[str, _WordT]) -> _WordT | None:
    """A vendor's new word is no reason to refuse the file."""
    word = section.text(key)
    if word is None or word in known:
        return known[word] if word else None
    section.warn(key, f"is none of {', '.join(known)} and is ignored", "write one of them")
    return None


def _first_llm(agent: Section) -> Section | None:
    """AG2 takes one model, or a list of which the others are spares."""
    if not agent.has("llm_config"):
        agent.refuse("llm_config", "is required", "add `llm_config: {api_type: ..., model: ...}`")
        return None
    if not agent.holds_list("llm_config"):
        return agent.section("llm_config")
    several = agent.sections("llm_config")
    if len(several) > 1:
        agent.warn("llm_config", "has several models; the first is asked", "configure fallbacks")
    if agent.is_empty_list("llm_config"):
        agent.refuse("llm_config", "names no model", "add `api_type` and `model`")
    return several[0] if several else None


def _read_model(
    section: Section, backend_type: str | None, providers: Providers, *, type_key: str = "type"
) -> ModelSpec | None:
    name = section.text("model", most=200)
    base_url = section.text("base_url")
    backend_type = backend_type or (type_of_model(name) if name else None)
    if backend_type is None:
        if not section.has(type_key):
            section.refuse(type_key, "is required", "add `type: openai` or the like")
        return None
    chosen = providers.choose(backend_type, base_url)
    if chosen is None:
        section.refuse(
            type_key,
            f"no provider stands for the backend type {backend_type!r}",
            f"add `{backend_type}: PROVIDER` to `massgen.providers` of the configuration, or set "
            "`massgen.default_provider`",
        )
        return None
    name = name or _default_model(section, backend_type, providers)
    if name is None:
        return None
    model = providers.model(chosen.provider, name)
    if model is None:
        section.refuse("model", "is not a usable name", "write the model's name as the vendor does")
        return None
    if chosen.by_default:
        message = f"has no provider; {chosen.provider.name!r}, the default one, is asked"
        section.warn(type_key, message, "name one in `massgen.providers`")
    _tell_what_differs(section, type_key, backend_type, base_url, model)
    return model


def _default_model(section: Section, backend_type: str, providers: Providers) -> str | None:
    if section.has("model"):
        return None  # refused already
    name = providers.default_model(backend_type)
    if name is None:
        section.refuse(
            "model",
            f"is required for the backend type {backend_type!r}",
            f"add it, or `massgen.default_models: {{{backend_type}: NAME}}` to the configuration",
        )
    else:
        section.warn("model", f"is missing; {name!r} is asked", "add `model: ...`")
    return name


def _tell_what_differs(
    section: Section, type_key: str, backend_type: str, base_url: str | None, model: ModelSpec
) -> None:
    provider = model.provider
    if base_url is not None and host_of(base_url) != host_of(provider.base_url):
        message = f"is not called: the provider {provider.name!r} says where calls go"
        section.warn("base_url", message, "configure a provider with this base_url")
    if (known := BACKEND_TYPES.get(backend_type)) and known.program:
        message = f"is a program that is not started; {model.upstream_model!r} answers by itself"
        section.warn(type_key, message, "nothing to do")


def _max_tokens(section: Section) -> int | None:
    tokens = section.whole_number("max_tokens")
    return None if tokens is None else min(tokens, _MOST_TOKENS)


def _joined(*texts: str | None) -> str | None:
    return "\n\n".join(text.strip() for text in texts if text) or None
