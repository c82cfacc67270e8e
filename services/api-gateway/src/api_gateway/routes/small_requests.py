"""Small requests to a panel, led to the one model that the operator chose for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from api_gateway.lanes.run import panel_of_one
from api_gateway.lanes.small_requests import small_request_model

if TYPE_CHECKING:
    from api_gateway.routes.exchange import Exchange
    from catalogue import Catalogue
    from wire.conversation import GenerationRequest
    from wire.specs import PanelSpec


def routed_panel(
    exchange: Exchange, catalogue: Catalogue, panel: PanelSpec, request: GenerationRequest
) -> PanelSpec:
    """What runs: the panel itself, or a panel of one for a small request.

    Either way it is a run, so that its record shows what was asked for and what answered. The
    client is told in `x-conclave-routed`, and can insist with `x-conclave-small-requests: off`.
    """
    if not exchange.asks(b"x-conclave-small-requests", default=True):
        return panel
    model = small_request_model(catalogue, panel, request)
    if model is None:
        return panel
    exchange.routed_to(model.name)
    return panel_of_one(model)
