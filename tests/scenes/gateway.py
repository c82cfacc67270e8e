"""The gateway as a real server on free ports: a simulator behind it, a scripted orchestrator."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any
from unittest import mock

import aiohttp
from openai import AsyncOpenAI, DefaultAsyncHttpxClient

from api_gateway.app import Application, create_app
from api_gateway.metrics import GatewayMetrics
from api_gateway.settings import GatewaySettings
from api_gateway.stores.tables import MIGRATIONS
from catalogue import CatalogueWatcher
from provider_sim.settings import Settings as SimulatorSettings
from provider_sim.testing import SimulatorClient, running_client
from service_kit.clock import SystemClock
from service_kit.internal_server import InternalApp
from service_kit.lifecycle import Lifecycle
from service_kit.testing import InMemoryExporter, running_service
from service_kit.tracing import Tracer
from tests.scenes.composed import composed_once
from tests.scenes.databases import migrated
from tests.scenes.waiting import WAIT_S, until
from wire.conversation import ChoiceFinished, TextDelta, Usage
from wire.coordination import (
    LearntWeight,
    LearntWeights,
    RunEnded,
    RunEvent,
    RunRecord,
    RunStarted,
    ScoredRun,
    ScoreRun,
    StartRun,
)
from wire.endpoints import GET_RUN, LEARNT_WEIGHTS, RUN_EVENTS, SCORE_RUN, START_RUN
from wire.errors import NotFoundError

if TYPE_CHECKING:
    from pathlib import Path

    from service_kit.internal_client import CallContext

TOKEN = "t" * 40
PEPPER = "p" * 40
KEY = "sk-conclave-" + "k" * 40
ADMIN_KEY = "a" * 40

WEIGHT = LearntWeight("sim", "exact", 3.0, 1.0, 1.2)

Script = Callable[[StartRun], AsyncGenerator[RunEvent]]

CONFIGURATION = """\
version: 1
providers:
  sim:
    kind: openai-compatible
    base_url: "{sim}"
    first_byte_timeout_s: 5
    idle_timeout_s: 5
    max_attempts: 1
  stalls:
    kind: openai-compatible
    base_url: "{sim}"
    first_byte_timeout_s: 5
    idle_timeout_s: 0.15
    max_attempts: 1
  hasty:
    kind: openai-compatible
    base_url: "{sim}"
    first_byte_timeout_s: 0.15
    idle_timeout_s: 0.15
    max_attempts: 1
  gone: {{kind: openai-compatible, base_url: "http://127.0.0.1:9", max_attempts: 1}}
models:
  sim: {{provider: sim, aliases: [gpt-sim, "vendor/gpt:4"]}}
  sim-embed: {{provider: sim, dialects: [], capabilities: {{embeddings: true}}}}
  responses: {{provider: sim, upstream_model: sim, dialects: [responses]}}
  narrow:
    provider: sim
    upstream_model: sim
    context_window_tokens: 1000
    compaction: {{enabled: false}}
  full:
    provider: sim
    upstream_model: "sim@fault=context_overflow"
    compaction: {{enabled: false}}
  responses-full:
    provider: sim
    upstream_model: "sim@fault=context_overflow"
    dialects: [responses]
    compaction: {{enabled: false}}
  single: {{provider: sim, upstream_model: sim, capabilities: {{multiple_choices: false}}}}
  loose: {{provider: sim, upstream_model: sim, capabilities: {{structured_outputs: false}}}}
  plain:
    provider: sim
    upstream_model: sim
    capabilities: {{tools: false, images: false, logprobs: false}}
  legacy: {{provider: sim, upstream_model: sim, capabilities: {{completions: true}}}}
  priced:
    provider: sim
    upstream_model: sim
    prices: {{input_usd_per_mtok: 1, output_usd_per_mtok: 10}}
    speed: {{time_to_first_token_s: 1, output_tokens_per_s: 100}}
  gone: {{provider: gone}}
  spare: {{provider: gone, fallbacks: [sim]}}
  responses-spare: {{provider: gone, dialects: [responses], fallbacks: [responses]}}
{faults}
panels:
  council:
    agents: [{{id: ada, model: sim}}, {{id: bob, model: sim}}, {{id: cyd, model: sim}}]
  summed:
    usage_report: summed
    progress: false
    agents: [{{id: ada, model: sim}}, {{id: bob, model: sim}}]
  pair: {{agents: [{{id: ada, model: priced}}, {{id: bob, model: priced}}]}}
routing:
  auxiliary: {{model: plain, panels: [summed]}}
