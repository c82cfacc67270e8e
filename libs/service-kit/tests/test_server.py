"""Several sockets, one process: start, drain, signals, ports."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import sys
from contextlib import suppress

import pytest

from service_kit.http import Receive, ResponseStream, Scope, Send, send_response
from service_kit.lifecycle import BackgroundFailedError, Lifecycle
from service_kit.metrics import Metrics
from service_kit.probes import operations_app
from service_kit.server import Listener, PortInUseError, Server, ServerLimits, limits_of
from service_kit.settings import ServiceSettings
from service_kit.testing import (
    OPERATIONS,
    WAIT_S,
    RawClient,
    raw_client,
    running_service,
    until,
    within,
)

SHORT = ServerLimits(shutdown_grace_s=0.1, cancel_grace_s=0.5)


class OpenStream:
    """Sends "first", waits to be released, sends "last"."""

    def __init__(self) -> None:
        self.release = asyncio.Event()
        self.cancelled = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        stream = ResponseStream(send)
        await stream.start()
        await stream.write(b"first")
        try:
            await self.release.wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        await stream.close(b"last")


async def hello(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
    await send_response(send, 200, b"hello")


def named(name: str) -> Listener:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
        await send_response(send, 200, name.encode())

    return Listener(name, "127.0.0.1", 0, app)


async def get(port: int, path: str = "/") -> tuple[int, bytes]:
    async with raw_client(port) as client:
        await client.request("GET", path)
        response = await client.response()
    return response.status, response.body


async def first_chunk(client: RawClient) -> bytes:
    await client.request("GET", "/stream")
    await client.head()
    return await client.chunk()


# ------------------------------------------------------------------------------------ sockets


@pytest.mark.requirement("service-kit:server:several-sockets")
async def test_each_socket_has_its_own_application() -> None:
    listeners = [named("public"), named("admin"), named("metrics")]
    async with running_service(listeners=listeners) as service:
        answers = [await get(service.port(listener.name)) for listener in listeners]

    assert answers == [(200, b"public"), (200, b"admin"), (200, b"metrics")]


@pytest.mark.requirement("service-kit:server:port-in-use")
async def test_a_taken_port_is_named_with_the_remedy() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        server = Server(
            [named("free"), Listener("public", "127.0.0.1", port, hello)],
            lifecycle=Lifecycle(),
            handle_signals=False,
        )

        with pytest.raises(PortInUseError, match=rf"127\.0\.0\.1:{port} \(public\).*ss -ltnp"):
            await server.serve()

    assert_free(server.port_of("free"))


def assert_free(port: int) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", port))


async def test_an_address_that_is_not_ours_is_named() -> None:
    server = Server(
        [Listener("public", "192.0.2.1", 0, hello)], lifecycle=Lifecycle(), handle_signals=False
    )

    with pytest.raises(Exception, match=r"Cannot listen on 192\.0\.2\.1:0 \(public\)"):
        await server.serve()


async def test_after_serving_every_port_is_free_again() -> None:
    async with running_service(listeners=[named("a"), named("b")]) as service:
        ports = [service.port("a"), service.port("b")]

    for port in ports:
        assert_free(port)


async def test_answers_leave_without_delay_and_dead_peers_are_noticed() -> None:
    options: list[int] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
        await send_response(send, 200, b"")

    async with running_service(app) as service, raw_client(service.port()) as client:
        await client.request("GET", "/")
        await client.response()
        (connection,) = service.server._traffic.state.connections
        accepted = connection.transport.get_extra_info("socket")
        options = [
            accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY),
            accepted.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE),
        ]

    assert all(options)


async def test_every_answer_has_a_date_and_no_servers_name() -> None:
    async with running_service(hello) as service, raw_client(service.port()) as client:
        await client.request("GET", "/")
        response = await client.response()

    assert response.headers["date"].endswith("GMT")
    assert "server" not in response.headers


# -------------------------------------------------------------------------------------- drain


@pytest.mark.requirement("service-kit:server:drain")
async def test_a_drain_lets_an_open_stream_finish_and_takes_nothing_new() -> None:
    stream = OpenStream()
    lifecycle = Lifecycle()
    operations = operations_app(lifecycle, Metrics().registry)
    limits = ServerLimits(shutdown_grace_s=WAIT_S)
    async with running_service(
        stream, operations=operations, lifecycle=lifecycle, limits=limits
    ) as service:
        port, probe_port = service.port(), service.port(OPERATIONS)
        async with raw_client(port) as client, raw_client(port) as idle:
            assert await first_chunk(client) == b"first"
            assert (await get(probe_port, "/readyz"))[0] == 200

            service.server.request_stop()

            assert await idle.closed() == b""
            assert (await get(probe_port, "/readyz"))[0] == 503
            assert (await get(probe_port, "/livez"))[0] == 200
            with pytest.raises(ConnectionError):
                await get(port)
            stream.release.set()
            assert await client.chunk() == b"last"
            assert await client.chunk() == b""
            assert await client.closed() == b""
        async with asyncio.timeout(WAIT_S):
            await service.served


@pytest.mark.requirement("service-kit:server:drain")
async def test_an_answer_begun_in_a_drain_says_that_the_connection_closes() -> None:
    began = asyncio.Event()
    release = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
        began.set()
        await release.wait()
        await send_response(send, 200, b"")

    async with running_service(app) as service, raw_client(service.port()) as client:
        await client.request("GET", "/")
        await within(began)
        service.server.request_stop()
        await until(lambda: service.lifecycle.draining)
        release.set()

        assert (await client.response()).headers["connection"] == "close"


@pytest.mark.requirement("service-kit:server:drain")
async def test_what_does_not_finish_in_the_grace_time_is_cut() -> None:
    stream = OpenStream()
    async with (
        running_service(stream, limits=SHORT) as service,
        raw_client(service.port()) as client,
    ):
        await first_chunk(client)

        service.server.request_stop()

        await within(stream.cancelled)
        with pytest.raises(asyncio.IncompleteReadError):
            await client.chunk()


async def test_a_request_not_yet_answered_at_the_end_of_the_grace_gets_503() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
        await asyncio.Event().wait()

    async with running_service(app, limits=SHORT) as service, raw_client(service.port()) as client:
        await client.request("GET", "/")
        await until(lambda: service.server.requests_in_flight == 1)

        service.server.request_stop()
        response = await client.response()

    assert response.status == 503
    assert json.loads(response.body)["error"]["code"] == "server_is_overloaded"


async def test_a_second_stop_does_not_wait_for_the_grace_time() -> None:
    stream = OpenStream()
    limits = ServerLimits(shutdown_grace_s=600)
    async with (
        running_service(stream, limits=limits) as service,
        raw_client(service.port()) as client,
    ):
        await first_chunk(client)
        service.server.request_stop()
        await until(lambda: service.lifecycle.draining)

        service.server.request_stop()

        await within(stream.cancelled)


async def test_a_handler_that_refuses_to_end_cannot_stop_the_shutdown() -> None:
    release = asyncio.Event()

    async def stubborn(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
        stream = ResponseStream(send)
        await stream.start()
        await stream.write(b"first")
        while not release.is_set():
            with suppress(asyncio.CancelledError):
                await release.wait()

    limits = ServerLimits(shutdown_grace_s=0.05, cancel_grace_s=0.05)
    async with (
        running_service(stubborn, limits=limits) as service,
        raw_client(service.port()) as client,
    ):
        await first_chunk(client)
        service.server.request_stop()

        async with asyncio.timeout(WAIT_S):
            await service.served
        release.set()


async def test_probes_answer_while_startup_runs_and_traffic_does_not() -> None:
    release = asyncio.Event()
    lifecycle = Lifecycle()

    async def slow_start() -> None:
        await release.wait()

    lifecycle.on_startup(slow_start)
    probes = operations_app(lifecycle, Metrics().registry)
    server = Server(
        [
            Listener("http", "127.0.0.1", 0, hello),
            Listener(OPERATIONS, "127.0.0.1", 0, probes, survives_drain=True),
        ],
        lifecycle=lifecycle,
        handle_signals=False,
    )

    async with asyncio.TaskGroup() as group:
        group.create_task(server.serve())
        await until(lambda: server.accepting(OPERATIONS))
        assert (await get(server.port_of(OPERATIONS), "/startupz"))[0] == 503
        with pytest.raises(ConnectionError):
            await get(server.port_of("http"))
        release.set()
        async with asyncio.timeout(WAIT_S):
            await server.wait_serving()
        assert (await get(server.port_of(OPERATIONS), "/startupz"))[0] == 200
        assert (await get(server.port_of("http")))[0] == 200
        server.request_stop()


async def test_a_background_task_that_dies_stops_the_process() -> None:
    lifecycle = Lifecycle()

    async def dies() -> None:
        raise ValueError

    lifecycle.add_background("watcher", dies)
    server = Server([named("http")], lifecycle=lifecycle, handle_signals=False)

    with pytest.raises(BackgroundFailedError, match="watcher"):
        async with asyncio.timeout(WAIT_S):
            await server.serve()


# ------------------------------------------------------------------------------------ signals

PROCESS = """
import asyncio, sys
from service_kit.entrypoint import run
from service_kit.http import ResponseStream
from service_kit.lifecycle import Lifecycle
from service_kit.logging import configure_logging
from service_kit.server import Listener, Server, ServerLimits

