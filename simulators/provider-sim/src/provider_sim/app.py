"""The composition root: what the simulator is made of, and its routes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from provider_sim import anthropic_messages
from provider_sim.compaction import Vault
from provider_sim.control import Control
from provider_sim.model_list import anthropic_model, azure_model, openai_model
from provider_sim.rules import Rules
from provider_sim.simulator import (
    AZURE_CHAT,
    CHAT,
    COMPLETIONS,
    MESSAGES,
    Simulator,
    responses_wire,
)
from provider_sim.vendors import ANTHROPIC, AZURE, OPENAI

if TYPE_CHECKING:
    from collections.abc import Callable

    from provider_sim.prefix_cache import PrefixCache
    from provider_sim.recorder import Clocks, Recorder
    from provider_sim.settings import Settings
    from provider_sim.simulator import Handler, Work
    from provider_sim.vendors import Vendor


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
    vault = Vault(f"{settings.api_key}|{settings.seed}")
    for prefix in ("", "/p/{profile}"):
        doors = _Doors(app.router, simulator, vault, prefix)
        doors.open_openai()
        doors.open_anthropic()
        doors.open_azure()
    app.router.add_route("*", "/{path:.*}", simulator.recorded(simulator.unknown_route))
    return app


class _Doors:
    """The routes below one prefix, vendor by vendor."""

    def __init__(
        self, router: web.UrlDispatcher, simulator: Simulator, vault: Vault, prefix: str
    ) -> None:
        self._router = router
        self._simulator = simulator
        self._vault = vault
        self._prefix = prefix

    def open_openai(self) -> None:
        simulator = self._simulator
        self._post(
            "/v1", OPENAI, {**self._generations(), "chat/completions": simulator.generation(CHAT)}
        )
        listed = simulator.models(OPENAI, openai_model)
        claude = simulator.models(ANTHROPIC, anthropic_model)

        async def models(request: web.Request) -> web.StreamResponse:
            """Two vendors have this path; only one sends this header."""
            anthropic = "anthropic-version" in request.headers
            return await (claude if anthropic else listed)(request)

        self._get_models("/v1", models)
        self._router.add_get(f"{self._prefix}/v1/usage/{{request_id}}", simulator.usage)
        stored = simulator.recorded(simulator.unknown_route)
        self._router.add_get(f"{self._prefix}/v1/responses/{{stored}}", stored)

    def open_anthropic(self) -> None:
        count = self._simulator.token_count(MESSAGES, anthropic_messages.prompt_to_count, "")
        works: dict[str, Work] = {
            "messages": self._simulator.generation(MESSAGES),
            "messages/count_tokens": count,
        }
        self._post("/v1", ANTHROPIC, works)

    def open_azure(self) -> None:
        """The v1 routes, and the dated ones that name the deployment in their path."""
        works = {**self._generations(), "chat/completions": self._simulator.generation(AZURE_CHAT)}
        self._post("/openai/v1", AZURE, works)
        self._post("/openai/deployments/{deployment}", AZURE, works)
        undeployed = {name: works[name] for name in ("responses", "responses/compact")}
        self._post("/openai", AZURE, undeployed)
        models = self._simulator.models(AZURE, azure_model)
        self._get_models("/openai/v1", models)
        self._get_models("/openai", models)

    def _generations(self) -> dict[str, Work]:
        simulator, responses = self._simulator, responses_wire(self._vault)
        return {
            "responses": simulator.generation(responses),
            "responses/compact": simulator.compaction(self._vault),
            "responses/input_tokens": simulator.token_count(
                responses, lambda fields: responses.decode(fields).prompt, "response.input_tokens"
            ),
            "embeddings": simulator.embeddings,
            "completions": simulator.generation(COMPLETIONS),
        }

    def _post(self, root: str, vendor: Vendor, works: dict[str, Work]) -> None:
        for path, work in works.items():
            handler = self._simulator.recorded(work, vendor)
            self._router.add_post(f"{self._prefix}{root}/{path}", handler)

    def _get_models(self, root: str, handler: Handler) -> None:
        self._router.add_get(f"{self._prefix}{root}/models", handler)
        self._router.add_get(f"{self._prefix}{root}/models/{{model:.+}}", handler)
