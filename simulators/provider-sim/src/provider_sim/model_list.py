"""`GET /v1/models`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from provider_sim.json_types import Json, JsonObject, dumps
from provider_sim.settings import LISTED_MODELS
from provider_sim.wire_errors import unknown_model

if TYPE_CHECKING:
    from provider_sim.settings import Settings

_CREATED = 1_735_689_600


class ModelList:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    async def listing(self, _request: web.Request) -> web.Response:
        names = self._settings.models or LISTED_MODELS
        data: list[Json] = [self._model(name) for name in names]
        return _json({"object": "list", "data": data})

    async def one(self, request: web.Request) -> web.Response:
        name = request.match_info["model"]
        if self._settings.models and name not in self._settings.models:
            error = unknown_model(name)
            return web.Response(
                body=error.body(), status=error.status, content_type="application/json"
            )
        return _json(self._model(name))

    def _model(self, name: str) -> JsonObject:
        settings = self._settings
        return {
            "id": name,
            "object": "model",
            "created": _CREATED,
            "owned_by": "provider-sim",
            "context_window": settings.window_tokens.get(name, settings.default_window_tokens),
        }


def _json(value: JsonObject) -> web.Response:
    return web.Response(body=dumps(value), content_type="application/json")