lifecycle = Lifecycle()

async def app(scope, receive, send):
    stream = ResponseStream(send)
    await stream.start()
    await stream.write(b"first")
    while not lifecycle.draining or scope["path"] == "/never":
        await asyncio.sleep(0.01)
    await stream.close(b"last")

async def serve():
    configure_logging("test", "info", "json")
    limits = ServerLimits(shutdown_grace_s=float(sys.argv[1]), cancel_grace_s=1.0)
    listeners = [Listener("http", "127.0.0.1", 0, app)]
    await Server(listeners, lifecycle=lifecycle, limits=limits).serve()

sys.exit(run("test", serve))
"""


async def start_process(grace_s: float) -> tuple[asyncio.subprocess.Process, int]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROCESS, str(grace_s), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    async with asyncio.timeout(4 * WAIT_S):  # an interpreter starts here
        serving = json.loads(await process.stdout.readline())
    return process, serving["http_port"]


async def exit_code(process: asyncio.subprocess.Process) -> int:
    try:
        async with asyncio.timeout(WAIT_S):
            assert process.stdout is not None
            await process.stdout.read()
            return await process.wait()
    except BaseException:
        process.kill()
        raise


@pytest.mark.requirement("service-kit:server:drain")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_drains_with_an_open_stream_and_the_process_exits_with_0(
    number: signal.Signals,
) -> None:
    process, port = await start_process(grace_s=WAIT_S)
    async with raw_client(port) as client:
        assert await first_chunk(client) == b"first"

        process.send_signal(number)

        assert [await client.chunk(), await client.chunk()] == [b"last", b""]
    assert await exit_code(process) == 0


async def test_a_stream_that_outlives_the_grace_time_does_not_hold_the_process() -> None:
    process, port = await start_process(grace_s=0.1)
    async with raw_client(port) as client:
        await client.request("GET", "/never")
        await client.head()
        assert await client.chunk() == b"first"

        process.send_signal(signal.SIGTERM)

        assert await exit_code(process) == 0


async def test_a_second_signal_cuts_at_once() -> None:
    process, port = await start_process(grace_s=600)
    async with raw_client(port) as client:
        await client.request("GET", "/never")
        await client.head()
        assert await client.chunk() == b"first"

        process.send_signal(signal.SIGINT)
        assert process.stdout is not None
        async with asyncio.timeout(WAIT_S):
            assert b"draining" in await process.stdout.readline()
        process.send_signal(signal.SIGINT)

        assert await exit_code(process) == 0


def test_the_operators_limits_are_the_servers() -> None:
    settings = ServiceSettings(
        max_header_bytes=2048, request_timeout_s=3, keep_alive_s=9, shutdown_grace_s=7
    )

    limits = limits_of(settings)

    assert (limits.max_header_bytes, limits.request_timeout_s) == (2048, 3)
    assert (limits.keep_alive_s, limits.shutdown_grace_s) == (9, 7)
