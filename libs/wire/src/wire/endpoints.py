"""The internal endpoints, one descriptor each.

A server's route and `service_kit.internal_client` are both built from the same descriptor, so
path, method and types cannot drift apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from wire.coordination import RunEvent, StartRun

RequestT = TypeVar("RequestT")
ResponseT = TypeVar("ResponseT")

TOKEN_HEADER = "x-conclave-installation-token"
TENANT_HEADER = "x-conclave-tenant"
REQUEST_ID_HEADER = "x-request-id"


@dataclass(frozen=True, slots=True)
class Endpoint(Generic[RequestT, ResponseT]):
    """One internal call: JSON in, JSON out.

    `response_type` may be a union; msgspec picks the struct by its tag. Path parameters stand in
    braces and are filled by `url_path`.
    """

    name: str
    method: Literal["GET", "POST", "DELETE"]
    path: str
    request_type: type[RequestT] | None
    response_type: Any  # a type or a union of types: type[] cannot express the latter
    idempotent: bool

    def url_path(self, **parameters: str) -> str:
        return self.path.format(**parameters)


@dataclass(frozen=True, slots=True)
class StreamEndpoint(Endpoint[RequestT, ResponseT]):
    """The answer is SSE: each event's `data` is one `response_type`, its `id` a sequence number."""


START_RUN: StreamEndpoint[StartRun, RunEvent] = StreamEndpoint(
    name="start_run",
    method="POST",
    path="/internal/v1/runs",
    request_type=StartRun,
    response_type=RunEvent,
    idempotent=True,
)
