from pathlib import Path

import pytest

from catalogue.configuration import Catalogue, parse_catalogue
from catalogue.embedded.rendering import EmbeddedConfigurationError, render_embedded

SIM_URL = "http://127.0.0.1:8090/p/ttft=50,call=250/v1"


def sim() -> Catalogue:
    text = render_embedded("sim", SIM_BASE_URL=SIM_URL)
    return parse_catalogue(text.encode(), Path("conclave.yaml"))


def openai() -> Catalogue:
    return parse_catalogue(
        render_embedded("openai").encode(), Path("conclave.yaml"), environ={"OPENAI_API_KEY": "k"}
    )


@pytest.mark.requirement("catalogue:embedded")
def test_the_simulated_installation_offers_a_council_a_model_and_embeddings() -> None:
    catalogue = sim()

    assert [name.id for name in catalogue.public_names()] == [
        "council",
        "sim",
        "gpt-sim",
        "sim-embed",
    ]
    assert catalogue.providers["sim"].base_url == SIM_URL
    assert catalogue.warnings == ()


@pytest.mark.requirement("catalogue:embedded")
def test_the_openai_installation_offers_a_council_models_and_embeddings() -> None:
    catalogue = openai()

    names = [name.id for name in catalogue.public_names()]
    assert names == ["council", "gpt-5.4", "gpt-5.4-mini", "text-embedding-3-small"]
    assert catalogue.warnings == ()


@pytest.mark.requirement("catalogue:embedded")
@pytest.mark.parametrize("catalogue", [sim(), openai()], ids=["sim", "openai"])
def test_a_council_has_three_agents_of_different_personas_and_delivers_what_was_voted_on(
    catalogue: Catalogue,
) -> None:
    panel = catalogue.panels["council"]

    assert [agent.agent_id for agent in panel.agents] == ["analyst", "engineer", "critic"]
    assert len({agent.persona for agent in panel.agents}) == 3
    assert (panel.present, panel.tools) == ("verbatim", "lead")


@pytest.mark.requirement("catalogue:embedded")
@pytest.mark.parametrize("catalogue", [sim(), openai()], ids=["sim", "openai"])
def test_embedding_models_answer_nothing_else(catalogue: Catalogue) -> None:
    embedding = [model for model in catalogue.models.values() if model.capabilities.embeddings]

    assert len(embedding) == 1
    assert all(model.dialects == () for model in embedding)


def test_missing_and_unknown_values_are_refused() -> None:
    with pytest.raises(EmbeddedConfigurationError, match="SIM_BASE_URL"):
        render_embedded("sim")
    with pytest.raises(EmbeddedConfigurationError, match="takes no values"):
        render_embedded("openai", SIM_BASE_URL="x")


@pytest.mark.parametrize("value", ['http://h"\nmodels: {}', "http://h\n", "", "http://h/ #"])
def test_a_value_cannot_leave_its_place(value: str) -> None:
    with pytest.raises(EmbeddedConfigurationError, match="SIM_BASE_URL"):
        render_embedded("sim", SIM_BASE_URL=value)
