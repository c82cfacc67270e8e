"""What `conclave.yaml` may hold: one record per kind of entry, with ranges, units and defaults.

Field names are those of `wire.specs`. Descriptions and examples end up in docs/configuration.md.
Checks that need more than one entry are in `references`.
"""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from catalogue.auxiliary import KNOWN_PHRASES
from catalogue.discovery import NOT_FOR_CHAT
from catalogue.record_fields import (
    AZURE_API_VERSION,
    EVERY_PANEL,
    ApiVersion,
    BackendTypeText,
    BaseUrl,
    Dialects,
    EnvironmentName,
    FolderPath,
    HeaderName,
    HeaderValue,
    Names,
    PanelNames,
    Patterns,
    Persona,
    Phrases,
    PublicNameText,
    Record,
    RefusedError,
    SecretFile,
    ShortNameText,
    UpstreamModel,
    UsageLookup,
)
from wire.specs import (
    CompactionLevel,
    Present,
    ReasoningEffort,
    Rule,
    SelfVote,
    ToolsMode,
    UsageReport,
    Verbosity,
    Weights,
)

FORMAT_VERSION = 1
MAX_SEATS = 32
# Kinds whose base URL is known; of the others it is the installation's own.
BASE_URLS = {"openai": "https://api.openai.com/v1", "anthropic": "https://api.anthropic.com/v1"}
# 2025-01-01T00:00:00Z: the same on every replica and after every restart.
DEFAULT_CREATED_UNIX_S = 1_735_689_600


def _version(version: int) -> int:
    if version != FORMAT_VERSION:
        raise RefusedError("is a version this release does not read", f"write {FORMAT_VERSION}")
    return version


class SecretRecord(Record):
    """Where a secret is found. Exactly one of the two; the secret itself never stands here."""

    env: EnvironmentName | None = Field(
        default=None,
        description="Environment variable of the process that calls the provider.",
        examples=["OPENAI_API_KEY"],
    )
    file: SecretFile | None = Field(
        default=None,
        description="File that holds the secret alone, read again when it changes. A relative "
        "path starts at the folder of this configuration.",
        examples=["/run/secrets/openai"],
    )

    @model_validator(mode="before")
    @classmethod
    def _not_inline(cls, value: object) -> object:
        if isinstance(value, str):
            raise RefusedError(
                "is the secret itself, or looks like it",
                "put it into an environment variable and write {env: NAME}, or into a file and "
                "write {file: PATH}",
            )
        return value

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.env is None) == (self.file is None):
            raise RefusedError(
                "needs exactly one of `env` and `file`", "write {env: NAME} or {file: PATH}"
            )
        return self


class DiscoveryRecord(Record):
    """Which models of a provider that lists them are offered.

    Patterns are those of file names: `*`, `?`, `[ab]`; case does not matter.
    """

    include: Patterns = Field(
        default=["*"], description="Models to offer, by the vendor's names.", examples=["[gpt-*]"]
    )
    exclude: Patterns = Field(
        default=[*NOT_FOR_CHAT],
        description="Models to leave out of those. The default leaves out what does not chat.",
        examples=["['*-preview*']"],
    )
    tool_capable: Patterns = Field(
        default=["*"],
        description="Models that can call tools.",
        examples=["[gpt-*, qwen3*]"],
    )
    only_tool_capable: bool = Field(
        default=False, description="Leave out models that cannot call tools."
    )
    refresh_s: float = Field(
        default=3600.0, ge=60, le=604_800, description="Between two looks at the vendor's list."
    )
    context_window_tokens: int = Field(
        default=128_000,
        ge=1,
        le=100_000_000,
        description="Of a discovered model; lists do not tell.",
    )


