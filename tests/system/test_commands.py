"""The commands that ask a running platform, as a person calls them."""

import subprocess
import sys
from collections.abc import Mapping

import openai
import pytest

from conclave_cli.settings import inherited_environment
from tests.system.platform_process import Platform

pytestmark = pytest.mark.requirement("cli:commands")

ASK = "Reply with exactly this text and nothing else: PONG"


def conclave(
    running: Platform, *arguments: str, told: Mapping[str, str] | None = None, text: str = ""
) -> subprocess.CompletedProcess[str]:
    environment = {
        **inherited_environment(),
        "CONCLAVE_PORT": str(running.port),
        "CONCLAVE_STATE_DIR": str(running.state_dir),
        **(told or {}),
    }
    return subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "conclave_cli", *arguments],
        env=environment,
        input=text,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_status_says_that_all_are_ready(running: Platform):
    done = conclave(running, "status")

    assert done.returncode == 0
    assert [line.split() for line in done.stdout.splitlines()] == [
        ["gateway", "ready"],
        ["orchestrator", "ready"],
        ["compactor", "ready"],
    ]


def test_models_are_listed_with_their_owners(running: Platform):
    done = conclave(running, "models")

    assert done.returncode == 0
    assert ["council", "conclave"] in [line.split() for line in done.stdout.splitlines()]


def test_chat_prints_the_answer_and_tells_progress_apart(running: Platform):
    done = conclave(running, "chat", ASK)

    assert done.returncode == 0
    assert done.stdout == "PONG\n"
    assert "analyst" in done.stderr


def test_chat_reads_standard_input_and_can_be_quiet(running: Platform):
    done = conclave(running, "chat", "-", "--quiet", "--no-stream", "--model", "sim", text=ASK)

    assert (done.returncode, done.stdout, done.stderr) == (0, "PONG\n", "")


def test_a_failing_panel_is_a_failure_with_the_reason(running: Platform):
    done = conclave(running, "chat", "hello", "--model", "no-such-model")

    assert done.returncode == 1
    assert done.stdout == ""
    assert "no-such-model" in done.stderr


def test_a_wrong_key_is_told(running: Platform):
    done = conclave(running, "models", told={"CONCLAVE_API_KEY": "sk-wrong"})

    assert done.returncode == 1
    assert "HTTP 401" in done.stderr


def test_a_run_is_shown_by_its_completions_id(running: Platform, client: openai.OpenAI):
    answer = client.chat.completions.create(
        model="council", messages=[{"role": "user", "content": ASK}]
    )

    done = conclave(running, "runs", "show", answer.id, "--answers")

    assert done.returncode == 0
    assert "council  completed" in done.stdout
    assert "PONG" in done.stdout
    assert done.stdout.count(" answer   sim ") == 3
