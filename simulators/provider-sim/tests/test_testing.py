"""What others hold a simulator with."""

import pytest

from provider_sim.testing import client_of, running_client


async def test_a_second_client_sees_the_same_simulator() -> None:
    async with running_client() as sim, client_of(sim.url) as other:
        await sim.text(
            "/v1/chat/completions",
            {"model": "sim", "messages": [{"role": "user", "content": "x"}]},
        )

        assert await other.record() == await sim.record()
        assert len(await other.record()) == 1


async def test_rules_that_are_refused_raise() -> None:
    async with running_client() as sim:
        with pytest.raises(ValueError, match="unknown fault"):
            await sim.add_rules({"profile": {"fault": "boom"}})
