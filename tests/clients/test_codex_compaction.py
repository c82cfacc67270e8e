"""Codex shortens its own conversations, in two ways that depend on the provider's name."""

from collections.abc import Callable

import pytest

from tests.clients.errands import DONE, SAY, answered, call
from tests.clients.installation import CODEX, Client
from tests.clients.scratch import Scratch

# Codex's own instructions and tools take 9,000 tokens of it, the command's output 5,000.
COMPACT_AFTER_TOKENS = 14_000
LONG_COMMAND = "seq 1 4000"
FACT = f"The value of HARBOUR is 7-blue-7. {SAY}"
TURNS = 5
QUESTION = "What is the value of HARBOUR? Answer only from this conversation."
OPTIONS = ("--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox")


# As "OpenAI" it ends a request with `compaction_trigger`; else it asks the model for a summary.
@pytest.mark.requirement("clients:compaction")
@pytest.mark.parametrize("provider", ["OpenAI", "Conclave"])
def test_what_was_said_before_a_compaction_is_known_after_it(
    provider: str, installed: Callable[[Client], Client], scratch: Scratch, model: str
):
    installed(CODEX)
    configure(scratch, model, provider)
    first = run(scratch, "exec", *OPTIONS, FACT)
    assert "context compacted" not in first
    long = call("exec_command", cmd=LONG_COMMAND, max_output_tokens=9000)
    assert answered(run(scratch, "exec", "resume", "--last", *OPTIONS, long), DONE)

    text = run(scratch, "exec", "resume", "--last", *OPTIONS, QUESTION)

    assert "context compacted" in text
    assert "7-blue-7" in text.rpartition("context compacted")[2]


@pytest.mark.requirement("clients:compaction")
@pytest.mark.parametrize("provider", ["OpenAI", "Conclave"])
def test_a_long_session_near_its_limit_is_not_compacted_at_every_turn(
    provider: str, installed: Callable[[Client], Client], scratch: Scratch, model: str
):
    installed(CODEX)
    configure(scratch, model, provider)
    run(scratch, "exec", *OPTIONS, FACT)
    long = call("exec_command", cmd=LONG_COMMAND, max_output_tokens=9000)
    assert answered(run(scratch, "exec", "resume", "--last", *OPTIONS, long), DONE)

    turns = [run(scratch, "exec", "resume", "--last", *OPTIONS, SAY) for _ in range(TURNS)]
    last = run(scratch, "exec", "resume", "--last", *OPTIONS, QUESTION)

    assert ["context compacted" in text for text in turns] == [True, *[False] * (TURNS - 1)]
    assert "7-blue-7" in last.rpartition(QUESTION)[2]


def run(scratch: Scratch, *arguments: str) -> str:
    done = scratch.run(CODEX.command("codex"), *arguments)
    assert done.returncode == 0, done.text
    return done.text


def configure(scratch: Scratch, model: str, provider: str) -> None:
    settings = f"""
model = "{model}"
model_provider = "conclave"
model_context_window = 40000
model_auto_compact_token_limit = {COMPACT_AFTER_TOKENS}

[model_providers.conclave]
name = "{provider}"
base_url = "{scratch.base_url}"
env_key = "CONCLAVE_API_KEY"
wire_api = "responses"
"""
    scratch.write(scratch.home / ".codex" / "config.toml", settings)
