"""Rules that a test posts: which requests get which profile. The first that matches applies."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Literal

from provider_sim.profiles import Overrides, read_overrides
from provider_sim.wire_errors import WireError

if TYPE_CHECKING:
    from provider_sim.json_types import Json, JsonObject

_MATCH_KEYS = ("model", "persona_regex", "text_regex", "kind", "nth")
_MOST_RULES = 1_000
_KINDS = (
    "answer", "ballot", "present", "tool", "summary", "embedding", "completion", "compact",
)  # fmt: skip
_RegexKey = Literal["persona_regex", "text_regex"]


@dataclass(slots=True)
class Rule:
    model: str
    persona: re.Pattern[str] | None
    text: re.Pattern[str] | None
    kind: str | None
    nth: frozenset[int]
    times: int | None
    profile: Overrides
    source: JsonObject
    matched: int = 0
    applied: int = 0

    def matches(self, request: RequestTraits) -> bool:
        return (
            fnmatchcase(request.model, self.model)
            and (self.kind is None or self.kind == request.kind)
            and (self.persona is None or self.persona.search(request.persona) is not None)
            and (self.text is None or self.text.search(request.text) is not None)
        )

    def due(self) -> bool:
        counted = not self.nth or self.matched in self.nth
        return counted and (self.times is None or self.applied < self.times)


@dataclass(frozen=True, slots=True)
class RequestTraits:
    """What a rule can match on."""

    model: str
    kind: str
    persona: str
    text: str


class Rules:
    def __init__(self) -> None:
        self._rules: list[Rule] = []

    def __bool__(self) -> bool:
        return bool(self._rules)

    def add(self, body: Json) -> int:
        """Append the rules of `[...]` or `{"rules": [...]}`; all or none."""
        listed = body.get("rules") if isinstance(body, dict) else body
        if not isinstance(listed, list):
            raise WireError('/_rules wants a list of rules, or {"rules": [...]}')
        rules = [_parse(rule, index) for index, rule in enumerate(listed)]
        if len(self._rules) + len(rules) > _MOST_RULES:
            raise WireError(f"/_rules holds at most {_MOST_RULES} rules; DELETE /_rules first")
        self._rules += rules
        return len(self._rules)

    def clear(self) -> None:
        self._rules.clear()

    def profile_for(self, request: RequestTraits) -> Overrides:
        chosen: Rule | None = None
        for rule in self._rules:
            if not rule.matches(request):
                continue
            rule.matched += 1
            if chosen is None and rule.due():
                chosen = rule
        if chosen is None:
            return {}
        chosen.applied += 1
        return chosen.profile

    def listing(self) -> list[Json]:
        return [
            {**rule.source, "matched": rule.matched, "applied": rule.applied}
            for rule in self._rules
        ]


def _parse(value: Json, index: int) -> Rule:
    where = f"/_rules[{index}]"
    if not isinstance(value, dict):
        raise WireError(f"{where} wants an object")
    match, profile = value.get("match") or {}, value.get("profile")
    if not isinstance(match, dict) or not isinstance(profile, dict):
        raise WireError(f"{where} wants `profile`, and `match` if given, to be objects")
    unknown = set(match) - set(_MATCH_KEYS)
    if unknown:
        raise WireError(f"{where}.match: unknown {sorted(unknown)}; known: {_MATCH_KEYS}")
    kind = match.get("kind")
    if kind is not None and kind not in _KINDS:
        raise WireError(f"{where}.match.kind is one of {_KINDS}, not {kind!r}")
    times = value.get("times")
    return Rule(
        model=str(match.get("model") or "*"),
        persona=_pattern(match, "persona_regex", where),
        text=_pattern(match, "text_regex", where),
        kind=str(kind) if kind is not None else None,
        nth=_numbers(match.get("nth"), where),
        times=times if isinstance(times, int) else None,
        profile=read_overrides(profile),
        source=value,
    )


def _pattern(match: JsonObject, key: _RegexKey, where: str) -> re.Pattern[str] | None:
    value = match.get(key)
    if value is None:
        return None
    try:
        return re.compile(str(value), re.IGNORECASE | re.DOTALL)
    except re.error as error:
        raise WireError(f"{where}.match.{key} is not a regular expression: {error}") from error


def _numbers(value: Json, where: str) -> frozenset[int]:
    if value is None:
        return frozenset()
    listed = value if isinstance(value, list) else [value]
    numbers = frozenset(number for number in listed if isinstance(number, int))
    if len(numbers) != len(listed):
        raise WireError(f"{where}.match.nth wants a number or a list of numbers, counted from 1")
    return numbers
