"""Resolved records: safe to log and to store, bounded by default."""

from __future__ import annotations

import msgspec
import pytest

from wire.specs import (
    CompactionSpec,
    ModelSpec,
    PanelSpec,
    ProviderSpec,
    RunLimits,
    SecretReference,
)

PROVIDER = ProviderSpec(
    name="openai",
    kind="openai",
    base_url="https://api.openai.com/v1",
    api_key=SecretReference(env="OPENAI_API_KEY"),
)


def test_a_provider_travels_with_the_place_of_its_secret_and_not_the_secret() -> None:
    written = msgspec.json.decode(msgspec.json.encode(PROVIDER))

    assert written["api_key"] == {"env": "OPENAI_API_KEY"}


def test_a_fallback_chain_survives_the_journey() -> None:
    last = ModelSpec(name="c", provider=PROVIDER, upstream_model="c")
    middle = ModelSpec(name="b", provider=PROVIDER, upstream_model="b", fallbacks=(last,))
    first = ModelSpec(name="a", provider=PROVIDER, upstream_model="a", fallbacks=(middle,))

    assert msgspec.json.decode(msgspec.json.encode(first), type=ModelSpec) == first


def test_compaction_travels_with_its_summariser_and_costs_no_byte_when_it_is_the_default() -> None:
    plain = ModelSpec(name="a", provider=PROVIDER, upstream_model="a")
    summarised = msgspec.structs.replace(plain, compaction=CompactionSpec(summariser=plain))

    assert b"compaction" not in msgspec.json.encode(plain)
    assert msgspec.json.decode(msgspec.json.encode(summarised), type=ModelSpec) == summarised


def test_every_bound_of_a_run_is_on_by_default_except_money_without_prices() -> None:
    limits = RunLimits()

    assert (
        min(limits.wall_s, limits.max_calls, limits.max_input_tokens, limits.max_output_tokens) > 0
    )
    assert limits.max_usd is None


@pytest.mark.parametrize("rule", ["dictator", "", None])
def test_an_unknown_rule_is_refused(rule: str | None) -> None:
    document: dict[str, object] = {"name": "p", "agents": [], "rule": rule}

    with pytest.raises(msgspec.ValidationError, match="rule"):
        msgspec.convert(document, PanelSpec)
