"""The composition root: what the simulator is made of, and its routes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from provider_sim.control import Control
from provider_sim.rules import Rules
from provider_sim.simulator import CHAT, COMPLETIONS, RESPONSES, Simulator

if TYPE_CHECKING:
    from collections.abc import Callable

    from provider_sim.prefix_cache import PrefixCache
    from provider_sim.recorder import Clocks, Recorder
    from provider_sim.settings import Settings
    from provider_sim.simulator import Work


def create_app(
    settings: Settings,
    *,
    recorder: Recorder,
    cache: PrefixCache,
    clocks: Clocks,
    connections: Callable[[], int],
) -> web.Application:
    """Wire the simulator together. `connections` says how many are open right now."""
    rules = Rules()
    simulator = Simulator(settings, recorder, rules, cache, clocks)
    app = web.Application(client_max_size=settings.most_body_bytes)
    Control(recorder, rules, connections).add_routes(app)
    for prefix in ("/v1", "/p/{profile}/v1"):
        _add_routes(app.router, prefix, simulator)
    app.router.add_route("*", "/{path:.*}", simulator.recorded(simulator.unknown_route))
    return app


def _add_routes(router: web.UrlDispatcher, prefix: str, simulator: Simulator) -> None:
    posts: dict[str, Work] = {
        "chat/completions": simulator.generation(CHAT),
        "responses": simulator.generation(RESPONSES),
        "responses/input_tokens": simulator.input_tokens,
        "embeddings": simulator.embeddings,
        "completions": simulator.generation(COMPLETIONS),
    }
    for path, work in posts.items():
        router.add_post(f"{prefix}/{path}", simulator.recorded(work))
    router.add_get(f"{prefix}/models", simulator.models)
    router.add_get(f"{prefix}/models/{{model:.+}}", simulator.models)
    router.add_get(f"{prefix}/responses/{{stored}}", simulator.recorded(simulator.unknown_route))
