import socket
from collections.abc import Callable, Iterator

import pytest

from conclave_cli.errors import PortTakenError
from conclave_cli.ports import HIGHEST_BASE, PortBlock, require_free


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield int(listener.getsockname()[1])


def test_ports_count_up_from_the_public_one():
    block = PortBlock(8000)

    assert sorted(block.named(with_sim=True).values()) == [
        8000, 8001, 8002, 8010, 8012, 8020, 8022, 8090
    ]  # fmt: skip
    assert 8090 not in block.named(with_sim=False).values()


def test_the_highest_block_ends_at_the_last_port():
    assert max(PortBlock(HIGHEST_BASE).named(with_sim=True).values()) == 65535


@pytest.mark.requirement("cli:port-taken")
def test_a_taken_port_is_named_with_its_purpose_and_the_remedy(taken_port: int):
    ports = {"the admin API": taken_port}

    with pytest.raises(PortTakenError) as refused:
        require_free(ports)

    message = refused.value.message
    assert f"127.0.0.1:{taken_port} (the admin API)" in message
    assert "CONCLAVE_PORT=" in message


def test_free_ports_pass(free_port: Callable[[], int]):
    require_free({"the public endpoint": free_port()})


def test_a_port_whose_listener_has_gone_is_free(free_port: Callable[[], int]):
    port = free_port()
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as every server does
        listener.bind(("127.0.0.1", port))
        listener.listen()
        with socket.create_connection(("127.0.0.1", port)):
            listener.accept()[0].close()

    require_free({"the public endpoint": port})