class ProviderRecord(Record):
    """Who is called, with which credentials, and how patiently."""

    kind: Literal["openai", "openai-compatible", "azure-openai", "anthropic"] = Field(
        description="`openai`: OpenAI itself. `openai-compatible`: any server that speaks its "
        "Chat Completions. `azure-openai`: OpenAI's models on Azure. `anthropic`: Anthropic's "
        "Messages.",
        examples=["openai-compatible"],
    )
    base_url: BaseUrl | None = Field(
        default=None,
        description="Where its API begins, version included; of kind `azure-openai` the "
        "resource's endpoint, `https://NAME.openai.azure.com`. May be left out: "
        + ", ".join(f"kind `{kind}`, {url}" for kind, url in BASE_URLS.items())
        + ".",
        examples=["http://vllm.internal:8000/v1"],
    )
    api_key: SecretRecord | None = Field(
        default=None, description="Where the key is found.", examples=["{env: OPENAI_API_KEY}"]
    )
    headers: dict[HeaderName, HeaderValue] = Field(
        default={},
        max_length=32,
        description="Sent with every call. No secrets.",
        examples=["{openai-organization: org-1}"],
    )
    connect_timeout_s: float = Field(
        default=5.0, gt=0, le=120, description="For the connection, TLS included."
    )
    first_byte_timeout_s: float = Field(
        default=120.0,
        gt=0,
        le=3600,
        description="From the request's end to the answer's first byte.",
    )
    idle_timeout_s: float = Field(
        default=60.0, gt=0, le=3600, description="Between two pieces of a streamed answer."
    )
    max_concurrency: int = Field(
        default=256, ge=1, le=100_000, description="Calls under way at once, per process."
    )
    max_attempts: int = Field(
        default=2, ge=1, le=5, description="Attempts per call, all before the first token."
    )
    forward_traceparent: bool = Field(
        default=False,
        description="Send the trace context upstream. Only for providers of one's own.",
    )
    api_version: ApiVersion | None = Field(
        default=None,
        description=f"Of kind `azure-openai`, {AZURE_API_VERSION} when left out; there a model's "
        "`upstream_model` is the name of a deployment. Of kind `anthropic`, 2023-06-01 when left "
        "out.",
        examples=[AZURE_API_VERSION],
    )
    usage_lookup: UsageLookup | None = Field(
        default=None,
        description="Path below `base_url` where the vendor tells what a request cost, by the "
        "`x-request-id` sent with it. Calls that were cut before their usage came are asked for "
        "there, and are exact in the run's record soon after.",
        examples=["/usage/{request_id}"],
    )
    discover: bool = Field(
        default=False,
        description="Offer the models of the vendor's own list as `PROVIDER/MODEL`.",
    )
    discovery: DiscoveryRecord = Field(
        default=DiscoveryRecord(),
        description="Which of them.",
        examples=["{include: [gpt-*], refresh_s: 600}"],
    )

    @model_validator(mode="after")
    def _has_a_url(self) -> Self:
        if self.base_url is None and self.kind not in BASE_URLS:
            azure = self.kind == "azure-openai"
            example = "https://NAME.openai.azure.com" if azure else "http://host:port/v1"
            raise RefusedError(
                f"is required for kind {self.kind}", f"add `base_url: {example}`", at="base_url"
            )
        return self

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        if self.api_version is not None and self.kind not in ("azure-openai", "anthropic"):
            raise RefusedError(f"means nothing for kind {self.kind}", "remove it", at="api_version")
        if self.discover and self.kind == "azure-openai":
            raise RefusedError(
                "is not possible: Azure does not list a resource's deployments",
                "declare each deployment as a model",
                at="discover",
            )
        return self


class CapabilitiesRecord(Record):
    """What the backend itself can do. What it cannot is done by Conclave or refused.

    Of kind `anthropic` these are false unless written: structured_outputs, logprobs, seed,
    multiple_choices, late_system_messages.
    """

    tools: bool = Field(default=True, description="Function tools.")
    images: bool = Field(default=True, description="Images in messages.")
    structured_outputs: bool = Field(default=True, description="Strict JSON schemas.")
    reasoning: bool = Field(default=False, description="A reasoning model.")
    embeddings: bool = Field(default=False, description="Embeddings.")
    logprobs: bool = Field(default=True, description="Log probabilities.")
    seed: bool = Field(default=True, description="The parameter `seed`.")
    multiple_choices: bool = Field(default=True, description="The parameter `n`.")
    developer_role: bool | None = Field(
        default=None,
        description="The role `developer`. Left out: true for kinds `openai` and `azure-openai`.",
        examples=[False],
    )
    max_completion_tokens: bool | None = Field(
        default=None,
        description="The parameter of that name rather than `max_tokens`. Left out: true for "
        "kinds `openai` and `azure-openai`.",
        examples=[False],
    )
    late_system_messages: bool = Field(
        default=True,
        description="System messages after the conversation has begun. Of kind `anthropic`: the "
        "role `system` among the messages.",
    )
    sampling: bool | None = Field(
        default=None,
        description="The parameters `temperature` and `top_p`. Left out: true, but false for kind "
        "`anthropic`, whose current models refuse them.",
        examples=[False],
    )
    completions: bool = Field(
        default=False,
        description="The legacy endpoint `/completions`. Without it such requests are answered as "
        "chat, and what only that endpoint can do (`suffix`, token ids, `best_of`) is refused.",
    )


