"""The configuration that the system tests run on: models and panels for each scene.

Profiles of provider-sim (`name@key=value,...`) say how slow a model is and how it fails.
"""

from collections.abc import Mapping
from typing import TypeAlias

import yaml

Json: TypeAlias = "str | int | float | bool | list[Json] | dict[str, Json] | None"

ANALYST = "You are the analyst. Work out what is really asked and answer step by step."
ENGINEER = "You are the engineer. Prefer what works in practice; be concrete."
CRITIC = "You are the critic. Look for what is easily got wrong before you answer."
DISSENTER = "You are the dissenter. Whatever is asked, disagree with the obvious answer."

# A port that nobody listens on and that needs root to be taken.
REFUSING_URL = "http://127.0.0.1:1/v1"
SLASHED_NAME = "meta/llama-3:8b"
HANG_TIMEOUT_S = 0.5
MIXED = {"openai": "sim", "anthropic": "claude-sim", "azure": "azure-sim"}
# Each has a twin whose backend speaks Responses.
SPEAKING_RESPONSES = ("sim", "slow-first", "slow-middle", "breaks-off")
FAILURES = ("500", "429", "401", "503", "refused", "hang")


def configuration(simulator_url: str) -> str:
    """conclave.yaml for the simulator at that base URL."""
    return yaml.safe_dump(scenery(simulator_url), sort_keys=False)


def scenery(simulator_url: str) -> dict[str, Json]:
    sim: Json = {
        "kind": "openai-compatible",
        "base_url": simulator_url,
        "usage_lookup": "/usage/{request_id}",
    }
    patient: Json = {
        "kind": "openai-compatible",
        "base_url": simulator_url,
        "first_byte_timeout_s": HANG_TIMEOUT_S,
    }
    nowhere: Json = {"kind": "openai-compatible", "base_url": REFUSING_URL}
    # As many calls at once as one panel makes: those of a second one wait.
    door: Json = {"kind": "openai-compatible", "base_url": simulator_url, "max_concurrency": 3}
    providers: dict[str, Json] = {"sim": sim, "patient": patient, "nowhere": nowhere}
    providers["narrow-door"] = door
    providers |= _other_vendors(simulator_url)
    return {"version": 1, "providers": providers, "models": _models(), "panels": _panels()}


def _models() -> dict[str, Json]:
    upstream = {
        "sim": "sim",
        SLASHED_NAME: SLASHED_NAME,
        "narrow": "narrow@window=60",
        "slow-first": "slow-first@ttft=20000",
        "slow-middle": "slow-middle@ttft=10,itl=100,tokens=300",
        "says-left": "says-left@reply=left",
        "says-right": "says-right@reply=right",
        "late-voter": "late-voter",
        "late-presenter": "late-presenter",
        "breaks-off": "breaks-off@reset_after=2,tokens=20",
    }
    models: dict[str, Json] = {name: _model("sim", of) for name, of in upstream.items()}
    models["behind-the-door"] = _model("narrow-door", "slow-first@ttft=20000")
    models["toolless"] = {**_model("sim", "toolless"), "capabilities": {"tools": False}}
    models["sim"] = {**_model("sim", "sim"), "aliases": ["gpt-sim"]}
    models |= _models_of_other_vendors()
    for name in SPEAKING_RESPONSES:
        models[f"{name}-responses"] = {**_model("sim", upstream[name]), "dialects": ["responses"]}
    for name in _failing():
        models[f"down-{name}"] = _failing_model(name)
    models["sim-embed"] = {
        **_model("sim", "sim-embed"),
        "dialects": [],
        "capabilities": {"embeddings": True, "tools": False},
    }
    return models


def _other_vendors(simulator_url: str) -> dict[str, Json]:
    """The same simulator by other vendors' doors, and one that lists its models itself."""
    azure = simulator_url.removesuffix("/v1")
    return {
        "claude": {"kind": "anthropic", "base_url": simulator_url},
        "azure": {"kind": "azure-openai", "base_url": azure, "api_version": "2024-10-21"},
        "lab": {"kind": "openai-compatible", "base_url": simulator_url, "discover": True},
    }


