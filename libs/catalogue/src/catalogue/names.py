"""Public names: what clients ask for, and what `/v1/models` shows of it."""

from dataclasses import dataclass
from typing import Literal

from wire.specs import Capabilities, ModelSpec, PanelSpec

PANEL_OWNER = "conclave"


@dataclass(frozen=True, slots=True)
class PublicName:
    """One id of `/v1/models`. An alias is an id of its own; `alias_of` says of what.

    `created` is the same on every replica and after every restart.
    """

    id: str
    created: int
    owned_by: str
    kind: Literal["model", "panel"]
    context_window_tokens: int
    max_output_tokens: int | None
    capabilities: Capabilities
    alias_of: str | None = None


@dataclass(frozen=True, slots=True)
class ModelEntry:
    spec: ModelSpec
    created: int
    aliases: tuple[str, ...] = ()

    @property
    def only_embeds(self) -> bool:
        """No chat and no responses: a request for an answer has to be refused."""
        return not self.spec.dialects

    def public_names(self) -> tuple[PublicName, ...]:
        """Its own name first, then its aliases."""
        spec = self.spec
        return tuple(
            PublicName(
                id=name,
                created=self.created,
                owned_by=spec.provider.name,
                kind="model",
                context_window_tokens=spec.context_window_tokens,
                max_output_tokens=spec.max_output_tokens,
                capabilities=spec.capabilities,
                alias_of=alias_of,
            )
            for name, alias_of in _with_aliases(spec.name, self.aliases)
        )


@dataclass(frozen=True, slots=True)
class PanelEntry:
    spec: PanelSpec
    created: int
    aliases: tuple[str, ...] = ()

    def public_names(self) -> tuple[PublicName, ...]:
        """Its own name first, then its aliases."""
        spec = self.spec
        return tuple(
            PublicName(
                id=name,
                created=self.created,
                owned_by=PANEL_OWNER,
                kind="panel",
                # Every agent reads the whole conversation, so the smallest window is the panel's.
                context_window_tokens=min(a.model.context_window_tokens for a in spec.agents),
                max_output_tokens=spec.max_answer_tokens,
                capabilities=panel_capabilities(spec),
                alias_of=alias_of,
            )
            for name, alias_of in _with_aliases(spec.name, self.aliases)
        )


Entry = ModelEntry | PanelEntry


def panel_capabilities(panel: PanelSpec) -> Capabilities:
    """What a panel can do as a whole: what all of its agents can.

    Except for tools, where the lead is enough, and `n`, which is so many runs.
    """
    of_agents = {agent.agent_id: agent.model.capabilities for agent in panel.agents}
    each = of_agents.values()
    match panel.tools:
        case "off":
            tools = False
        case "lead":
            tools = panel.lead is not None and of_agents[panel.lead].tools
        case "vote":
            tools = any(one.tools for one in each)
    return Capabilities(
        tools=tools,
        images=all(one.images for one in each),
        structured_outputs=all(one.structured_outputs for one in each),
        reasoning=any(one.reasoning for one in each),
        embeddings=False,
        logprobs=False,
        seed=all(one.seed for one in each),
        multiple_choices=True,
    )


def _with_aliases(name: str, aliases: tuple[str, ...]) -> list[tuple[str, str | None]]:
    return [(name, None), *((alias, name) for alias in aliases)]
