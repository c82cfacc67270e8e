"""`conclave run` itself: what it says, what it restarts, and that it leaves nothing behind."""

import http.client
import json
import signal
import stat
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import openai
import psutil
import pytest

from tests.system.platform_process import (
    START_TIMEOUT_S,
    Platform,
    eventually,
    is_free,
    is_gone,
    launch,
    platform,
)

STOP_BAR_S = 5.0
RESTART_TIMEOUT_S = 20.0
ASK = "Reply with exactly this text and nothing else: PONG"


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Platform]:
    """A platform as `make run` starts it, with the simulator among its services."""
    with platform(tmp_path) as started:
        yield started


def pong(running: Platform, model: str) -> str | None:
    with openai.OpenAI(
        base_url=running.base_url, api_key=running.api_key, max_retries=0, timeout=20
    ) as client:
        answer = client.chat.completions.create(
            model=model, messages=[{"role": "user", "content": ASK}]
        )
    return answer.choices[0].message.content


def answers(running: Platform, model: str) -> bool:
    try:
        return pong(running, model) == "PONG"
    except openai.APIError:
        return False


@pytest.mark.requirement("cli:banner")
def test_what_it_prints_is_enough_for_a_first_answer(own: Platform):
    own.wait_for_output("Stop with Ctrl-C", 5)

    said = own.text()
    command = said[said.index("curl -N") :].partition("\n\n")[0]
    done = subprocess.run(  # noqa: S603 - the printed line is what is tested
        ["/bin/sh", "-c", command], capture_output=True, text=True, timeout=30, check=True
    )
    assert own.base_url in said
    assert own.api_key in said
    assert "council (panel of 3)" in said
    assert "gpt-sim" in said
    assert done.stdout.startswith("data: {")
    assert done.stdout.rstrip().endswith("data: [DONE]")
    assert stat.S_IMODE((own.state_dir / "api-key").stat().st_mode) == 0o600


@pytest.mark.requirement("cli:stop-within-5s")
def test_ctrl_c_ends_everything_within_five_seconds_also_while_it_streams(own: Platform):
    everything = own.processes()
    connection = http.client.HTTPConnection("127.0.0.1", own.port, timeout=10)
    body = {"model": "council", "stream": True, "messages": [{"role": "user", "content": "Why?"}]}
    connection.request(
        "POST",
        "/v1/chat/completions",
        json.dumps(body),
        {"authorization": f"Bearer {own.api_key}", "content-type": "application/json"},
    )
    response = connection.getresponse()
    response.readline()

    asked_s = time.monotonic()
    own.interrupt()
    status = own.end(10)
    took_s = time.monotonic() - asked_s

    response.close()
    connection.close()
    assert status == 0
    assert took_s <= STOP_BAR_S
    assert len(everything) == 5
    assert all(is_gone(process) for process in everything)
    assert all(is_free(port) for port in own.ports)


@pytest.mark.requirement("cli:nothing-left")
def test_a_killed_supervisor_takes_its_services_with_it(own: Platform):
    everything = own.processes()

    own.process.kill()

    eventually(lambda: all(is_gone(process) for process in everything), 5, "all have ended")


@pytest.mark.requirement("cli:restart")
@pytest.mark.parametrize("module", ["orchestrator", "api_gateway"])
def test_a_crashed_service_comes_back_and_answers(own: Platform, module: str):
    crashed = own.service(module)
    said = len(own.output)

    crashed.send_signal(signal.SIGKILL)

    name = {"api_gateway": "gateway"}.get(module, module)
    own.wait_for_output(f"{name} was killed by SIGKILL", 5, after=said)
    own.wait_for_output(f"{name} is ready again", RESTART_TIMEOUT_S, after=said)
    eventually(lambda: answers(own, "council"), RESTART_TIMEOUT_S, "the panel answers again")
    assert own.service(module).pid != crashed.pid


def test_a_plain_model_answers_while_the_orchestrator_is_down(own: Platform):
    psutil.Process(own.service("orchestrator").pid).send_signal(signal.SIGSTOP)

    assert pong(own, "gpt-sim") == "PONG"


@pytest.mark.requirement("cli:state-kept")
def test_the_key_is_the_same_after_a_restart(tmp_path: Path):
    with platform(tmp_path) as first:
        key = first.api_key
    with platform(tmp_path) as second:
        assert second.api_key == key
        assert pong(second, "gpt-sim") == "PONG"


@pytest.mark.requirement("cli:port-taken")
def test_a_taken_port_is_named_and_nothing_is_started(running: Platform, tmp_path: Path):
    refused = launch(tmp_path, port=running.port)

    status = refused.end(START_TIMEOUT_S)

    assert status == 3
    assert f"127.0.0.1:{running.port} (the public endpoint)" in refused.text()
    assert "CONCLAVE_PORT=" in refused.text()
    assert refused.process.stdout is not None
    refused.process.stdout.close()


@pytest.mark.requirement("cli:one-run-per-state")
def test_a_second_run_on_the_same_state_is_refused(running: Platform):
    refused = launch(running.state_dir.parent)

    status = refused.end(START_TIMEOUT_S)

    assert status == 4
    assert f"process {running.process.pid}" in refused.text()
    assert refused.process.stdout is not None
    refused.process.stdout.close()


def test_a_service_that_cannot_start_is_named_with_its_last_words(tmp_path: Path):
    refused = launch(tmp_path, environment={"ORCHESTRATOR_MAX_HEADER_BYTES": "many"})

    status = refused.end(START_TIMEOUT_S)

    assert status == 1
    assert "orchestrator" in refused.text()
    assert "ORCHESTRATOR_MAX_HEADER_BYTES" in refused.text()
    assert refused.process.stdout is not None
    refused.process.stdout.close()
