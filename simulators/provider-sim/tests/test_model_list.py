"""The models on offer."""

import pytest

from provider_sim.model_list import ModelList, anthropic_model, azure_model, openai_model
from provider_sim.settings import LISTED_MODELS, Settings
from provider_sim.wire_errors import WireError


def test_any_name_is_a_model_unless_some_are_named() -> None:
    models = ModelList(Settings(window_tokens={"org/x:1": 9}), openai_model)

    assert models.one("org/x:1")["context_window"] == 9
    data = models.listing()["data"]
    assert isinstance(data, list)
    assert len(data) == len(LISTED_MODELS)


def test_a_model_that_is_not_named_does_not_exist() -> None:
    with pytest.raises(WireError) as caught:
        ModelList(Settings(models=("a",)), openai_model).one("b")

    assert (caught.value.status, caught.value.code) == (404, "model_not_found")


def test_anthropic_lists_in_pages() -> None:
    listing = ModelList(Settings(models=("a", "b")), anthropic_model).listing()

    assert (listing["has_more"], listing["first_id"], listing["last_id"]) == (False, "a", "b")


def test_azure_says_what_a_model_can_do() -> None:
    models = ModelList(Settings(), azure_model)

    chats, embeds = (models.one(name)["capabilities"] for name in ("gpt-x", "text-embed"))

    assert isinstance(chats, dict)
    assert isinstance(embeds, dict)
    assert (chats["chat_completion"], chats["embeddings"]) == (True, False)
    assert (embeds["chat_completion"], embeds["embeddings"]) == (False, True)
