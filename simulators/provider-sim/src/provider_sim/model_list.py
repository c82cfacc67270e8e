"""The list of models, as each vendor shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from provider_sim.settings import LISTED_MODELS
from provider_sim.wire_errors import unknown_model

if TYPE_CHECKING:
    from collections.abc import Callable

    from provider_sim.json_types import Json, JsonObject
    from provider_sim.settings import Settings

ModelShape: TypeAlias = "Callable[[str, int], JsonObject]"
"""A model by its name and context window."""

_CREATED = 1_735_689_600
_CREATED_AT = "2025-01-01T00:00:00Z"
_MOST_OUTPUT_TOKENS = 64_000


class ModelList:
    def __init__(self, settings: Settings, shape: ModelShape) -> None:
        self._settings = settings
        self._shape = shape

    def listing(self) -> JsonObject:
        names = self._settings.models or LISTED_MODELS
        data: list[Json] = [self._model(name) for name in names]
        if self._shape is anthropic_model:
            return {
                "data": data,
                "has_more": False,
                "first_id": names[0],
                "last_id": names[-1],
            }
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
        window = settings.window_tokens.get(name, settings.default_window_tokens)
        return self._shape(name, window)


def openai_model(name: str, window_tokens: int) -> JsonObject:
    """With the window, as vLLM and others add it."""
    return {
        "id": name,
        "object": "model",
        "created": _CREATED,
        "owned_by": "provider-sim",
        "context_window": window_tokens,
    }


def anthropic_model(name: str, window_tokens: int) -> JsonObject:
    """Without the vendor's long table of capabilities, which it may leave out."""
    return {
        "type": "model",
        "id": name,
        "display_name": name,
        "created_at": _CREATED_AT,
        "lifecycle": "active",
        "max_input_tokens": window_tokens,
        "max_tokens": min(window_tokens, _MOST_OUTPUT_TOKENS),
        "capabilities": None,
    }


def azure_model(name: str, _window_tokens: int) -> JsonObject:
    """What the resource could deploy, with what it can do."""
    embeds = "embed" in name
    return {
        "id": name,
        "object": "model",
        "status": "succeeded",
        "created_at": _CREATED,
        "lifecycle_status": "generally-available",
        "capabilities": {
            "chat_completion": not embeds,
            "completion": False,
            "embeddings": embeds,
            "fine_tune": False,
            "inference": True,
        },
    }
