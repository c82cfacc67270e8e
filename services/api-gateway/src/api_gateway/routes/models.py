"""GET /v1/models and /v1/models/{id}."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from catalogue import PanelEntry, estimate_panel
from wire.errors import ModelNotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable

    from api_gateway.routes.exchange import Exchange
    from catalogue import Catalogue, PublicName
    from wire.specs import PanelSpec

# What a panel's estimate is of: a question with some context, and a page in answer.
PROMPT_TOKENS = 1000
ANSWER_TOKENS = 500

_encode = msgspec.json.Encoder().encode


class CountSpan(msgspec.Struct):
    """If all agree at once, as a rule, and at worst."""

    min: int
    typical: int
    max: int


class AmountSpan(msgspec.Struct):
    """If all agree at once, as a rule, and at worst."""

    min: float
    typical: float
    max: float


class Estimate(msgspec.Struct, omit_defaults=True):
    """Of one request of that size. No `usd`, no `duration_s`: prices or speeds are not known."""

    prompt_tokens: int
    answer_tokens: int
    calls: CountSpan
    input_tokens: CountSpan
    output_tokens: CountSpan
    usd: AmountSpan | None = None
    duration_s: AmountSpan | None = None


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
    estimate: Estimate | None = None


class ModelListing(msgspec.Struct):
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
        models = [_model(name, catalogue) for name in catalogue.public_names()]
        self._listing = _encode(ModelListing("list", models))
        self._models = {model.id: _encode(model) for model in models}
        self._encoded_for = catalogue


def _model(name: PublicName, catalogue: Catalogue) -> ModelObject:
    entry = catalogue.resolve(name.id)
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
        estimate=_estimate(entry.spec) if isinstance(entry, PanelEntry) else None,
    )


def _estimate(panel: PanelSpec) -> Estimate:
    of = estimate_panel(panel, PROMPT_TOKENS, ANSWER_TOKENS)
    return Estimate(
        prompt_tokens=PROMPT_TOKENS,
        answer_tokens=ANSWER_TOKENS,
        calls=CountSpan(of.calls_min, of.calls_typical, of.calls_max),
        input_tokens=CountSpan(of.input_tokens_min, of.input_tokens_typical, of.input_tokens_max),
        output_tokens=CountSpan(
            of.output_tokens_min, of.output_tokens_typical, of.output_tokens_max
        ),
        usd=_amounts(of.usd_min, of.usd_typical, of.usd_max, digits=6),
        duration_s=_amounts(of.duration_s_min, of.duration_s_typical, of.duration_s_max, digits=1),
    )


def _amounts(
    least: float | None, typical: float | None, most: float | None, *, digits: int
) -> AmountSpan | None:
    if least is None or typical is None or most is None:
        return None
    return AmountSpan(round(least, digits), round(typical, digits), round(most, digits))
