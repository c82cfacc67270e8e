"""Profiles in words."""

import pytest

from provider_sim.latency import LatencyLaw
from provider_sim.profiles import combine, parse_profile, read_overrides, split_model
from provider_sim.wire_errors import WireError


def test_keys_flags_and_aliases_are_read() -> None:
    profile = combine([parse_profile("ttft=50,call=250,fault=no_usage,split,stall_after=3,seed=4")])

    assert profile.latency == LatencyLaw(ttft_ms=50, total_ms=250)
    assert profile.faults == {"no_usage", "split"}
    assert (profile.stall_after, profile.script.seed) == (3, 4)
    assert profile.names_of_faults() == ["no_usage", "split", "stall_after"]


def test_a_reply_may_be_percent_encoded() -> None:
    assert combine([parse_profile("reply=a%2Cb%20c")]).script.text == "a,b c"


@pytest.mark.requirement("provider-sim:steering")
def test_later_sources_override_and_faults_add_up() -> None:
    profile = combine(
        [parse_profile("ttft=50,itl=2"), parse_profile("ttft=10,split"), parse_profile("fault=500")]
    )

    assert (profile.latency.ttft_ms, profile.latency.inter_token_ms) == (10, 2)
    assert profile.faults == {"split", "500"}
    assert combine([parse_profile("fault=500"), parse_profile("fault=none")]).faults == frozenset()


@pytest.mark.parametrize(
    "text", ["speed=9", "ttft=fast", "fault=boom", "fault=418", "boom", "stall_after=x"]
)
def test_what_it_does_not_know_is_refused_by_name(text: str) -> None:
    with pytest.raises(WireError, match="provider-sim profile"):
        parse_profile(text)


def test_rules_may_write_faults_as_json() -> None:
    assert read_overrides({"hang": True})["fault"] == {"hang"}
    assert read_overrides({"fault": 500, "ttft": 5}) == {"fault": {"500"}, "ttft_ms": 5.0}


@pytest.mark.parametrize(
    ("model", "parts"),
    [
        ("sim", ("sim", "")),
        ("sim@fault=500", ("sim", "fault=500")),
        ("sim@hang", ("sim", "hang")),
        ("org/model@v2", ("org/model@v2", "")),
        ("org/m@v2@ttft=1", ("org/m@v2", "ttft=1")),
        ("@ttft=1", ("@ttft=1", "")),
    ],
)
def test_only_a_profile_is_split_off_a_models_name(model: str, parts: tuple[str, str]) -> None:
    assert split_model(model) == parts


def test_requests_that_a_fault_spares_keep_their_latency_and_script() -> None:
    profile = combine([parse_profile("ttft=5,fault=500+empty,cut_after=1,tokens=9,seed=2")])

    calm = profile.without_faults()

    assert calm.names_of_faults() == []
    assert (calm.latency.ttft_ms, calm.script.tokens, calm.script.seed) == (5, 9, 2)
    assert not calm.script.empty
