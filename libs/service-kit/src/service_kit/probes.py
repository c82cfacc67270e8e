"""What an orchestrator of containers asks, and what Prometheus scrapes. No token, nothing secret.

`/startupz`: startup hooks are done. `/readyz`: wants traffic; the one that looks at dependencies.
`/livez`: the event loop turns; never looks at anything else, or a sick database kills every pod.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

from service_kit.http import ASGIApp, Dispatcher, Receive, RouteTable, Scope, Send, send_response
from service_kit.metrics import exposition_app

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

    from service_kit.clock import Clock
    from service_kit.lifecycle import Lifecycle

# Below the kubelet's default of 1 s, so that its probe gets the reason and not a timeout.
CHECK_TIMEOUT_S = 0.8


class ProbeReport(msgspec.Struct, frozen=True):
    """`problems` by check; empty when the answer is 200."""

    ok: bool
    problems: Mapping[str, str]


def operations_app(
    lifecycle: Lifecycle, registry: CollectorRegistry, clock: Clock | None = None
) -> ASGIApp:
    """The application of the port that monitoring may reach and clients may not."""

    async def startup(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
        await _report(send, {} if lifecycle.started else {"startup": "not finished"})

    async def readiness(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
        await _report(send, await _unready(lifecycle))

    async def liveness(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
        await _report(send, {})

    routes: RouteTable[ASGIApp] = RouteTable()
    routes.add("GET", "/startupz", startup)
    routes.add("GET", "/readyz", readiness)
    routes.add("GET", "/livez", liveness)
    routes.add("GET", "/metrics", exposition_app(registry, clock))
    return Dispatcher(routes)


async def _unready(lifecycle: Lifecycle) -> dict[str, str]:
    if not lifecycle.started:
        return {"startup": "not finished"}
    if lifecycle.draining:
        return {"drain": "shutting down"}
    return await lifecycle.problems(timeout_s=CHECK_TIMEOUT_S)


async def _report(send: Send, problems: dict[str, str]) -> None:
    body = msgspec.json.encode(ProbeReport(not problems, problems))
    await send_response(send, 503 if problems else 200, body)
