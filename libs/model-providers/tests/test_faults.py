"""The table of upstream faults: what each looks like to whoever asked, on every wire.

Each row is a fault as provider-sim produces it, what the caller gets, and how often the vendor is
asked. Whatever ends in an error was tried again only while nothing had been handed on.
"""

import asyncio
import dataclasses
import socket
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import NamedTuple

import msgspec
import pytest

from model_providers.provider import ModelCall
from model_providers.registry import ModelClient
from model_providers.testing import WAIT_S, RecordingObserver, model_call, scripted_vendor
from provider_sim.testing import SimulatorClient
from wire.conversation import (
    AnswerEvent,
    ChoiceFinished,
    GenerationRequest,
    ResponseFormat,
    TextDelta,
    UsageReported,
    user_text,
)
from wire.errors import (
    ContextLengthExceededError,
    DeadlineExceededError,
    PlatformError,
    UpstreamAuthError,
    UpstreamError,
    UpstreamProtocolError,
    UpstreamRateLimitedError,
    UpstreamRejectedError,
    UpstreamTimeoutError,
    UpstreamUnavailableError,
)
from wire.specs import Dialect, ModelSpec, ProviderKind, ProviderSpec

pytestmark = pytest.mark.requirement("providers:faults")

EXACTLY = "Reply with exactly this text and nothing else: Grüße, 世界 🌍 und mehr davon"
SAID = "Grüße, 世界 🌍 und mehr davon"
PATIENCE_S = 0.25
# With a vendor that says nothing at all there is nothing a shorter wait could miss.
SHORT_PATIENCE_S = 0.05


class Wire(NamedTuple):
    kind: ProviderKind
    dialect: Dialect
    root: str


WIRES = {
    "chat": Wire("openai", "chat", "/v1"),
    "compatible": Wire("openai-compatible", "chat", "/v1"),
    "responses": Wire("openai", "responses", "/v1"),
    "messages": Wire("anthropic", "messages", "/v1"),
    "azure": Wire("azure-openai", "chat", ""),
    "azure-responses": Wire("azure-openai", "responses", ""),
}


@pytest.fixture(params=WIRES)
def wire(request: pytest.FixtureRequest) -> Wire:
    return WIRES[request.param]


def model_of(sim_url: str, wire: Wire, profile: str = "") -> ModelSpec:
    patience_s = patience_with(profile)
    prefix = f"/p/{profile}" if profile else ""
    provider = ProviderSpec(
        name="sim",
        kind=wire.kind,
        base_url=f"{sim_url}{prefix}{wire.root}",
        first_byte_timeout_s=patience_s,
        idle_timeout_s=patience_s,
        max_attempts=2,
    )
    return ModelSpec(name="sim", provider=provider, upstream_model="sim", dialects=(wire.dialect,))


def patience_with(profile: str) -> float:
    if any(word in profile for word in ("hang", "trickle")):
        return SHORT_PATIENCE_S
    return PATIENCE_S if "stall" in profile else WAIT_S


async def collect(client: ModelClient, call: ModelCall) -> list[AnswerEvent]:
    async with asyncio.timeout(2 * WAIT_S), aclosing(client.stream(call)) as events:
        return [event async for event in events]


