"""Descriptors of internal endpoints."""

from __future__ import annotations

from typing import cast

import pytest

from wire import endpoints
from wire.endpoints import Endpoint, StreamEndpoint

EVERY = [
    cast("Endpoint[object, object]", value)
    for value in vars(endpoints).values()
    if isinstance(value, Endpoint)
]


@pytest.mark.requirement("wire:endpoints:one-descriptor")
def test_no_two_endpoints_share_a_name_or_a_route() -> None:
    assert len({endpoint.name for endpoint in EVERY}) == len(EVERY)
    assert len({(endpoint.method, endpoint.path) for endpoint in EVERY}) == len(EVERY)


@pytest.mark.parametrize("endpoint", EVERY, ids=lambda endpoint: endpoint.name)
def test_internal_routes_stand_apart_from_public_ones(endpoint: Endpoint[object, object]) -> None:
    assert endpoint.path.startswith("/internal/v1/")


@pytest.mark.requirement("wire:endpoints:one-descriptor")
def test_a_path_is_filled_by_name() -> None:
    endpoint: Endpoint[None, None] = Endpoint(
        "cancel", "POST", "/internal/v1/runs/{id}/cancel", None, None, idempotent=True
    )

    assert endpoint.url_path(id="run_1") == "/internal/v1/runs/run_1/cancel"


def test_a_missing_path_parameter_is_an_error() -> None:
    endpoint: Endpoint[None, None] = Endpoint("x", "GET", "/x/{id}", None, None, idempotent=True)

    with pytest.raises(KeyError):
        endpoint.url_path()


def test_starting_a_run_streams_and_may_be_repeated() -> None:
    assert isinstance(endpoints.START_RUN, StreamEndpoint)
    assert endpoints.START_RUN.idempotent
