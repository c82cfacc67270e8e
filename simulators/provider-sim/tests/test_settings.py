"""The command line."""

import pytest

from provider_sim.profiles import combine
from provider_sim.settings import parse_settings


def test_defaults_stream_fast_but_visibly() -> None:
    settings = parse_settings([])

    latency = combine([settings.profile]).latency
    assert (settings.host, settings.port, settings.models) == ("127.0.0.1", 8090, ())
    assert (latency.ttft_ms, latency.inter_token_ms) == (30, 2)
    assert settings.default_window_tokens == 128_000


def test_everything_can_be_said() -> None:
    arguments = (
        "--port 0 --models a,b --api-key k --context-window 9000 --context-window b=100 "
        "--profile total=5,jitter=0.1 --keep-bodies --seed 3 --refuse-unknown-fields"
    )

    settings = parse_settings(arguments.split())

    assert (settings.port, settings.models, settings.api_key) == (0, ("a", "b"), "k")
    assert (settings.default_window_tokens, settings.window_tokens) == (9000, {"b": 100})
    assert combine([settings.profile]).latency.total_ms == 5
    assert settings.keep_bodies
    assert settings.refuse_unknown_fields


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--context-window", "many"], "wants N or MODEL=N"),
        (["--profile", "speed=1"], "unknown key 'speed'"),
        (["--port", "x"], "invalid int"),
    ],
)
def test_a_bad_value_is_named(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        parse_settings(arguments)

    assert message in capsys.readouterr().err


def test_help_shows_how_to_choose_a_profile(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse_settings(["--help"])

    assert ended.value.code == 0
    assert "sim@fault=429" in capsys.readouterr().out
