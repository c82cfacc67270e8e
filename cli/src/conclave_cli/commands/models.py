"""`conclave models`: the public names on offer."""

from __future__ import annotations

import asyncio
import sys

import msgspec

from conclave_cli import exit_codes
from conclave_cli.endpoint import Endpoint, endpoint_from
from conclave_cli.errors import RequestFailedError
from conclave_cli.settings import load_settings


class ListedModel(msgspec.Struct):
    id: str
    owned_by: str = ""


class _ModelList(msgspec.Struct):
    data: list[ListedModel]


def show_models(base_url: str | None) -> int:
    """Print name and owner of each; the exit status."""
    models = asyncio.run(list_models(endpoint_from(load_settings(), base_url)))
    width = max((len(model.id) for model in models), default=0)
    for model in models:
        sys.stdout.write(f"{model.id:<{width}}  {model.owned_by}".rstrip() + "\n")
    return exit_codes.OK


async def list_models(endpoint: Endpoint) -> list[ListedModel]:
    """In the endpoint's order.

    Raises:
        RequestFailedError: as for every request, and for an answer that is no list of models.
    """
    async with endpoint.request("GET", "/models") as response:
        body = await response.read()
    try:
        return msgspec.json.decode(body, type=_ModelList).data
    except msgspec.DecodeError as error:
        raise RequestFailedError(
            f"{endpoint.base_url}/models: no list of models: {error}"
        ) from None