class PricesRecord(Record):
    """What the vendor charges. A price that is left out is reported as unknown, never as zero."""

    input_usd_per_mtok: float | None = Field(
        default=None, ge=0, le=100_000, description="Prompt tokens.", examples=[2.5]
    )
    cached_input_usd_per_mtok: float | None = Field(
        default=None,
        ge=0,
        le=100_000,
        description="Prompt tokens read from a cache.",
        examples=[0.25],
    )
    output_usd_per_mtok: float | None = Field(
        default=None, ge=0, le=100_000, description="Completion tokens.", examples=[15]
    )
    cache_write_usd_per_mtok: float | None = Field(
        default=None,
        ge=0,
        le=100_000,
        description="Prompt tokens written to a cache, where the vendor charges that apart.",
        examples=[3.75],
    )


class SpeedRecord(Record):
    """How fast it usually is. Only the estimates of panels in `/v1/models` use it."""

    time_to_first_token_s: float = Field(
        gt=0, le=3600, description="From the request to the first token.", examples=[0.8]
    )
    output_tokens_per_s: float = Field(gt=0, le=100_000, description="From then on.", examples=[90])


class CompactionRecord(Record):
    """When and how a conversation that grows too long is made smaller.

    Without a threshold: at 75 % of the context window, but at least 20,000 tokens before its end.
    """

    enabled: bool = Field(default=True, description="Whether it happens by itself.")
    threshold_tokens: int | None = Field(
        default=None,
        ge=500,
        le=100_000_000,
        description="Length at which it happens.",
        examples=[60000],
    )
    threshold_ratio: float | None = Field(
        default=None,
        gt=0,
        le=0.95,
        description="The same, as a share of the context window.",
        examples=[0.6],
    )
    target_ratio: float = Field(
        default=0.3, gt=0, le=0.9, description="What is left, as a share of the context window."
    )
    level: CompactionLevel = Field(
        default="auto",
        description="`auto`: the first of the others that works. `native`: the vendor's own. "
        "`summary`: written by a model. `extractive`: without any model.",
    )
    summariser: str | None = Field(
        default=None,
        description="The model that writes summaries, a key of `models`, never a panel. Left out: "
        "the model itself; of a panel its first agent's.",
        examples=["gpt-5.4-mini"],
    )

    @model_validator(mode="after")
    def _one_threshold(self) -> Self:
        if self.threshold_tokens is not None and self.threshold_ratio is not None:
            raise RefusedError(
                "stands beside threshold_tokens", "keep one of the two", at="threshold_ratio"
            )
        if self.threshold_ratio is not None and self.target_ratio >= self.threshold_ratio:
            raise RefusedError(
                "is not below threshold_ratio", "lower it, e.g. to 0.3", at="target_ratio"
            )
        return self


