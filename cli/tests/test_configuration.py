from pathlib import Path

import pytest

from catalogue import render_embedded
from conclave_cli.configuration import ChosenConfiguration, choose_configuration
from conclave_cli.errors import ConfigurationRefusedError
from conclave_cli.ports import PortBlock
from conclave_cli.settings import CliSettings
from conclave_cli.state_directory import StateDirectory

SIM = render_embedded("sim", SIM_BASE_URL="http://127.0.0.1:1/v1")


@pytest.fixture
def state(tmp_path: Path) -> StateDirectory:
    state = StateDirectory(tmp_path / "state")
    state.prepare()
    return state


def choose(state: StateDirectory, **values: object) -> ChosenConfiguration:
    settings = CliSettings.model_validate(values)
    return choose_configuration(settings, state, PortBlock(9000), {"OPENAI_API_KEY": "sk-1"})


def test_with_nothing_set_it_is_the_simulator_at_its_port(state: StateDirectory):
    chosen = choose(state)

    assert chosen.with_sim
    assert chosen.path == state.rendered_config_file
    assert chosen.catalogue.providers["sim"].base_url == "http://127.0.0.1:9090/v1"
    assert {"council", "sim", "gpt-sim", "sim-embed"} <= {
        known.id for known in chosen.catalogue.public_names()
    }


def test_with_openais_key_it_is_openai(state: StateDirectory):
    chosen = choose(state, OPENAI_API_KEY="sk-1")

    assert not chosen.with_sim
    assert set(chosen.catalogue.providers) == {"openai"}


def test_a_file_of_ones_own_beats_openais_key_and_is_used_where_it_is(
    state: StateDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "mine.yaml").write_text(SIM)
    monkeypatch.chdir(tmp_path)

    chosen = choose(state, OPENAI_API_KEY="sk-1", config="mine.yaml")

    assert chosen.path == tmp_path / "mine.yaml"
    assert not chosen.with_sim
    assert not state.rendered_config_file.exists()


def test_a_bad_file_is_refused_with_its_problems_and_places(state: StateDirectory, tmp_path: Path):
    file = tmp_path / "conclave.yaml"
    file.write_text(SIM.replace("provider: sim", "provider: smi"))

    with pytest.raises(ConfigurationRefusedError) as refused:
        choose(state, config=file)

    assert f"\n{file}:" in refused.value.message
    assert "models.sim.provider" in refused.value.message


def test_a_missing_key_is_a_warning(state: StateDirectory, tmp_path: Path):
    file = tmp_path / "conclave.yaml"
    file.write_text(render_embedded("openai").replace("OPENAI_API_KEY", "KEY_THAT_IS_NOT_SET"))

    chosen = choose(state, config=file)

    assert any("KEY_THAT_IS_NOT_SET" in str(problem) for problem in chosen.catalogue.warnings)
