"""The caller's own doors: rules, the record, counts, health."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from aiohttp import web

from provider_sim.json_types import Json, dumps, loads
from provider_sim.wire_errors import WireError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from provider_sim.recorder import Recorder
    from provider_sim.rules import Rules

_LONGEST_WAIT_S = 60.0


class Control:
    def __init__(self, recorder: Recorder, rules: Rules, connections: Callable[[], int]) -> None:
        self._recorder = recorder
        self._rules = rules
        self._connections = connections

    def add_routes(self, app: web.Application) -> None:
        router = app.router
        router.add_get("/healthz", self._health)
        router.add_get("/_record", self._record)
        router.add_get("/_record/{id:.+}", self._one)
        router.add_delete("/_record", self._clear_record)
        router.add_get("/_count", self._count)
        router.add_get("/_rules", self._list_rules)
        router.add_post("/_rules", self._add_rules)
        router.add_delete("/_rules", self._clear_rules)

    async def _health(self, _request: web.Request) -> web.Response:
        return _json({"status": "ok"})

    async def _record(self, request: web.Request) -> web.Response:
        since = request.query.get("since", "0")
        if not since.isdigit():
            return _refused(WireError(f"/_record?since= wants a sequence number, not '{since}'"))
        bodies = request.query.get("bodies") == "true"
        exchanges = self._recorder.since(int(since), request.query.get("model"))
        return _json([exchange.as_json(bodies=bodies) for exchange in exchanges])

    async def _one(self, request: web.Request) -> web.Response:
        name = request.match_info["id"]
        exchange = self._recorder.find(name)
        if exchange is None:
            return _refused(WireError(f"No request with the id '{name}' is recorded.", status=404))
        return _json(exchange.as_json(bodies=request.query.get("bodies") == "true"))

    async def _clear_record(self, _request: web.Request) -> web.Response:
        self._recorder.clear()
        return _json({"deleted": True})

    async def _count(self, request: web.Request) -> web.Response:
        recorder = self._recorder
        try:
            await self._wait(request.query)
        except WireError as error:
            return _refused(error)
        return _json(
            {
                "active": recorder.active,
                "total": recorder.total,
                "completed": recorder.completed,
                "aborted": recorder.aborted,
                "connections_open": max(0, self._connections() - 1),  # without this one
            }
        )

    async def _wait(self, query: Mapping[str, str]) -> None:
        """Until nothing or something is active, or the time is over."""
        events = {"idle_within_s": self._recorder.idle, "active_within_s": self._recorder.busy}
        for name, event in events.items():
            if name not in query:
                continue
            try:
                limit_s = min(float(query[name]), _LONGEST_WAIT_S)
            except ValueError as error:
                raise WireError(f"/_count?{name}= wants seconds, not '{query[name]}'") from error
            with suppress(TimeoutError):
                await asyncio.wait_for(event.wait(), limit_s)

    async def _list_rules(self, _request: web.Request) -> web.Response:
        return _json({"rules": self._rules.listing()})

    async def _add_rules(self, request: web.Request) -> web.Response:
        try:
            total = self._rules.add(loads(await request.read()))
        except WireError as error:
            return _refused(error)
        except ValueError:
            return _refused(WireError("/_rules wants JSON"))
        return _json({"rules": total})

    async def _clear_rules(self, _request: web.Request) -> web.Response:
        self._rules.clear()
        return _json({"deleted": True})


def _json(value: Json) -> web.Response:
    return web.Response(body=dumps(value), content_type="application/json")


def _refused(error: WireError) -> web.Response:
    return web.Response(body=error.body(), status=error.status, content_type="application/json")
