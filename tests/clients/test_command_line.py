"""Agents of the command line: a text turn, and a turn in which they run a command for the model."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pytest

from tests.clients import installation
from tests.clients.errands import DONE, MARK, MARK_COMMAND, MARK_FILE, SAID, SAY, answered, call
from tests.clients.installation import Client
from tests.clients.scratch import Scratch


@dataclass(frozen=True, slots=True)
class Agent:
    """How one of them is set up and asked; `errand` names its own tool for commands."""

    client: Client
    program: str
    set_up: Callable[[Scratch, str], dict[str, str]]
    arguments: Callable[[str, str], Sequence[str]]
    errand: str | None
    resumed: Callable[[str, str], Sequence[str]] | None = None


def codex_settings(scratch: Scratch, model: str) -> dict[str, str]:
    """As docs/clients/codex.md shows it."""
    settings = f"""
model = "{model}"
model_provider = "conclave"
model_context_window = 128000

[model_providers.conclave]
name = "Conclave"
base_url = "{scratch.base_url}"
env_key = "CONCLAVE_API_KEY"
wire_api = "responses"
"""
    scratch.write(scratch.home / ".codex" / "config.toml", settings)
    return {}


def opencode_settings(scratch: Scratch, model: str) -> dict[str, str]:
    models = {name: {"limit": {"context": 128000, "output": 16384}} for name in {model, "gpt-sim"}}
    provider = {
        "npm": "@ai-sdk/openai-compatible",
        "name": "Conclave",
        "options": {"baseURL": scratch.base_url, "apiKey": "{env:CONCLAVE_API_KEY}"},
        "models": models,
    }
    settings = {
        "model": f"conclave/{model}",
        "small_model": "conclave/gpt-sim",
        "autoupdate": False,
        "share": "disabled",
        "permission": {"*": "allow"},
        "provider": {"conclave": provider},
    }
    scratch.write(scratch.tree / "opencode.json", json.dumps(settings))
    return {}


def continue_settings(scratch: Scratch, model: str) -> dict[str, str]:
    settings = f"""
name: local
version: 1.0.0
schema: v1
models:
  - name: Conclave
    provider: openai
    model: {model}
    apiBase: {scratch.base_url}
    apiKey: {scratch.api_key}
    roles: [chat, edit, apply]
    capabilities: [tool_use]
"""
    scratch.write(scratch.tree / "continue.yaml", settings)
    return {"CONTINUE_TELEMETRY_ENABLED": "0", "CONTINUE_CLI_ENABLE_TELEMETRY": "0"}


def cline_settings(scratch: Scratch, model: str) -> dict[str, str]:
    program = installation.CLINE.command("cline")
    provider = ("--provider", "openai-compatible", "--baseurl", scratch.base_url)
    done = scratch.run(program, "auth", *provider, "-k", scratch.api_key, "-m", model)
    assert done.returncode == 0, done.text
    return {}


def openai_variables(scratch: Scratch, model: str) -> dict[str, str]:
    return {
        "OPENAI_API_KEY": scratch.api_key,
        "OPENAI_BASE_URL": scratch.base_url,
        "OPENAI_API_BASE": scratch.base_url,
        "OPENAI_MODEL": model,
    }


def gptme_settings(scratch: Scratch, model: str) -> dict[str, str]:
    settings = f"""
[prompt]
[env]
MODEL = "conclave/{model}"