def _models_of_other_vendors() -> dict[str, Json]:
    able: Json = {"structured_outputs": True, "late_system_messages": True}
    return {
        "claude-sim": _model("claude", "claude-sim"),
        "claude-able": {**_model("claude", "claude-able"), "capabilities": able},
        "claude-reason": {**_model("claude", "claude-reason"), "capabilities": {"reasoning": True}},
        "azure-sim": _model("azure", "my-gpt"),
    }


def _failing() -> list[str]:
    """Each test has models of its own: a circuit that one opened must not answer for another."""
    return [*FAILURES, *(f"{name}-streamed" for name in FAILURES), "hang-timed", "500-beside"]


def _failing_model(name: str) -> dict[str, Json]:
    failure = name.partition("-")[0]
    if failure == "refused":
        return _model("nowhere", f"down-{name}")
    return _model("patient" if failure == "hang" else "sim", f"down-{name}@fault={failure}")


def _model(provider: str, upstream_model: str) -> dict[str, Json]:
    return {"provider": provider, "upstream_model": upstream_model}


def _panels() -> dict[str, Json]:
    return {
        "council": panel({"analyst": ANALYST, "engineer": ENGINEER, "critic": CRITIC}),
        "with-dissenter": panel(
            {"analyst": ANALYST, "engineer": ENGINEER, "dissenter": DISSENTER}, early_stop=False
        ),
        "with-presenter": panel(
            {"analyst": ANALYST, "engineer": ENGINEER, "dissenter": DISSENTER},
            present="synthesise",
            early_stop=False,
        ),
        "tools-vote": panel(
            {"analyst": ANALYST, "engineer": ENGINEER, "critic": CRITIC},
            models={"critic": "toolless"},
            tools="vote",
        ),
        "two-ways": {
            "agents": [
                {"id": "favourite", "model": "says-left", "weight": 1.3},
                {"id": "outsider", "model": "says-right"},
            ],
            "borda_weight": 0,
            "max_rounds": 0,
        },
        "queued": _of_model("behind-the-door"),
        "slow-answers": _of_model("slow-first"),
        "slow-middles": _of_model("slow-middle"),
        "slow-ballots": _of_model("late-voter"),
        "slow-presentation": {
            **_of_model("late-presenter"),
            "present": "synthesise",
            "early_stop": False,
        },
        "one-left": panel(
            {"analyst": ANALYST, "engineer": ENGINEER, "critic": CRITIC},
            models={"analyst": "down-500-beside", "engineer": "down-refused"},
        ),
        **{f"mixed-{lead}": _mixed(lead) for lead in MIXED},
        **{f"all-{name}": _of_model(f"down-{name}") for name in _failing()},
    }


def _mixed(lead: str) -> dict[str, Json]:
    """One agent of each vendor, of whom one drives the client's tools."""
    personas = dict(zip(MIXED, (ANALYST, ENGINEER, CRITIC), strict=True))
    return panel(personas, models=MIXED, lead=lead, early_stop=False)


def panel(
    personas: Mapping[str, str], *, models: Mapping[str, str] | None = None, **options: Json
) -> dict[str, Json]:
    """One agent per persona, of the model `sim` unless said otherwise."""
    agents: list[Json] = [
        {"id": name, "model": (models or {}).get(name, "sim"), "persona": persona}
        for name, persona in personas.items()
    ]
    return {"agents": agents, **options}


def _of_model(model: str) -> dict[str, Json]:
    personas = {"analyst": ANALYST, "engineer": ENGINEER, "critic": CRITIC}
    return panel(personas, models=dict.fromkeys(personas, model))


# What a name with a profile cannot say: slow in one phase only.
RULES: tuple[Mapping[str, Json], ...] = (
    {"match": {"model": "late-voter", "kind": "ballot"}, "profile": {"ttft": 20000}},
    {
        "match": {"model": "late-presenter", "kind": "present"},
        "profile": {"itl": 100, "tokens": 300},
    },
)