class ModelRecord(Record):
    """A single model. Its key is the name clients ask for."""

    provider: str = Field(description="A key of `providers`.", examples=["openai"])
    upstream_model: UpstreamModel | None = Field(
        default=None,
        description="What the provider calls it; the model's own name when left out.",
        examples=["gpt-5.4-mini"],
    )
    aliases: Names = Field(
        default=[],
        description="Further names for it, each listed by itself.",
        examples=["[gpt-fast]"],
    )
    context_window_tokens: int = Field(
        default=128_000, ge=1, le=100_000_000, description="Prompt and answer together."
    )
    max_output_tokens: int | None = Field(
        default=None, ge=1, le=100_000_000, description="The longest answer.", examples=[16384]
    )
    capabilities: CapabilitiesRecord = Field(
        default=CapabilitiesRecord(),
        description="What the backend can do.",
        examples=["{images: false}"],
    )
    prices: PricesRecord = Field(
        default=PricesRecord(),
        description="What it costs.",
        examples=["{input_usd_per_mtok: 2.5, output_usd_per_mtok: 15}"],
    )
    fallbacks: Names = Field(
        default=[],
        description="Models asked in turn when this one fails before its first token; their own "
        "fallbacks follow.",
        examples=["[gpt-5.4-mini]"],
    )
    dialects: Dialects | None = Field(
        default=None,
        description="What the provider speaks for this model. Left out: [chat], of kind "
        "`anthropic` [messages]. Empty for a model that only embeds.",
        examples=["[chat, responses]"],
    )
    compaction: CompactionRecord = Field(
        default=CompactionRecord(),
        description="Of long conversations with this model.",
        examples=["{threshold_ratio: 0.6}"],
    )
    speed: SpeedRecord | None = Field(
        default=None,
        description="How fast it usually is.",
        examples=["{time_to_first_token_s: 0.8, output_tokens_per_s: 90}"],
    )
    created: int = Field(
        default=DEFAULT_CREATED_UNIX_S,
        ge=0,
        le=4_102_444_800,
        description="Shown by `/v1/models` as seconds since 1970.",
    )

    @model_validator(mode="after")
    def _speaks(self) -> Self:
        if self.only_embeds and not self.capabilities.embeddings:
            raise RefusedError(
                "is empty, and the model has no embeddings either",
                "write [chat], or `capabilities: {embeddings: true}`",
                at="dialects",
            )
        return self

    @property
    def only_embeds(self) -> bool:
        return self.dialects == []


class AgentRecord(Record):
    """One seat of a panel."""

    id: ShortNameText = Field(
        description="Its name within the panel, in progress lines and records.",
        examples=["analyst"],
    )
    model: str = Field(description="A key of `models`.", examples=["gpt-5.4"])
    persona: Persona | None = Field(
        default=None,
        description="Who it is and what it looks at; follows the conversation.",
        examples=["You check facts and figures."],
    )
    weight: float = Field(default=1.0, gt=0, le=100, description="Of its vote, before learning.")
    temperature: float | None = Field(
        default=None,
        ge=0,
        le=2,
        description="For its answers, when the client sets none.",
        examples=[0.7],
    )
    max_output_tokens: int | None = Field(
        default=None, ge=1, le=100_000_000, description="For its answers.", examples=[2048]
    )
    top_p: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="For its answers, when the client sets none.",
        examples=[0.9],
    )
    reasoning_effort: ReasoningEffort | None = Field(
        default=None,
        description="Of a reasoning model's answers, when the client sets none.",
        examples=["high"],
    )
    verbosity: Verbosity | None = Field(
        default=None,
        description="Of its answers, when the client sets none; vendors other than OpenAI are not "
        "told.",
        examples=["low"],
    )
    samples: int = Field(
        default=1,
        ge=1,
        le=MAX_SEATS,
        description="That many seats, called ID-1, ID-2 and so on: one model sampled several "
        "times.",
    )

    @property
    def seat_ids(self) -> tuple[str, ...]:
        """What its seats are called within the panel."""
        if self.samples == 1:
            return (self.id,)
        return tuple(f"{self.id}-{number}" for number in range(1, self.samples + 1))


class LimitsRecord(Record):
    """Bounds of one run. On exhaustion the panel decides with what it has."""

    wall_s: float = Field(default=600.0, gt=0, le=86_400, description="Duration.")
    max_calls: int = Field(default=64, ge=1, le=10_000, description="Upstream calls.")
    max_input_tokens: int = Field(
        default=2_000_000, ge=1, le=1_000_000_000, description="Prompt tokens, all calls together."
    )
    max_output_tokens: int = Field(
        default=200_000,
        ge=1,
        le=1_000_000_000,
        description="Completion tokens, all calls together.",
    )
    max_usd: float | None = Field(
        default=None, gt=0, le=100_000, description="Cost. Needs prices.", examples=[0.5]
    )


