"""The internal endpoints, one descriptor each.

A server's route and `service_kit.internal_client` are both built from the same descriptor, so
path, method and types cannot drift apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar
from urllib.parse import quote, urlencode

from wire.compaction import CompactRequest, CompactResult, OpenRequest, OpenResult
from wire.coordination import (
    CancelRun,
    LearntWeights,
    RunCancellation,
    RunEvent,
    RunRecord,
    ScoredRun,
    ScoreRun,
    StartRun,
)

RequestT = TypeVar("RequestT")
ResponseT = TypeVar("ResponseT")

TOKEN_HEADER = "x-conclave-installation-token"  # noqa: S105  a header's name
TENANT_HEADER = "x-conclave-tenant"
REQUEST_ID_HEADER = "x-request-id"


@dataclass(frozen=True, slots=True)
class Endpoint(Generic[RequestT, ResponseT]):
    """One internal call: JSON in, JSON out.

    `response_type` may be a union; msgspec picks the struct by its tag. Path parameters stand in
    braces and are filled by `url_path`; names in `query` may follow as query parameters.
    """

    name: str
    method: Literal["GET", "POST", "DELETE"]
    path: str
    request_type: type[RequestT] | None
    response_type: Any  # a type or a union of types: type[] cannot express the latter
    idempotent: bool
    query: tuple[str, ...] = ()

    def url_path(self, **parameters: str) -> str:
        """Path and query, percent-encoded. A missing path parameter is a KeyError."""
        path = self.path.format(**{name: quote(text, safe="") for name, text in parameters.items()})
        query = {name: parameters[name] for name in self.query if name in parameters}
        return f"{path}?{urlencode(query)}" if query else path


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

# `answers=1` includes answer texts and the event log; the caller decides who may see them.
GET_RUN: Endpoint[None, RunRecord] = Endpoint(
    name="get_run",
    method="GET",
    path="/internal/v1/runs/{run_id}",
    request_type=None,
    response_type=RunRecord,
    idempotent=True,
    query=("answers",),
)

# A client may have sent its request id more than once: the newest run of the team answers.
GET_RUN_BY_REQUEST: Endpoint[None, RunRecord] = Endpoint(
    name="get_run_by_request",
    method="GET",
    path="/internal/v1/requests/{request_id}/run",
    request_type=None,
    response_type=RunRecord,
    idempotent=True,
    query=("answers",),
)

CANCEL_RUN: Endpoint[CancelRun, RunCancellation] = Endpoint(
    name="cancel_run",
    method="POST",
    path="/internal/v1/runs/{run_id}/cancel",
    request_type=CancelRun,
    response_type=RunCancellation,
    idempotent=True,
)

# Of a run that has ended; scoring again replaces. `key_id`: only if the run is this key's.
SCORE_RUN: Endpoint[ScoreRun, ScoredRun] = Endpoint(
    name="score_run",
    method="POST",
    path="/internal/v1/runs/{run_id}/score",
    request_type=ScoreRun,
    response_type=ScoredRun,
    idempotent=True,
    query=("key_id",),
)

LEARNT_WEIGHTS: Endpoint[None, LearntWeights] = Endpoint(
    name="learnt_weights",
    method="GET",
    path="/internal/v1/weights",
    request_type=None,
    response_type=LearntWeights,
    idempotent=True,
)

# Events with a sequence number above `after`, then live until `run.ended`.
RUN_EVENTS: StreamEndpoint[None, RunEvent] = StreamEndpoint(
    name="run_events",
    method="GET",
    path="/internal/v1/runs/{run_id}/events",
    request_type=None,
    response_type=RunEvent,
    idempotent=True,
    query=("after",),
)

# Concurrent identical requests make one; the vendor's call ends when the last caller hangs up.
COMPACT: Endpoint[CompactRequest, CompactResult] = Endpoint(
    name="compact",
    method="POST",
    path="/internal/v1/compactions",
    request_type=CompactRequest,
    response_type=CompactResult,
    idempotent=True,
)

# Makes no vendor call. An item that is not ours, not this tenant's or damaged: 400
# `invalid_encrypted_content`.
OPEN_COMPACTION: Endpoint[OpenRequest, OpenResult] = Endpoint(
    name="open_compaction",
    method="POST",
    path="/internal/v1/compactions/open",
    request_type=OpenRequest,
    response_type=OpenResult,
    idempotent=True,
)
