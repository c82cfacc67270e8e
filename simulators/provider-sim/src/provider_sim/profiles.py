"""How the caller steers one request: latency, faults, script.

A profile is written `key=value,flag,...`: in the path (`/p/ttft=50,call=250/v1`), behind the
model's name (`sim@fault=500`) or in a rule. Later sources override earlier ones key by key;
faults add up, and `fault=none` clears those before it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import unquote

from provider_sim.latency import LatencyLaw
from provider_sim.replies import FORGOTTEN_SHARE, Script
from provider_sim.wire_errors import WireError

if TYPE_CHECKING:
    from collections.abc import Mapping

Overrides: TypeAlias = "Mapping[str, int | float | str | frozenset[str]]"

STATUSES = frozenset({400, 401, 402, 403, 404, 408, 409, 429, 500, 502, 503, 504, 529})
FAULTS = frozenset(
    {
        "insufficient_quota", "context_overflow", "content_filter_400", "reset", "hang",
        "hang_after_headers", "trickle", "malformed", "truncated", "split", "utf8_split",
        "huge_event", "error_body_200", "no_usage", "wrong_usage", "endless", "content_filter",
        "empty", "garbage_ballot", "empty_ballot",
    }
)  # fmt: skip
DELIVERED_WHOLE = frozenset(
    {
        "no_usage", "wrong_usage", "split", "utf8_split", "huge_event", "content_filter", "empty",
        "garbage_ballot", "empty_ballot", "none",
    }
)  # fmt: skip
"""Faults after which the exchange still counts as completed."""
_AFTER_FAULTS = ("stall_after", "reset_after", "cut_after", "close_after", "mid_error_after")
_INTEGERS = {*_AFTER_FAULTS, "tokens", "window", "seed"}
_DECIMALS = {
    "ttft_ms", "inter_token_ms", "total_ms", "jitter", "straggler", "straggler_factor",
    "retry_after", "fault_probability", "fault_delay_ms", "forget",
}  # fmt: skip
_ALIASES = {
    "ttft": "ttft_ms",
    "itl": "inter_token_ms",
    "call": "total_ms",
    "total": "total_ms",
    "factor": "straggler_factor",
    "fault_delay": "fault_delay_ms",
    "status": "fault",
}


def no_overrides() -> Overrides:
    """Nothing said."""
    return {}


@dataclass(frozen=True, slots=True)
class Profile:
    latency: LatencyLaw = field(default_factory=LatencyLaw)
    faults: frozenset[str] = frozenset()
    """Names of `FAULTS`, and statuses as text."""
    fault_probability: float = 1.0
    fault_delay_ms: float = 0.0
    retry_after_s: float | None = None
    stall_after: int | None = None
    reset_after: int | None = None
    cut_after: int | None = None
    close_after: int | None = None
    mid_error_after: int | None = None
    window: int | None = None
    script: Script = field(default_factory=Script)

    def without_faults(self) -> Profile:
        """The same, for the requests that a fault's probability spares."""
        calm: dict[str, None] = dict.fromkeys(_AFTER_FAULTS)
        return replace(
            self,
            faults=frozenset(),
            script=Script(
                seed=self.script.seed,
                text=self.script.text,
                tokens=self.script.tokens,
                forget=self.script.forget,
            ),
            **calm,
        )

    def names_of_faults(self) -> list[str]:
        numbered = [name for name in _AFTER_FAULTS if getattr(self, name) is not None]
        return sorted(self.faults) + numbered


def parse_profile(text: str) -> Overrides:
    """Read `key=value,flag,...`.

    Raises:
        WireError: an unknown key or a value of the wrong kind.
    """
    found: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        key, equals, value = part.partition("=")
        if not equals:
            key, value = "fault", key
        key = _ALIASES.get(key, key)
        value = unquote(value)
        found[key] = f"{found[key]}+{value}" if key == "fault" and key in found else value
    return read_overrides(found)