[[providers]]
name = "conclave"
base_url = "{scratch.base_url}"
api_key_env = "CONCLAVE_API_KEY"
default_model = "{model}"
"""
    scratch.write(scratch.home / ".config" / "gptme" / "config.toml", settings)
    return {}


AIDER_OPTIONS = (
    "--no-check-update",
    "--no-show-model-warnings",
    "--no-show-release-notes",
    "--analytics-disable",
    "--yes-always",
)
CODEX_OPTIONS = ("--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox")

AGENTS = {
    "codex": Agent(
        installation.CODEX,
        "codex",
        codex_settings,
        lambda _, prompt: ["exec", *CODEX_OPTIONS, prompt],
        call("exec_command", cmd=MARK_COMMAND),
        lambda _, prompt: ["exec", "resume", "--last", *CODEX_OPTIONS, prompt],
    ),
    "opencode": Agent(
        installation.OPENCODE,
        "opencode",
        opencode_settings,
        lambda _, prompt: ["run", prompt],
        call("bash", command=MARK_COMMAND, description="mark"),
        lambda _, prompt: ["run", "--continue", prompt],
    ),
    "continue": Agent(
        installation.CONTINUE,
        "cn",
        continue_settings,
        lambda _, prompt: ["--config", "continue.yaml", "--auto", "-p", prompt],
        call("Bash", command=MARK_COMMAND),
    ),
    "cline": Agent(
        installation.CLINE,
        "cline",
        cline_settings,
        lambda model, prompt: ["-P", "openai-compatible", "-m", model, prompt],
        call("run_commands", commands=[MARK_COMMAND]),
    ),
    "qwen-code": Agent(
        installation.QWEN_CODE,
        "qwen",
        openai_variables,
        lambda _, prompt: ["--auth-type", "openai", "--yolo", "-p", prompt],
        call("run_shell_command", command=MARK_COMMAND, is_background=False, description="mark"),
    ),
    "gptme": Agent(
        installation.GPTME,
        "gptme",
        gptme_settings,
        lambda model, prompt: [
            *("--non-interactive", "--tool-format", "tool", "--model", f"conclave/{model}", prompt)
        ],
        call("shell", command=MARK_COMMAND),
    ),
    # Aider edits files from text; it has no tools.
    "aider": Agent(
        installation.AIDER,
        "aider",
        openai_variables,
        lambda model, prompt: [
            *("--model", f"openai/{model}", "--weak-model", "openai/gpt-sim"),
            *AIDER_OPTIONS,
            *("--message", prompt),
        ],
        None,
    ),
}

WITH_TOOLS = [name for name, agent in AGENTS.items() if agent.errand is not None]
WITH_SESSIONS = [name for name, agent in AGENTS.items() if agent.resumed is not None]


@pytest.fixture
def installed_agent(name: str, installed: Callable[[Client], Client]) -> Agent:
    agent = AGENTS[name]
    installed(agent.client)
    return agent


def ask(
    agent: Agent, scratch: Scratch, arguments: Sequence[str], environment: Mapping[str, str]
) -> str:
    program = agent.client.command(agent.program)
    done = scratch.run(program, *arguments, environment=environment)
    assert done.returncode == 0, done.text
    return done.text


@pytest.mark.requirement("clients:text")
@pytest.mark.parametrize("name", AGENTS)
def test_it_prints_the_answer(installed_agent: Agent, scratch: Scratch, model: str):
    environment = installed_agent.set_up(scratch, model)

    text = ask(installed_agent, scratch, installed_agent.arguments(model, SAY), environment)

    assert answered(text, SAID), text


@pytest.mark.requirement("clients:tools")
@pytest.mark.parametrize("name", WITH_TOOLS)
def test_it_runs_the_command_and_prints_the_last_word(
    installed_agent: Agent, scratch: Scratch, model: str
):
    assert installed_agent.errand is not None
    environment = installed_agent.set_up(scratch, model)
    arguments = installed_agent.arguments(model, installed_agent.errand)

    text = ask(installed_agent, scratch, arguments, environment)

    marked = [file.read_text().strip() for file in scratch.root.rglob(MARK_FILE)]
    assert marked == [MARK], text
    assert answered(text, DONE), text


@pytest.mark.requirement("clients:sessions")
@pytest.mark.parametrize("name", WITH_SESSIONS)
def test_a_continued_session_remembers_what_was_said(
    installed_agent: Agent, scratch: Scratch, model: str
):
    assert installed_agent.resumed is not None
    environment = installed_agent.set_up(scratch, model)
    fact = f"The value of HARBOUR is 7-blue-7. {SAY}"
    ask(installed_agent, scratch, installed_agent.arguments(model, fact), environment)

    question = "What is the value of HARBOUR? Answer only from this conversation."
    text = ask(installed_agent, scratch, installed_agent.resumed(model, question), environment)

    assert "7-blue-7" in text.rpartition(question)[2]
