"""conclave.yaml while the platform runs: a good change is taken, a bad one refused and said."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import openai
import pytest
import yaml

from tests.system.platform_process import Platform, eventually

RELOAD_TIMEOUT_S = 10.0


@pytest.fixture
def configuration(config_file: Path, client: openai.OpenAI) -> Iterator[dict[str, Any]]:
    """What the shared platform runs on; the file is put back afterwards."""
    text = config_file.read_text()
    before = names(client)
    yield cast("dict[str, Any]", yaml.safe_load(text))
    config_file.write_text(text)
    eventually(lambda: names(client) == before, RELOAD_TIMEOUT_S, "the old configuration is back")


def names(client: openai.OpenAI) -> set[str]:
    return {model.id for model in client.models.list()}


@pytest.mark.requirement("system:hot-reload")
def test_a_new_panel_answers_without_a_restart(
    client: openai.OpenAI, config_file: Path, configuration: dict[str, Any]
):
    configuration["panels"]["fresh"] = configuration["panels"]["council"]
    config_file.write_text(yaml.safe_dump(configuration))
    eventually(lambda: "fresh" in names(client), RELOAD_TIMEOUT_S, "`fresh` is listed")

    answer = client.chat.completions.create(
        model="fresh",
        messages=[{"role": "user", "content": "Reply with exactly this text and nothing else: F"}],
    )

    assert answer.choices[0].message.content == "F"


@pytest.mark.requirement("system:hot-reload")
def test_a_bad_file_is_refused_with_its_place_and_the_old_one_kept(
    running: Platform, client: openai.OpenAI, config_file: Path, configuration: dict[str, Any]
):
    before, said = names(client), len(running.output)
    configuration["panels"]["council"]["agents"][0]["model"] = "simm"
    config_file.write_text(yaml.safe_dump(configuration))

    running.wait_for_output("simm", RELOAD_TIMEOUT_S, after=said)

    told = "".join(line for line in running.output[said:] if "simm" in line)
    assert "panels.council.agents[0].model" in told
    assert names(client) == before
    answer = client.chat.completions.create(
        model="council",
        messages=[{"role": "user", "content": "Reply with exactly this text and nothing else: O"}],
    )
    assert answer.choices[0].message.content == "O"
