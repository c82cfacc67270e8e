"""What calls cost is what the vendor counted, those too that were cut."""

import http.client
import json
from contextlib import closing
from typing import Any, cast

import pytest

from tests.system.platform_process import Platform, eventually
from tests.system.simulator_process import Simulator
from tests.system.test_hang_up import asking, reach, running_calls

LOOK_UP_WITHIN_S = 5.0


@pytest.mark.requirement("system:usage-look-up")
def test_calls_that_a_hang_up_cut_become_exactly_what_the_vendor_counted(
    running: Platform, sim: Simulator, seen_before: int
):
    with asking(running, "slow-middles", stream=True) as asked:
        reach(sim, seen_before, running_calls(3, with_tokens=True))
        asked.response = asked.connection.getresponse()
        request_id = asked.response.headers["x-request-id"]
        asked.hang_up()

    eventually(
        lambda: bases(record_of(running, request_id)) == ["looked_up"] * 3,
        LOOK_UP_WITHIN_S,
        "all calls that were cut are looked up",
    )

    record = record_of(running, request_id)
    counted = {call.request_id: call for call in sim.ended_calls(seen_before)}
    assert len(counted) == 3
    for call in record["calls"]:
        seen = counted[f"{call['call_id']}.{call['attempt']}"]
        usage = call["usage"]
        assert seen.outcome == "client_closed"
        assert seen.completion_tokens > 0
        assert (usage["input_tokens"], usage["output_tokens"]) == (
            seen.prompt_tokens,
            seen.completion_tokens,
        )
    usage = record["usage"]
    assert usage["output_tokens"] == sum(seen.completion_tokens for seen in counted.values())
    assert not usage.get("estimated", False)


def bases(record: dict[str, Any]) -> list[str]:
    return [call["basis"] for call in record["calls"]]


def record_of(running: Platform, request_id: str) -> dict[str, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=10)
    with closing(connection):
        headers = {"authorization": f"Bearer {running.api_key}"}
        connection.request("GET", f"/v1/conclave/runs/{request_id}", headers=headers)
        response = connection.getresponse()
        answer = response.read()
    assert response.status == 200, answer
    return cast("dict[str, Any]", json.loads(answer))