class PanelRecord(Record):
    """Several agents behind one name. Its key is the name clients ask for."""

    agents: list[AgentRecord] = Field(
        min_length=1,
        max_length=MAX_SEATS,
        description="Who answers and votes.",
        examples=["[{id: analyst, model: gpt-5.4}]"],
    )
    aliases: Names = Field(
        default=[], description="Further names for it.", examples=["[gpt-council]"]
    )
    rule: Rule = Field(
        default="weighted",
        description="`weighted`: clusters of equal answers, weights and ranked votes. "
        "`plurality`: most first choices.",
    )
    self_vote: SelfVote = Field(
        default="exclude",
        description="An agent's own answer on its ballot: left off, put last, or treated as any.",
    )
    present: Present = Field(
        default="verbatim",
        description="The winner's text as it was voted on, a polished version, or a synthesis of "
        "the answers.",
    )
    presenter: str | None = Field(
        default=None,
        description="The agent that polishes or synthesises; the winner when left out.",
        examples=["analyst"],
    )
    tools: ToolsMode = Field(
        default="lead",
        description="The client's tools: one agent drives them, all propose calls and the "
        "majority wins, or none.",
    )
    lead: str | None = Field(
        default=None,
        description="The agent that drives the tools; the first whose model can when left out.",
        examples=["engineer"],
    )
    max_rounds: int = Field(default=1, ge=0, le=3, description="Refine rounds after a ballot.")
    quorum: int | None = Field(
        default=None,
        ge=1,
        description="Answers that start the grace; a majority when left out.",
        examples=[2],
    )
    grace: float = Field(
        default=0.5,
        ge=0,
        le=100,
        description="What stragglers get after the quorum, as a share of the time so far.",
    )
    hedge: bool = Field(default=False, description="Ask a late agent a second time.")
    borda_weight: float = Field(
        default=2.0, ge=0, le=100, description="Share of the ranked votes in the weighted rule."
    )
    early_stop: bool = Field(
        default=True,
        description="Stop a ballot whose leader cannot be overtaken.",
    )
    max_answer_tokens: int = Field(
        default=4096,
        ge=1,
        le=10_000_000,
        description="Of one answer, unless the client asks for less.",
    )
    progress: bool = Field(
        default=True,
        description="Tell the client as reasoning who answers and votes.",
    )
    usage_report: UsageReport = Field(
        default="delivered",
        description="The client's `usage`: last prompt and delivered answer, or the sum of all "
        "calls.",
    )
    limits: LimitsRecord = Field(
        default=LimitsRecord(), description="Bounds of one run.", examples=["{wall_s: 300}"]
    )
    voting_instruction: str | None = Field(
        default=None,
        min_length=1,
        max_length=4000,
        description="What a good answer is, for this panel's voters.",
        examples=["Prefer the answer with sources."],
    )
    weights: Weights = Field(
        default="learnt",
        description="`learnt`: answers weigh by what teams have told of each model's runs. "
        "`equal`: by the agents' `weight` alone.",
    )
    task_class: ShortNameText | None = Field(
        default=None,
        description="Under which outcomes are recorded and learnt. Left out: as each request is, "
        "one of vision, tools, structured, code, exact, prose.",
        examples=["coding"],
    )
    compaction: CompactionRecord = Field(
        default=CompactionRecord(),
        description="Of long conversations with this panel; that of its agents' models does not "
        "apply.",
        examples=["{summariser: gpt-5.4-mini}"],
    )
    created: int = Field(
        default=DEFAULT_CREATED_UNIX_S,
        ge=0,
        le=4_102_444_800,
        description="Shown by `/v1/models` as seconds since 1970.",
    )

    @property
    def seats(self) -> list[tuple[str, AgentRecord]]:
        """Every seat's id with the agent that it is of, in order."""
        return [(seat_id, agent) for agent in self.agents for seat_id in agent.seat_ids]


