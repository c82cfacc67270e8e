"""`GET /v1/models`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provider_sim.settings import LISTED_MODELS
from provider_sim.wire_errors import unknown_model

if TYPE_CHECKING:
    from provider_sim.json_types import Json, JsonObject
    from provider_sim.settings import Settings

_CREATED = 1_735_689_600


class ModelList:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def listing(self) -> JsonObject:
        names = self._settings.models or LISTED_MODELS
        data: list[Json] = [self._model(name) for name in names]
        return {"object": "list", "data": data}

    def one(self, name: str) -> JsonObject:
        """One model.

        Raises:
            WireError: the simulator was started with other models only.
        """
        if self._settings.models and name not in self._settings.models:
            raise unknown_model(name)
        return self._model(name)

    def _model(self, name: str) -> JsonObject:
        settings = self._settings
        return {
            "id": name,
            "object": "model",
            "created": _CREATED,
            "owned_by": "provider-sim",
            "context_window": settings.window_tokens.get(name, settings.default_window_tokens),
        }
