from collections.abc import Callable

from cli.tests.endpoint_double import refusing, serving, streaming
from conclave_cli.commands.status import ask_all, probe_urls
from conclave_cli.ports import PortBlock


def test_each_services_own_probe_is_asked():
    assert probe_urls(PortBlock(9000)) == {
        "gateway": "http://127.0.0.1:9002/readyz",
        "orchestrator": "http://127.0.0.1:9012/readyz",
        "compactor": "http://127.0.0.1:9022/readyz",
    }


async def test_ready_not_ready_and_gone_are_told_apart(free_port: Callable[[], int]):
    async with serving(streaming()) as ready, serving(refusing(503, "draining")) as draining:
        found = await ask_all(
            {
                "gateway": ready.base_url,
                "orchestrator": draining.base_url,
                "compactor": f"http://127.0.0.1:{free_port()}/readyz",
            }
        )

    assert [readiness.ready for readiness in found.values()] == [True, False, False]
    assert "draining" in found["orchestrator"].detail