def text_of(events: list[AnswerEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


class Fault(NamedTuple):
    profile: str
    expected: type[PlatformError]
    attempts: int


REFUSED = [  # 429, 5xx, refusals before the first byte
    Fault("fault=400", UpstreamRejectedError, 1),
    Fault("fault=401", UpstreamAuthError, 1),
    Fault("fault=402", UpstreamRateLimitedError, 1),
    Fault("fault=403", UpstreamAuthError, 1),
    Fault("fault=404", UpstreamRejectedError, 1),
    Fault("fault=429", UpstreamRateLimitedError, 2),
    Fault("fault=429,retry_after=1", UpstreamRateLimitedError, 2),
    Fault("fault=429,retry_after=30", UpstreamRateLimitedError, 1),
    Fault("insufficient_quota", UpstreamRateLimitedError, 1),
    Fault("fault=500", UpstreamError, 2),
    Fault("fault=502", UpstreamError, 2),
    Fault("fault=503", UpstreamUnavailableError, 2),
    Fault("fault=504", UpstreamError, 2),
    Fault("fault=529", UpstreamUnavailableError, 2),
    Fault("context_overflow", ContextLengthExceededError, 1),
    Fault("content_filter_400", UpstreamRejectedError, 1),
]
SILENT = [  # accepts and never answers, half-open after headers, one byte a second
    Fault("hang", UpstreamTimeoutError, 2),
    Fault("hang_after_headers", UpstreamTimeoutError, 2),
    Fault("trickle", UpstreamTimeoutError, 2),
    Fault("stall_after=3", UpstreamTimeoutError, 1),
]
BROKEN = [  # reset, no terminator, malformed, truncated, an error in a 200
    Fault("reset", UpstreamError, 2),
    Fault("reset_after=3", UpstreamError, 1),
    Fault("close_after=3", UpstreamError, 1),
    Fault("cut_after=3", UpstreamProtocolError, 1),
    Fault("malformed", UpstreamProtocolError, 1),
    Fault("truncated", UpstreamProtocolError, 1),
    Fault("error_body_200", UpstreamError, 2),
    Fault("mid_error_after=3", UpstreamError, 1),
]


@pytest.mark.parametrize("fault", [*REFUSED, *SILENT, *BROKEN], ids=lambda fault: fault.profile)
async def test_a_fault_ends_in_its_error_after_its_attempts(
    sim: SimulatorClient,
    client: ModelClient,
    observer: RecordingObserver,
    wire: Wire,
    fault: Fault,
) -> None:
    # Pauses between tokens, so that what follows the third one does not overtake it.
    call = model_call(model_of(sim.url, wire, f"{fault.profile},itl=2"), EXACTLY, timeout_s=30)

    with pytest.raises(PlatformError) as raised:
        await collect(client, call)

    assert type(raised.value) is fault.expected
    assert len(await sim.record()) == fault.attempts
    assert [closed.opened for closed in observer.closed_calls] == observer.opened_calls
    assert {closed.status for closed in observer.closed_calls} == {"failed"}


async def failures_of(client: ModelClient, model: ModelSpec, calls: int) -> list[PlatformError]:
    failures: list[PlatformError] = []
    for _ in range(calls):
        with pytest.raises(PlatformError) as raised:
            await collect(client, model_call(model))
        failures.append(raised.value)
    return failures


async def test_a_storm_of_5xx_opens_the_circuit_and_the_vendor_is_left_alone(
    sim: SimulatorClient, client: ModelClient, wire: Wire
) -> None:
    failures = await failures_of(client, model_of(sim.url, wire, "fault=500"), 20)

    assert type(failures[0]) is UpstreamError
    assert type(failures[-1]) is UpstreamUnavailableError
    assert failures[-1].retry_after_s
    assert len(await sim.record()) < 20


async def test_a_storm_of_429_is_told_to_each_caller_and_at_most_doubled(
    sim: SimulatorClient, client: ModelClient, wire: Wire
) -> None:
    """A vendor that limits our rate is up: its circuit stays closed."""
    failures = await failures_of(client, model_of(sim.url, wire, "fault=429"), 12)

    assert {type(failure) for failure in failures} == {UpstreamRateLimitedError}
    assert len(await sim.record()) == 2 * 12


@pytest.mark.parametrize(
    ("profile", "basis"),
    [
        ("split", "reported"),
        ("utf8_split", "reported"),
        ("no_usage", "estimated"),
        ("wrong_usage", "reported"),
        ("huge_event", "reported"),
    ],
)
async def test_what_leaves_the_answer_whole_does_not_matter(
    sim: SimulatorClient,
    client: ModelClient,
    observer: RecordingObserver,
    wire: Wire,
    *,
    profile: str,
    basis: str,
) -> None:
    events = await collect(client, model_call(model_of(sim.url, wire, profile), EXACTLY))

    assert text_of(events) == SAID
    assert ChoiceFinished("stop") in events
    assert [closed.basis for closed in observer.closed_calls] == [basis]


async def test_a_contradictory_count_is_booked_as_the_vendor_said_it(
    sim: SimulatorClient, client: ModelClient, wire: Wire
) -> None:
    events = await collect(client, model_call(model_of(sim.url, wire, "wrong_usage"), EXACTLY))

    [record] = await sim.record()
    assert isinstance(events[-1], UsageReported)
    assert events[-1].usage.input_tokens == 1
    assert record["prompt_tokens"] != 1


async def test_a_filtered_answer_says_so(
    sim: SimulatorClient, client: ModelClient, wire: Wire
) -> None:
    events = await collect(client, model_call(model_of(sim.url, wire, "content_filter"), EXACTLY))

    assert ChoiceFinished("content_filter") in events
    assert SAID.startswith(text_of(events))


async def test_an_endless_answer_ends_with_the_deadline(
    sim: SimulatorClient, client: ModelClient, observer: RecordingObserver, wire: Wire
) -> None:
    call = model_call(model_of(sim.url, wire, "endless,itl=5"), timeout_s=0.4)

    with pytest.raises(DeadlineExceededError):
        await collect(client, call)

    [record] = await sim.record()
    assert record["outcome"] == "client_closed"
    assert observer.closed_calls[0].usage.output_tokens > 0


async def test_an_empty_answer_is_an_answer(
    sim: SimulatorClient, client: ModelClient, wire: Wire
) -> None:
    events = await collect(client, model_call(model_of(sim.url, wire, "empty"), EXACTLY))

    assert text_of(events) == ""
    assert ChoiceFinished("stop") in events


async def test_an_invalid_ballot_arrives_as_it_was_cast(
    sim: SimulatorClient, client: ModelClient, wire: Wire
) -> None:
    """Whether it counts is for whoever asked for it."""
    schema = msgspec.Raw(
        b'{"type":"object","properties":{"ranking":{"type":"array","items":{"type":"string"}}},'
        b'"required":["ranking"],"additionalProperties":false}'
    )
    ballot = ResponseFormat("json_schema", "ballot", schema, strict=True)
    candidates = '<candidate label="A">\nx\n</candidate>\n<candidate label="B">\ny\n</candidate>'
    request = GenerationRequest((user_text(candidates),), response_format=ballot)
    call = model_call(model_of(sim.url, wire, "garbage_ballot"))

    events = await collect(client, dataclasses.replace(call, request=request))

    assert text_of(events).startswith('{"ranking"')
    with pytest.raises(msgspec.DecodeError):
        msgspec.json.decode(text_of(events))


@pytest.fixture
async def tls_port() -> AsyncGenerator[int]:
    """A server whose TLS nobody can speak: it ends every handshake with plain text."""

    async def refuse(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def test_a_refused_connection_a_lost_name_and_broken_tls_are_errors_of_the_way(
    client: ModelClient, observer: RecordingObserver, wire: Wire, tls_port: int
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        refusing = f"http://127.0.0.1:{closed.getsockname()[1]}"
    for url, said in (
        (refusing, "no connection"),
        ("http://no-such-host.invalid", "host name"),
        (f"https://127.0.0.1:{tls_port}", "TLS"),
    ):
        with pytest.raises(UpstreamError, match=said):
            await collect(client, model_call(model_of(url, wire), timeout_s=30))

    assert all(call.usage.total_tokens == 0 for call in observer.closed_calls)


async def test_a_fallback_answers_where_the_first_model_failed(
    sim: SimulatorClient, client: ModelClient, observer: RecordingObserver, wire: Wire
) -> None:
    spare = msgspec.structs.replace(model_of(sim.url, wire), name="spare")
    model = msgspec.structs.replace(model_of(sim.url, wire, "fault=500"), fallbacks=(spare,))

    events = await collect(client, model_call(model, EXACTLY))

    assert text_of(events) == SAID
    assert [call.model for call in observer.opened_calls] == ["sim", "sim", "spare"]


async def test_nothing_is_repeated_once_something_was_handed_on(
    sim: SimulatorClient, client: ModelClient, wire: Wire
) -> None:
    spare = msgspec.structs.replace(model_of(sim.url, wire), name="spare")
    broken = model_of(sim.url, wire, "reset_after=3,itl=2")
    call = model_call(msgspec.structs.replace(broken, fallbacks=(spare,)), EXACTLY)
    said: list[AnswerEvent] = []

    async def listen() -> None:
        async with aclosing(client.stream(call)) as events:
            async for event in events:
                said.append(event)  # noqa: PERF401 - what came before the failure counts

    with pytest.raises(UpstreamError):
        await listen()

    assert text_of(said)
    assert SAID.startswith(text_of(said))
    assert len(await sim.record()) == 1


async def test_azure_is_called_by_deployment_with_its_own_key_header(client: ModelClient) -> None:
    async with scripted_vendor(lambda connection: connection.answer(400, b"{}")) as vendor:
        base_url = vendor.base_url.removesuffix("/v1")
        model = vendor.model(kind="azure-openai", base_url=base_url, api_version="2024-10-21")

        with pytest.raises(UpstreamRejectedError):
            await collect(client, model_call(model))

    [request] = vendor.requests
    path = b"/openai/deployments/upstream-sim/chat/completions?api-version=2024-10-21"
    assert request.head.startswith(b"POST " + path)
    assert request.header("api-key") == "key-of-vendor"
    assert request.header("authorization") is None
