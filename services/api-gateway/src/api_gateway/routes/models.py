"""GET /v1/models and /v1/models/{id}."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from wire.errors import ModelNotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable

    from api_gateway.routes.exchange import Exchange
    from catalogue import Catalogue, PublicName

_encode = msgspec.json.Encoder().encode


class ModelObject(msgspec.Struct, omit_defaults=True):
    """OpenAI's members first; clients keep or ignore the others."""

    id: str
    object: str
    created: int
    owned_by: str
    kind: str
    context_window: int
    capabilities: dict[str, bool]
    max_output_tokens: int | None = None
    alias_of: str | None = None


class _Listing(msgspec.Struct):
    object: str
    data: list[ModelObject]


class ModelsRoutes:
    """What a client may ask for. The listing is encoded once per configuration."""

    def __init__(self, catalogue: Callable[[], Catalogue]) -> None:
        self._catalogue = catalogue
        self._encoded_for: Catalogue | None = None
        self._listing = b""
        self._models: dict[str, bytes] = {}

    async def list_all(self, exchange: Exchange) -> None:
        self._refresh()
        await exchange.respond(self._listing)

    async def retrieve(self, exchange: Exchange) -> None:
        """One model by its id, which may hold slashes and colons.

        Raises:
            ModelNotFoundError: there is none of that name.
        """
        self._refresh()
        model_id = exchange.params["model"].strip("/")
        encoded = self._models.get(model_id) if model_id else self._listing
        if encoded is None:
            raise ModelNotFoundError(model_id)
        await exchange.respond(encoded)

    def _refresh(self) -> None:
        catalogue = self._catalogue()
        if catalogue is self._encoded_for:
            return
        models = [_model(name) for name in catalogue.public_names()]
        self._listing = _encode(_Listing("list", models))
        self._models = {model.id: _encode(model) for model in models}
        self._encoded_for = catalogue


def _model(name: PublicName) -> ModelObject:
    return ModelObject(
        id=name.id,
        object="model",
        created=name.created,
        owned_by=name.owned_by,
        kind=name.kind,
        context_window=name.context_window_tokens,
        capabilities={
            each: value
            for each, value in msgspec.structs.asdict(name.capabilities).items()
            if isinstance(value, bool)
        },
        max_output_tokens=name.max_output_tokens,
        alias_of=name.alias_of,
    )
