"""GET /openapi.json: the public API for tools, made of the routes that are really there."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

from api_gateway.routes.openapi_operations import OPERATIONS, Operation
from api_gateway.routes.openapi_schemas import component_schemas

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from api_gateway.routes.exchange import Exchange

Json = dict[str, Any]

_PLACEHOLDER = re.compile(r"\{(\w+)(?::path)?\}")
_INFO: Json = {
    "title": "Conclave",
    "version": "1",
    "description": "OpenAI's API in front of panels of models. Unknown members of a request are "
    "ignored; null means absent.",
}
_UNDESCRIBED = Operation(summary="", tag="other", answers="AnyObject")
_FAILURE: Json = {
    "description": "What went wrong, in OpenAI's envelope.",
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorEnvelope"}}},
}


class OpenApiRoute:
    """Encoded at the first request: most processes never see one."""

    def __init__(self, routes: Callable[[], Iterable[tuple[str, str]]]) -> None:
        self._routes = routes
        self._encoded = b""

    async def retrieve(self, exchange: Exchange) -> None:
        self._encoded = self._encoded or msgspec.json.encode(openapi_document(self._routes()))
        await exchange.respond(self._encoded)


def openapi_document(routes: Iterable[tuple[str, str]]) -> Json:
    """The document of these routes, each a method and the template of a path."""
    paths: dict[str, Json] = {}
    for method, template in routes:
        path = _PLACEHOLDER.sub(r"{\1}", template)
        operation = OPERATIONS.get((method, path), _UNDESCRIBED)
        paths.setdefault(path, {})[method.lower()] = _described(operation, path)
    return {
        "openapi": "3.1.0",
        "info": _INFO,
        "security": [{"key": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
            "schemas": component_schemas(),
        },
    }


def _described(operation: Operation, path: str) -> Json:
    described: Json = {
        "summary": operation.summary,
        "tags": [operation.tag],
        "parameters": [*map(_path_parameter, _PLACEHOLDER.findall(path)), *operation.parameters],
        "responses": {"200": _answer(operation), "default": _FAILURE},
    }
    if operation.takes is not None:
        content = {"application/json": {"schema": _reference(operation.takes)}}
        required = not operation.may_be_empty
        described["requestBody"] = {"required": required, "content": content}
    return described


def _path_parameter(name: str) -> Json:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def _answer(operation: Operation) -> Json:
    content: Json = {"application/json": {"schema": _reference(operation.answers)}}
    if operation.streams is not None:
        # OpenAPI has no word for one event's schema; this is what each `data:` line holds.
        content["text/event-stream"] = {"x-event-schema": _reference(operation.streams)}
    return {"description": operation.summary or "The answer.", "content": content}


def _reference(schema: str) -> Json:
    return {"$ref": f"#/components/schemas/{schema}"}
