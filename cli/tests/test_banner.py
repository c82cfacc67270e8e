import shlex
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from conclave_cli.banner import Offer, OfferedModel, banner, example_command


@pytest.fixture
def offer() -> Offer:
    return Offer(
        base_url="http://127.0.0.1:8000/v1",
        api_key="sk-conclave-1",
        api_key_file=Path("/here/.conclave/api-key"),
        admin_url="http://127.0.0.1:8001",
        admin_key_file=Path("/here/.conclave/admin-key"),
        metrics_url="http://127.0.0.1:8002/metrics",
        models=(OfferedModel("sim"), OfferedModel("council", agents=3)),
        providers="provider-sim",
        started_after_s=3.21,
    )


@pytest.mark.requirement("cli:banner")
def test_it_holds_all_that_a_first_request_needs(offer: Offer):
    text = banner(offer)

    for wanted in (
        offer.base_url, offer.api_key, "/here/.conclave/api-key", "sim, council (panel of 3)",
        "Ctrl-C",
    ):  # fmt: skip
        assert wanted in text


def test_the_command_is_one_a_shell_understands_and_streams_from_a_panel(offer: Offer):
    words = shlex.split(example_command(offer).replace("\\\n", ""))

    body = msgspec.json.decode(words[words.index("-d") + 1])
    assert words[:3] == ["curl", "-N", "http://127.0.0.1:8000/v1/chat/completions"]
    assert "Authorization: Bearer sk-conclave-1" in words
    assert (body["model"], body["stream"]) == ("council", True)


def test_without_a_panel_the_command_asks_the_first_model(offer: Offer):
    command = example_command(replace(offer, models=(OfferedModel("alpha"), OfferedModel("beta"))))

    assert '"model": "alpha"' in command


def test_a_quote_in_a_name_does_not_end_the_shells_quote(offer: Offer):
    command = example_command(replace(offer, models=(OfferedModel("it's"),)))

    words = shlex.split(command.replace("\\\n", ""))

    assert msgspec.json.decode(words[-1])["model"] == "it's"
