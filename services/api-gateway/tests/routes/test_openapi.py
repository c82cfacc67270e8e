"""GET /openapi.json: every route that is there, none that is not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from api_gateway.routes.openapi import openapi_document
from api_gateway.routes.openapi_operations import OPERATIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.scenes.gateway import GatewayScene


def references(part: object) -> Iterator[str]:
    """Everything a document refers to."""
    match part:
        case {"$ref": str(reference)}:
            yield reference
        case dict():
            for each in part.values():  # pyright: ignore[reportUnknownVariableType]
                yield from references(each)  # pyright: ignore[reportUnknownArgumentType]
        case list():
            for each in part:  # pyright: ignore[reportUnknownVariableType]
                yield from references(each)  # pyright: ignore[reportUnknownArgumentType]
        case _:
            return


async def described(scene: GatewayScene) -> Any:  # noqa: ANN401
    return (await scene.send("GET", "/openapi.json")).json


@pytest.mark.requirement("surface:openapi")
async def test_what_is_described_is_what_is_served(scene: GatewayScene) -> None:
    document = await described(scene)

    served = {(m.upper(), path) for path, methods in document["paths"].items() for m in methods}
    missing = "a route needs an entry in routes/openapi_operations.py"
    assert served == set(OPERATIONS), missing


@pytest.mark.requirement("surface:openapi")
async def test_every_reference_leads_somewhere(scene: GatewayScene) -> None:
    document = await described(scene)

    prefix = "#/components/schemas/"
    named = {reference.removeprefix(prefix) for reference in references(document)}
    assert named <= set(document["components"]["schemas"])


async def test_the_document_needs_a_key_like_everything(scene: GatewayScene) -> None:
    reply = await scene.send("GET", "/openapi.json", key=None)

    assert reply.status == 401


def test_parameters_of_a_path_are_listed() -> None:
    document = openapi_document([("GET", "/v1/models/{model:path}")])

    (operation,) = [methods["get"] for methods in document["paths"].values()]
    assert list(document["paths"]) == ["/v1/models/{model}"]
    assert [(each["name"], each["in"]) for each in operation["parameters"]] == [("model", "path")]


def test_a_route_nobody_described_is_there_all_the_same() -> None:
    document = openapi_document([("PUT", "/v1/new/{thing}")])

    assert document["paths"]["/v1/new/{thing}"]["put"]["tags"] == ["other"]


def test_a_stream_is_an_answer_of_its_own_kind() -> None:
    document = openapi_document([("POST", "/v1/chat/completions")])

    operation = document["paths"]["/v1/chat/completions"]["post"]
    content = operation["responses"]["200"]["content"]
    assert set(content) == {"application/json", "text/event-stream"}
    assert operation["requestBody"]["required"] is True