"""
# Each is two models: `sim-` and the fault's name speaks Chat, `responses-` and its name Responses.
FAULTS = {
    "400": "fault=400",
    "401": "fault=401",
    "404": "fault=404",
    "429": "fault=429,retry_after=2",
    "500": "fault=500",
    "503": "fault=503",
    "quota": "fault=insufficient_quota",
    "overflow": "fault=context_overflow",
    "hang": "fault=hang",
    "mute": "fault=hang",
    "silent": "fault=hang_after_headers",
    "reset": "fault=reset",
    "error200": "fault=error_body_200",
    "slow": "ttft=30000",
    "long": "itl=50,tokens=400",
    "pause": "itl=40,tokens=5",
    "mid-error": "itl=20,mid_error_after=3",
    "mid-reset": "reset_after=3",
    "mid-cut": "cut_after=3",
    "mid-close": "close_after=3",
    "mid-stall": "stall_after=3",
    "truncated": "fault=truncated",
    "malformed": "fault=malformed",
    "split": "fault=split",
    "no-usage": "fault=no_usage",
    "endless": "fault=endless",
}
# Providers that are given up soon, where the test is about giving up.
GIVEN_UP = {"hang": "hasty", "silent": "hasty", "mid-stall": "stalls"}


async def answered(start: StartRun) -> AsyncGenerator[RunEvent]:
    """A run in which everything goes well."""
    yield RunStarted(start.run_id)
    yield TextDelta("Hello")
    yield TextDelta(" world")
    yield ChoiceFinished("stop")
    yield RunEnded("completed", usage=Usage(300, 30), delivered_usage=Usage(100, 10))


@dataclass
class ScriptedOrchestrator:
    """Answers every run as `script` says, and remembers what it was asked."""

    script: Script = answered
    started: list[StartRun] = field(default_factory=list[StartRun])
    contexts: list[CallContext] = field(default_factory=list[Any])
    records: dict[str, RunRecord] = field(default_factory=dict[str, RunRecord])
    scored: dict[str, float] = field(default_factory=dict[str, float])
    asked_for_answers: bool = False
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)

    def app(self, lifecycle: Lifecycle) -> InternalApp:
        app = InternalApp(TOKEN, lifecycle)
        app.add_stream(START_RUN, self._run)
        app.add_stream(RUN_EVENTS, self._events)
        app.add(GET_RUN, self._record)
        app.add(SCORE_RUN, self._score)
        app.add(LEARNT_WEIGHTS, self._weights)
        return app

    async def _score(
        self, told: ScoreRun, context: CallContext, params: dict[str, str]
    ) -> ScoredRun:
        record = await self._record(None, context, params)
        if record.key_id != params["key_id"]:
            raise NotFoundError("There is no such run.")
        self.scored[record.run_id] = told.score
        return ScoredRun(record.run_id, told.score, "exact", (WEIGHT,))

    async def _weights(
        self, _request: None, _context: CallContext, _params: dict[str, str]
    ) -> LearntWeights:
        return LearntWeights((WEIGHT,))

    async def _run(
        self, start: StartRun, context: CallContext, _params: dict[str, str]
    ) -> AsyncGenerator[RunEvent]:
        self.started.append(start)
        self.contexts.append(context)
        ended = False
        try:
            async for event in self.script(start):
                yield event
            ended = True
        finally:
            if not ended:
                self.cancelled.set()

    async def _events(
        self, _request: None, _context: CallContext, params: dict[str, str]
    ) -> AsyncGenerator[RunEvent]:
        """A detached run, told again from the event after that one."""
        start = next((each for each in self.started if each.run_id == params["run_id"]), None)
        if start is None:
            raise NotFoundError("no such run")
        told = 0
        async for event in self.script(start):
            told += 1
            if told > int(params.get("after", "0")):
                yield event

    async def _record(
        self, _request: None, context: CallContext, params: dict[str, str]
    ) -> RunRecord:
        record = self.records.get(params["run_id"])
        self.asked_for_answers = params.get("answers") == "1"
        if record is None or record.tenant_id != context.tenant_id:
            raise NotFoundError("no such run")
        return record


@dataclass
class GatewayScene:
    """A running gateway and everything around it."""

    app: Application
    sim: SimulatorClient
    orchestrator: ScriptedOrchestrator
    metrics: GatewayMetrics
    spans: InMemoryExporter
    configuration: Path
    url: str
    admin_url: str
    operations_url: str
    http: aiohttp.ClientSession
    sdk: AsyncOpenAI

    async def accounted(self) -> None:
        """Wait until every request has been accounted for, which is after its last byte."""
        await until(lambda: not self.metrics.in_flight)

    async def send(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        key: str | None = KEY,
        headers: dict[str, str] | None = None,
    ) -> Reply:
        """A request as it is, for what the SDK would not send."""
        all_headers = {**(headers or {})}
        if key is not None:
            all_headers["authorization"] = f"Bearer {key}"
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        async with self.http.request(
            method,
            self.url + path,
            data=data if body is not None else None,
            headers=all_headers,
            allow_redirects=False,
        ) as response:
            headers = {name.lower(): value for name, value in response.headers.items()}
            return Reply(response.status, headers, await response.read())

    async def chat(
        self, model: str = "sim", text: str = "hi", *, headers: dict[str, str] | None = None,
        **members: object,
    ) -> Reply:  # fmt: skip
        messages = [{"role": "user", "content": text}]
        body = {"model": model, "messages": messages, **members}
        return await self.send("POST", "/v1/chat/completions", body, headers=headers)

    async def ask(
        self, model: str = "sim", asked: object = "hi", *, headers: dict[str, str] | None = None,
        **members: object,
    ) -> Reply:  # fmt: skip
        """The same in the Responses dialect."""
        body = {"model": model, "input": asked, **members}
        return await self.send("POST", "/v1/responses", body, headers=headers)


@dataclass(frozen=True)
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:  # noqa: ANN401 - whatever came
        return json.loads(self.body)

    @property
    def error(self) -> dict[str, Any]:
        return self.json["error"]

    @property
    def events(self) -> list[Any]:
        """The data of a stream; `[DONE]` as text."""
        lines = self.body.decode().splitlines()
        data = [line.removeprefix("data: ") for line in lines if line.startswith("data: ")]
        return [each if each == "[DONE]" else json.loads(each) for each in data]

    @property
    def text(self) -> str:
        """What the deltas say."""
        return "".join(
            choice["delta"].get("content") or ""
            for event in self.events
            if event != "[DONE]"
            for choice in event.get("choices", [])
        )


# A test that changes the configuration need not wait a second until that is seen.
_WATCHER = partial(CatalogueWatcher, poll_s=0.1)


@asynccontextmanager
async def gateway(folder: Path, **settings: object) -> AsyncGenerator[GatewayScene]:
    """The whole scene; `settings` are the gateway's own."""
    quick = SimulatorSettings(port=0, keep_bodies=True)
    lifecycle = Lifecycle()
    orchestrator = ScriptedOrchestrator()
    async with (
        running_client(quick) as sim,
        running_service(orchestrator.app(lifecycle), lifecycle=lifecycle) as internal,
    ):
        configuration = folder / "conclave.yaml"
        configuration.write_text(configured(sim))
        chosen = _settings(folder, configuration, internal.url(), settings)
        await migrated(chosen.database_url, MIGRATIONS)
        spans, metrics = InMemoryExporter(), GatewayMetrics()
        with composed_once(sim.base_url), mock.patch("api_gateway.app.CatalogueWatcher", _WATCHER):
            app = create_app(chosen, metrics=metrics, tracer=Tracer(spans), clock=SystemClock())
        async with (
            running_service(listeners=app.listeners, lifecycle=app.lifecycle) as service,
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2 * WAIT_S)) as http,
        ):
            url = service.url(name="public")
            async with AsyncOpenAI(
                base_url=f"{url}/v1",
                api_key=KEY,
                max_retries=0,
                timeout=2 * WAIT_S,
                # Nothing here is HTTPS: the authorities would cost 30 ms a test.
                http_client=DefaultAsyncHttpxClient(verify=False),
            ) as sdk:
                yield GatewayScene(
                    app=app,
                    sim=sim,
                    orchestrator=orchestrator,
                    metrics=metrics,
                    spans=spans,
                    configuration=configuration,
                    url=url,
                    admin_url=service.url(name="admin"),
                    operations_url=service.url(name="metrics"),
                    http=http,
                    sdk=sdk,
                )


def configured(sim: SimulatorClient) -> str:
    """The scene's conclave.yaml."""
    faults = "\n".join(
        f"  {spoken}-{name}: {{provider: {GIVEN_UP.get(name, 'sim')}, "
        f'upstream_model: "sim@{profile}", '
        f"dialects: [{dialect}]}}"
        for name, profile in FAULTS.items()
        for spoken, dialect in (("sim", "chat"), ("responses", "responses"))
    )
    return CONFIGURATION.format(sim=sim.base_url, faults=faults)


def _settings(
    folder: Path, configuration: Path, orchestrator_url: str, changes: dict[str, object]
) -> GatewaySettings:
    files = {"key_pepper_file": PEPPER, "bootstrap_key_file": KEY, "admin_key_file": ADMIN_KEY}
    for name, secret in files.items():
        (folder / name).write_text(secret)
    return GatewaySettings.model_validate(
        {
            "port": 0,
            "admin_port": 0,
            "metrics_port": 0,
            "database_url": f"sqlite:///{folder / 'gateway.sqlite3'}",
            "installation_token": TOKEN,
            "config_path": configuration,
            "orchestrator_url": orchestrator_url,
            **{name: folder / name for name in files},
            **changes,
        }
    )
