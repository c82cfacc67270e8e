"""Resolved records: what a name in `conclave.yaml` means, with every default filled in.

The gateway resolves a public name and sends the result with the run, so replicas cannot disagree
and a run can be recomputed from its record. Secrets never travel: a `SecretReference` says where
the process that makes the call finds it. Prices are USD per million tokens, as vendors publish
them; money is computed in integer nano-USD (1 USD per million tokens = 1,000 nano-USD a token).
"""

from __future__ import annotations

from typing import Literal

import msgspec

ProviderKind = Literal["openai", "openai-compatible", "azure-openai", "anthropic", "fara"]
ToolsMode = Literal["lead", "vote", "off"]
SelfVote = Literal["exclude", "last", "allow"]
Present = Literal["verbatim", "polish", "synthesise"]
Rule = Literal["weighted", "plurality"]
UsageReport = Literal["delivered", "summed"]
Dialect = Literal["chat", "responses", "messages"]  # `messages`: Anthropic's
Weights = Literal["learnt", "equal"]
ReasoningEffort = Literal["none", "minimal", "low", "medium", "high", "xhigh"]
Verbosity = Literal["low", "medium", "high"]
CompactionLevel = Literal["auto", "native", "summary", "extractive"]


class SecretReference(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where a secret is found: an environment variable's name, or a file's path. Never both."""

    env: str | None = None
    file: str | None = None


class ProviderSpec(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """`base_url` ends before the operation, e.g. `https://api.openai.com/v1`.

    Of an `azure-openai` provider it is the resource's endpoint, e.g.
    `https://name.openai.azure.com`: a model's `upstream_model` is a deployment there, and
    `api_version` is always set.
    `usage_lookup` is the path below `base_url` where the vendor tells afterwards what a request
    cost; `{request_id}` in it stands for the `x-request-id` that was sent.
    """

    name: str
    kind: ProviderKind
    base_url: str
    api_key: SecretReference | None = None
    headers: dict[str, str] = {}
    connect_timeout_s: float = 5.0
    first_byte_timeout_s: float = 120.0
    idle_timeout_s: float = 60.0
    max_concurrency: int = 256
    max_attempts: int = 2
    forward_traceparent: bool = False
    api_version: str | None = None
    usage_lookup: str | None = None


class Capabilities(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the backend itself can do; what it cannot is done by us or refused with a reason.

    `developer_role` and `max_completion_tokens` (the parameter of that name, else `max_tokens`)
    are None where the provider's kind decides: true for `openai` and `azure-openai`, else false.
    `late_system_messages`: the backend takes system messages after the conversation has begun.
    `sampling`: it takes `temperature` and `top_p`; None: all do but those of kind `anthropic`.
    `completions`: it has the legacy endpoint of that name.
    """

    tools: bool = True
    images: bool = True
    structured_outputs: bool = True
    reasoning: bool = False
    embeddings: bool = False
    logprobs: bool = True
    seed: bool = True
    multiple_choices: bool = True
    developer_role: bool | None = None
    max_completion_tokens: bool | None = None
    late_system_messages: bool = True
    sampling: bool | None = None
    completions: bool = False


class Prices(msgspec.Struct, frozen=True, omit_defaults=True):
    """USD per million tokens. None: unpriced, which is reported as such and never as zero.

    Cached input and cache writes that are unpriced cost what input costs.
    """

    input_usd_per_mtok: float | None = None
    cached_input_usd_per_mtok: float | None = None
    output_usd_per_mtok: float | None = None
    cache_write_usd_per_mtok: float | None = None


class Speed(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What an operator expects of a model; only estimates use it."""

    time_to_first_token_s: float
    output_tokens_per_s: float


class CompactionSpec(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """When and how a long conversation is made smaller.

    Neither threshold: min(75 % of the window, window - 20,000). `target_ratio` is of the window.
    `summariser` None: the model itself; of a panel, its first agent's.
    """

    enabled: bool = True
    threshold_tokens: int | None = None
    threshold_ratio: float | None = None
    target_ratio: float = 0.3
    level: CompactionLevel = "auto"
    summariser: ModelSpec | None = None


class ModelSpec(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """`name` is ours, `upstream_model` the vendor's.

    `fallbacks` are tried in order before the first token.
    """

    name: str
    provider: ProviderSpec
    upstream_model: str
    context_window_tokens: int = 128_000
    max_output_tokens: int | None = None
    capabilities: Capabilities = Capabilities()
    prices: Prices = Prices()
    fallbacks: tuple[ModelSpec, ...] = ()
    dialects: tuple[Dialect, ...] = ("chat",)
    compaction: CompactionSpec = CompactionSpec()
    speed: Speed | None = None


class AgentSpec(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One seat of a panel. `persona` follows the conversation (prefix caches).

    `temperature`, `top_p`, `reasoning_effort` and `verbosity` hold where the client set none.
    """

    agent_id: str
    model: ModelSpec
    persona: str | None = None
    weight: float = 1.0
    temperature: float | None = None
    max_output_tokens: int | None = None
    top_p: float | None = None
    reasoning_effort: ReasoningEffort | None = None
    verbosity: Verbosity | None = None


class RunLimits(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Bounds of one run, all on by default. `max_usd` None: no price known, or no cap set."""

    wall_s: float = 600.0
    max_calls: int = 64
    max_input_tokens: int = 2_000_000
    max_output_tokens: int = 200_000
    max_usd: float | None = None


class PanelSpec(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """How one panel coordinates. A single model run by the orchestrator is a panel of one agent.

    `grace`: stragglers get this share of the time so far once a quorum has answered.
    `borda_weight`: the lambda of `score = cluster weights + lambda x pooled Borda`.
    `task_class`: under which outcomes are learnt; None: as each request's kind of task is.
    `compaction` is the panel's own; that of its agents' models does not apply.
    """

    name: str
    agents: tuple[AgentSpec, ...]
    kind: Literal["panel", "model"] = "panel"
    rule: Rule = "weighted"
    self_vote: SelfVote = "exclude"
    present: Present = "verbatim"
    presenter: str | None = None
    tools: ToolsMode = "lead"
    lead: str | None = None
    max_rounds: int = 1
    quorum: int | None = None
    grace: float = 0.5
    hedge: bool = False
    borda_weight: float = 2.0
    early_stop: bool = True
    max_answer_tokens: int = 4096
    progress: bool = True
    usage_report: UsageReport = "delivered"
    limits: RunLimits = RunLimits()
    voting_instruction: str | None = None
    weights: Weights = "learnt"
    task_class: str | None = None
    compaction: CompactionSpec = CompactionSpec()
