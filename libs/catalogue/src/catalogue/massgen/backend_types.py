"""MassGen's backend types: which of our providers may stand for each, and its default model.

Names, hosts and defaults are those of MassGen 0.1.97. An operator's table comes before this one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from wire.specs import ProviderKind


@dataclass(frozen=True, slots=True)
class BackendType:
    """`names`, `hosts`, `kind`: by what a configured provider is recognised, in this order.

    `program`: MassGen starts a command-line agent for it; here only its model is asked.
    `generic`: any server may be meant, so the file's `base_url` says which.
    """

    names: tuple[str, ...]
    hosts: tuple[str, ...] = ()
    kind: ProviderKind | None = None
    default_model: str | None = None
    program: bool = False
    generic: bool = False


_OPENAI = ("api.openai.com",)
_ANTHROPIC = ("api.anthropic.com",)
_GOOGLE = ("generativelanguage.googleapis.com",)

BACKEND_TYPES: Mapping[str, BackendType] = {
    "openai": BackendType(("openai",), _OPENAI, "openai", "gpt-5.4"),
    "codex": BackendType(("codex", "openai"), _OPENAI, "openai", "gpt-5.4", program=True),
    "claude": BackendType(
        ("claude", "anthropic"), _ANTHROPIC, "anthropic", default_model="claude-opus-4-6"
    ),
    "claude_code": BackendType(
        ("claude_code", "claude", "anthropic"),
        _ANTHROPIC,
        "anthropic",
        default_model="claude-opus-4-6",
        program=True,
    ),
    "gemini": BackendType(("gemini", "google"), _GOOGLE, default_model="gemini-3-flash-preview"),
    "gemini_cli": BackendType(
        ("gemini_cli", "gemini", "google"),
        _GOOGLE,
        default_model="gemini-3.1-pro-preview",
        program=True,
    ),
    "antigravity_cli": BackendType(
        ("antigravity_cli", "gemini", "google"),
        _GOOGLE,
        default_model="gemini-3.5-flash",
        program=True,
    ),
    "grok": BackendType(("grok", "xai"), ("api.x.ai",), default_model="grok-4.20-0309-reasoning"),
    "azure_openai": BackendType(
        ("azure_openai", "azure"), kind="azure-openai", default_model="gpt-4o"
    ),
    "copilot": BackendType(
        ("copilot", "github-copilot"),
        ("api.githubcopilot.com",),
        default_model="gpt-5-mini",
        program=True,
    ),
    "chatcompletion": BackendType(("chatcompletion",), generic=True),
    "inference": BackendType(("inference",), generic=True),
    "lmstudio": BackendType(("lmstudio",), generic=True),
    "vllm": BackendType(("vllm",), generic=True),
    "sglang": BackendType(("sglang",), generic=True),
    "poe": BackendType(("poe",), ("api.poe.com",)),
    "uitars": BackendType(("uitars",), default_model="ui-tars-1.5", generic=True),
    "zai": BackendType(("zai",), ("api.z.ai", "open.bigmodel.cn"), default_model="glm-4.5"),
    "cerebras": BackendType(("cerebras",), ("api.cerebras.ai",), default_model="llama-3.3-70b"),
    "together": BackendType(
        ("together",),
        ("api.together.xyz", "api.together.ai"),
        default_model="Qwen/Qwen3-Coder-480B-A35B-Instruct-FP8",
    ),
    "fireworks": BackendType(
        ("fireworks",),
        ("api.fireworks.ai",),
        default_model="accounts/fireworks/models/llama-v3p3-70b-instruct",
    ),
    "groq": BackendType(("groq",), ("api.groq.com",), default_model="llama-3.3-70b-versatile"),
    "openrouter": BackendType(("openrouter",), ("openrouter.ai",)),
    "moonshot": BackendType(
        ("moonshot", "kimi"),
        ("api.moonshot.cn", "api.moonshot.ai"),
        default_model="moonshot-v1-128k",
    ),
    "nvidia_nim": BackendType(
        ("nvidia_nim", "nvidia"),
        ("integrate.api.nvidia.com",),
        default_model="moonshotai/kimi-k2.5",
    ),
    "nebius": BackendType(
        ("nebius",), ("api.studio.nebius.ai",), default_model="Qwen/Qwen3-4B-fast"
    ),
    "qwen": BackendType(
        ("qwen",),
        ("dashscope-intl.aliyuncs.com", "dashscope.aliyuncs.com"),
        default_model="qwen-max",
    ),
}

# What AG2 calls a vendor, and MassGen's type for it.
AG2_API_TYPES: Mapping[str, str] = {
    "openai": "openai",
    "responses": "openai",
    "azure": "azure_openai",
    "anthropic": "claude",
    "google": "gemini",
    "cerebras": "cerebras",
    "together": "together",
    "groq": "groq",
}

_MODEL_PREFIXES = {
    "gpt-": "openai",
    "o1": "openai",
    "o3": "openai",
    "o4": "openai",
    "claude": "claude",
    "gemini": "gemini",
    "grok": "grok",
    "glm": "zai",
}


def type_of_model(model: str) -> str | None:
    """The backend type that MassGen takes a model for when a file names none."""
    folded = model.lower()
    return next(
        (kind for prefix, kind in _MODEL_PREFIXES.items() if folded.startswith(prefix)), None
    )


def type_of_host(host: str | None) -> str | None:
    """Whose server it is, as far as the table knows."""
    for name, backend_type in BACKEND_TYPES.items():
        if host in backend_type.hosts and not backend_type.program:
            return name
    return None


def host_of(url: str | None) -> str | None:
    """None for what is no URL: a file may say anything."""
    try:
        return urlsplit(url).hostname if url else None
    except ValueError:
        return None