class MatchRecord(Record):
    """What makes a request a small one. All conditions that are given must hold."""

    phrases: Phrases = Field(
        default=[*KNOWN_PHRASES],
        description="One of them stands in the instructions or in the last user message, in "
        "whatever case and spacing. The default holds the phrases of known clients; an empty list "
        "is no condition.",
        examples=["['generate a short title']"],
    )
    without_tools: bool = Field(default=True, description="The request offers no tools.")
    max_prompt_tokens: int | None = Field(
        default=None,
        ge=1,
        le=100_000_000,
        description="The request is at most this long.",
        examples=[4000],
    )
    max_output_tokens: int | None = Field(
        default=None,
        ge=1,
        le=100_000_000,
        description="The request asks for at most so much.",
        examples=[100],
    )

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.phrases and self.max_prompt_tokens is None and self.max_output_tokens is None:
            raise RefusedError(
                "is empty, so that every request would match",
                "add a phrase, or max_output_tokens",
                at="phrases",
            )
        return self


class AuxiliaryRecord(Record):
    """Where small requests to panels go: titles, summaries, suggestions that clients ask for."""

    model: str = Field(
        description="The model that answers them, a key of `models`.", examples=["gpt-5.4-mini"]
    )
    panels: PanelNames = Field(
        default=[EVERY_PANEL],
        description="The panels whose small requests go there; `all` for every panel.",
        examples=["[council]"],
    )
    match: MatchRecord = Field(
        default=MatchRecord(),
        description="Which requests are small.",
        examples=["{max_output_tokens: 100}"],
    )


class RoutingRecord(Record):
    """Requests that are answered by another model than the one asked for."""

    auxiliary: AuxiliaryRecord | None = Field(
        default=None,
        description="Small requests to panels.",
        examples=["{model: gpt-5.4-mini, panels: all}"],
    )


class MassGenRecord(Record):
    """A folder of MassGen's own configuration files, each offered as the panel `massgen/FILE`."""

    folder: FolderPath = Field(
        description="Where they are; its subfolders count. A relative path starts at the folder "
        "of this configuration.",
        examples=["massgen"],
    )
    providers: dict[BackendTypeText, ShortNameText] = Field(
        default={},
        max_length=100,
        description="MassGen's backend types, and the provider that stands for each. Types left "
        "out find theirs by name, address or kind.",
        examples=["{claude: anthropic, chatcompletion: local}"],
    )
    default_provider: str | None = Field(
        default=None,
        description="For backend types without a provider; files that use such a type are "
        "refused when left out.",
        examples=["local"],
    )
    default_models: dict[BackendTypeText, UpstreamModel] = Field(
        default={},
        max_length=100,
        description="The model of a backend type where a file names none; MassGen's own defaults "
        "when left out.",
        examples=["{claude_code: claude-opus-4-6}"],
    )


class ConfigurationRecord(Record):
    """What stands at the top."""

    version: Annotated[int, AfterValidator(_version)] = Field(
        description=f"Of this format; this release reads {FORMAT_VERSION}.",
        examples=[FORMAT_VERSION],
    )
    providers: dict[ShortNameText, ProviderRecord] = Field(
        min_length=1,
        description="By name; the name is what `models` refer to.",
        examples=["{openai: {kind: openai, api_key: {env: OPENAI_API_KEY}}}"],
    )
    models: dict[PublicNameText, ModelRecord] = Field(
        default={},
        description="By public name. At least one, unless a provider discovers its models or "
        "MassGen's files name theirs.",
        examples=["{gpt-5.4: {provider: openai}}"],
    )
    panels: dict[PublicNameText, PanelRecord] = Field(
        default={},
        description="By public name.",
        examples=["{council: {agents: [{id: analyst, model: gpt-5.4}]}}"],
    )
    routing: RoutingRecord = Field(
        default=RoutingRecord(),
        description="Small requests.",
        examples=["{auxiliary: {model: gpt-5.4-mini}}"],
    )
    massgen: MassGenRecord | None = Field(
        default=None,
        description="Configurations of MassGen.",
        examples=["{folder: massgen}"],
    )
