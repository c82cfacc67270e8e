"""The models on offer."""

import pytest

from provider_sim.model_list import ModelList
from provider_sim.settings import LISTED_MODELS, Settings
from provider_sim.wire_errors import WireError


def test_any_name_is_a_model_unless_some_are_named() -> None:
    models = ModelList(Settings(window_tokens={"org/x:1": 9}))

    assert models.one("org/x:1")["context_window"] == 9
    data = models.listing()["data"]
    assert isinstance(data, list)
    assert len(data) == len(LISTED_MODELS)


def test_a_model_that_is_not_named_does_not_exist() -> None:
    with pytest.raises(WireError) as caught:
        ModelList(Settings(models=("a",))).one("b")

    assert (caught.value.status, caught.value.code) == (404, "model_not_found")