def read_overrides(values: Mapping[str, object]) -> Overrides:
    """The same keys out of a JSON object; a fault may also stand as `"hang": true`."""
    read: dict[str, int | float | str | frozenset[str]] = {}
    for name, value in values.items():
        key = _ALIASES.get(name, name)
        if isinstance(value, bool) and name in FAULTS:
            read["fault"] = frozenset({name if value else "none"})
        else:
            read[key] = _read(key, str(value))
    return read


def _read(key: str, value: str) -> int | float | str | frozenset[str]:
    if key == "fault":
        return _read_faults(value)
    if key == "reply":
        return value
    try:
        if key in _INTEGERS:
            return int(value)
        if key in _DECIMALS:
            return float(value)
    except ValueError as error:
        raise WireError(f"provider-sim profile: '{key}' wants a number, not '{value}'") from error
    known = sorted({"fault", "reply", *_INTEGERS, *_DECIMALS, *_ALIASES})
    raise WireError(f"provider-sim profile: unknown key '{key}'; known: {', '.join(known)}")


def _read_faults(value: str) -> frozenset[str]:
    names = frozenset(filter(None, value.split("+")))
    for name in names:
        if name not in FAULTS and name != "none" and not _is_status(name):
            known = ", ".join([*map(str, sorted(STATUSES)), *sorted(FAULTS), "none"])
            raise WireError(f"provider-sim profile: unknown fault '{name}'; known: {known}")
    return names


def _is_status(name: str) -> bool:
    return name.isdigit() and int(name) in STATUSES


def split_model(model: str) -> tuple[str, str]:
    """The model's own name, and the profile behind an `@`; names may hold an `@` of their own."""
    name, at, suffix = model.rpartition("@")
    if not at or not name:
        return model, ""
    looks_like_profile = "=" in suffix or all(part in FAULTS for part in suffix.split(","))
    return (name, suffix) if looks_like_profile else (model, "")


def combine(sources: list[Overrides]) -> Profile:
    """One profile out of defaults, path, model suffix and rule, in this order."""
    if len(sources) == 1 and not sources[0]:
        return Profile()
    values: dict[str, int | float | str | frozenset[str]] = {}
    faults: frozenset[str] = frozenset()
    for source in sources:
        values.update(source)
        named = source.get("fault")
        if isinstance(named, frozenset):
            faults = named - {"none"} if "none" in named else faults | named
    return _profile(values, faults)


def _profile(
    values: Mapping[str, int | float | str | frozenset[str]], faults: frozenset[str]
) -> Profile:
    def number(key: str, default: float) -> float:
        value = values.get(key)
        return float(value) if isinstance(value, int | float) else default

    def whole(key: str) -> int | None:
        value = values.get(key)
        return value if isinstance(value, int) else None

    reply = values.get("reply")
    return Profile(
        latency=LatencyLaw(
            ttft_ms=number("ttft_ms", 0),
            inter_token_ms=number("inter_token_ms", 0),
            total_ms=number("total_ms", 0) if "total_ms" in values else None,
            jitter=number("jitter", 0),
            straggler_probability=number("straggler", 0),
            straggler_factor=number("straggler_factor", 6),
        ),
        faults=faults,
        fault_probability=number("fault_probability", 1),
        fault_delay_ms=number("fault_delay_ms", 0),
        retry_after_s=number("retry_after", 0) if "retry_after" in values else None,
        stall_after=whole("stall_after"),
        reset_after=whole("reset_after"),
        cut_after=whole("cut_after"),
        close_after=whole("close_after"),
        mid_error_after=whole("mid_error_after"),
        window=whole("window"),
        script=Script(
            seed=whole("seed") or 0,
            text=reply if isinstance(reply, str) else None,
            tokens=whole("tokens"),
            empty="empty" in faults,
            garbage_ballot="garbage_ballot" in faults,
            empty_ballot="empty_ballot" in faults,
            content_filter="content_filter" in faults,
            forget=number("forget", FORGOTTEN_SHARE),
        ),
    )
