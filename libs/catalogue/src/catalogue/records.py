"""What `conclave.yaml` may hold: one record per kind of entry, with ranges, units and defaults.

Field names are those of `wire.specs`. Descriptions and examples end up in docs/configuration.md.
Checks that need more than one entry are in `references`.
"""

import re
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from wire.specs import Dialect, Present, Rule, SelfVote, ToolsMode, UsageReport

FORMAT_VERSION = 1
OPENAI_BASE_URL = "https://api.openai.com/v1"
# 2025-01-01T00:00:00Z: the same on every replica and after every restart.
DEFAULT_CREATED_UNIX_S = 1_735_689_600

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,199}")
_SHORT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_ENVIRONMENT_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_HEADER_VALUE = re.compile(r"[\x20-\x7e\t]{0,4000}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SECRET_HEADERS = frozenset(
    {"authorization", "proxy-authorization", "api-key", "x-api-key", "x-goog-api-key", "cookie"}
)
# How the well-known vendors' keys begin.
_SECRET_VALUE = re.compile(r"\s*(?:bearer\s|basic\s|sk-|sk_|hf_|gsk_|xai-|AIza)", re.IGNORECASE)
_NO_SECRETS = "use `api_key: {env: NAME}`; secrets never stand in this file"
_OWN_HEADERS = frozenset({"host", "content-length", "content-type", "transfer-encoding", "accept"})


class RefusedError(ValueError):
    """A finding that brings its own remedy; `at` names the field when a whole record is checked."""

    def __init__(self, message: str, fix: str, *, at: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix
        self.at = at


def _version(version: int) -> int:
    if version != FORMAT_VERSION:
        raise RefusedError("is a version this release does not read", f"write {FORMAT_VERSION}")
    return version


def _public_name(name: str) -> str:
    if not _NAME.fullmatch(name) or name.endswith("/") or "//" in name:
        raise RefusedError(
            "is not a usable name",
            "start with a letter or digit; then letters, digits and . _ : / @ + -, no double or "
            "trailing slash, at most 200 characters",
        )
    return name


def _short_name(name: str) -> str:
    if not _SHORT_NAME.fullmatch(name):
        raise RefusedError(
            "is not a usable name",
            "start with a letter or digit; then letters, digits and . _ -, at most 64 characters",
        )
    return name


def _base_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname)
        usable = usable and (parts.port is None or parts.port > 0)
    except ValueError:
        raise RefusedError("is not a URL", "write https://host/v1") from None
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        raise RefusedError(
            "holds credentials, a query or a fragment",
            "write the bare URL; a key belongs in `api_key` as {env: NAME} or {file: PATH}",
        )
    if not usable or re.search(r"[\s{}\x00-\x1f\x7f]", url):
        raise RefusedError("is not an http or https URL", "write https://host/v1")
    return url.rstrip("/")


def _environment_name(name: str) -> str:
    # The text is never repeated: it may be a key that was put here by mistake.
    if not _ENVIRONMENT_NAME.fullmatch(name):
        raise RefusedError(
            "is not the name of an environment variable",
            "write the variable's name, as in {env: OPENAI_API_KEY}; the key itself never stands "
            "in this file",
        )
    return name


def _file_path(path: str) -> str:
    if not path.strip() or _CONTROL.search(path):
        raise RefusedError("is not a path", "write the path of a file that holds the key alone")
    return path


def _header_name(name: str) -> str:
    if name.lower() in _SECRET_HEADERS:
        raise RefusedError(f"the header {name!r} would hold a secret", _NO_SECRETS)
    if name.lower() in _OWN_HEADERS or name.lower().startswith("x-conclave-"):
        raise RefusedError(f"the header {name!r} is set by Conclave itself", "remove it")
    if not _HEADER_NAME.fullmatch(name):
        raise RefusedError("is not the name of a header", "use letters, digits and -")
    return name


def _header_value(value: str) -> str:
    if _SECRET_VALUE.match(value):
        raise RefusedError("looks like a secret", _NO_SECRETS)
    if not _HEADER_VALUE.fullmatch(value):
        raise RefusedError("is not the value of a header", "use printable ASCII in one line")
    return value


def _distinct(values: list[str]) -> list[str]:
    for index, value in enumerate(values):
        if value in values[:index]:
            raise RefusedError(f"{value!r} stands twice", "keep one")
    return values


PublicNameText = Annotated[str, AfterValidator(_public_name)]
ShortNameText = Annotated[str, AfterValidator(_short_name)]
HeaderName = Annotated[str, AfterValidator(_header_name)]
HeaderValue = Annotated[str, AfterValidator(_header_value)]
Names = Annotated[list[PublicNameText], Field(max_length=32), AfterValidator(_distinct)]
Persona = Annotated[str, Field(min_length=1, max_length=20_000)]


class Record(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class SecretRecord(Record):
    """Where a secret is found. Exactly one of the two; the secret itself never stands here."""

    env: Annotated[str, AfterValidator(_environment_name)] | None = Field(
        default=None,
        description="Environment variable of the process that calls the provider.",
        examples=["OPENAI_API_KEY"],
    )
    file: Annotated[str, AfterValidator(_file_path)] | None = Field(
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


class ProviderRecord(Record):
    """Who is called, with which credentials, and how patiently."""

    kind: Literal["openai", "openai-compatible"] = Field(
        description="`openai`: OpenAI itself. `openai-compatible`: any server that speaks its "
        "Chat Completions.",
        examples=["openai-compatible"],
    )
    base_url: Annotated[str, AfterValidator(_base_url)] | None = Field(
        default=None,
        description=f"Where its API begins, version included. Kind `openai` may leave it out: "
        f"{OPENAI_BASE_URL}.",
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

    @model_validator(mode="after")
    def _has_a_url(self) -> Self:
        if self.base_url is None and self.kind != "openai":
            raise RefusedError(
                f"is required for kind {self.kind}",
                "add `base_url: http://host:port/v1`",
                at="base_url",
            )
        return self


class CapabilitiesRecord(Record):
    """What the backend itself can do. What it cannot is done by Conclave or refused."""

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
        description="The role `developer`. Left out: true for kind `openai` only.",
        examples=[False],
    )
    max_completion_tokens: bool | None = Field(
        default=None,
        description="The parameter of that name rather than `max_tokens`. Left out: true for kind "
        "`openai` only.",
        examples=[False],
    )
    late_system_messages: bool = Field(
        default=True, description="System messages after the conversation has begun."
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


class ModelRecord(Record):
    """A single model. Its key is the name clients ask for."""

    provider: str = Field(description="A key of `providers`.", examples=["openai"])
    upstream_model: str | None = Field(
        default=None,
        min_length=1,
        max_length=200,
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
    dialects: Annotated[list[Dialect], AfterValidator(_distinct)] = Field(
        default=["chat"],
        description="What the provider speaks for this model. Empty for a model that only embeds.",
        examples=["[chat, responses]"],
    )
    created: int = Field(
        default=DEFAULT_CREATED_UNIX_S,
        ge=0,
        le=4_102_444_800,
        description="Shown by `/v1/models` as seconds since 1970.",
    )

    @model_validator(mode="after")
    def _speaks(self) -> Self:
        if not self.dialects and not self.capabilities.embeddings:
            raise RefusedError(
                "is empty, and the model has no embeddings either",
                "write [chat], or `capabilities: {embeddings: true}`",
                at="dialects",
            )
        return self

    @property
    def only_embeds(self) -> bool:
        return not self.dialects


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
        max_length=32,
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
    created: int = Field(
        default=DEFAULT_CREATED_UNIX_S,
        ge=0,
        le=4_102_444_800,
        description="Shown by `/v1/models` as seconds since 1970.",
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
        min_length=1,
        description="By public name.",
        examples=["{gpt-5.4: {provider: openai}}"],
    )
    panels: dict[PublicNameText, PanelRecord] = Field(
        default={},
        description="By public name.",
        examples=["{council: {agents: [{id: analyst, model: gpt-5.4}]}}"],
    )
