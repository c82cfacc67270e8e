"""SDKs and frameworks: each runs a program of its own, in its own environment."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.clients import installation
from tests.clients.errands import DONE, SAID, SAY, call
from tests.clients.installation import Client
from tests.clients.scratch import Scratch

PROGRAMS = Path(__file__).parent / "programs"
LIBRARIES = {
    "openai_sdk.py": installation.OPENAI,
    "openai_agents.py": installation.OPENAI_AGENTS,
    "langchain_openai_chat.py": installation.LANGCHAIN,
    "llama_index_openai_like.py": installation.LLAMA_INDEX,
    "pydantic_ai_agents.py": installation.PYDANTIC_AI,
    "instructor_objects.py": installation.INSTRUCTOR,
    "litellm_sdk.py": installation.LITELLM,
    "openai_sdk.mjs": installation.NODE_LIBRARIES,
    "openai_agents.mjs": installation.NODE_LIBRARIES,
    "ai_sdk.mjs": installation.NODE_LIBRARIES,
}


@pytest.mark.requirement("clients:libraries")
@pytest.mark.parametrize("name", LIBRARIES)
def test_its_program_gets_what_it_expects(
    name: str, installed: Callable[[Client], Client], scratch: Scratch, model: str
):
    client = installed(LIBRARIES[name])
    environment = {
        "MODEL": model,
        "SAID": SAID,
        "SAY": SAY,
        "DONE": DONE,
        "CALL_WEATHER": call("get_weather", city="Paris"),
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LANGSMITH_TRACING": "false",
    }

    done = scratch.run(*command(client, name, scratch), environment=environment)

    assert done.returncode == 0, done.text


def command(client: Client, name: str, scratch: Scratch) -> list[str | Path]:
    """Node looks for packages beside the program, so there it runs as a copy beside them."""
    if client.source == "py":
        return [client.command("python"), PROGRAMS / name]
    for program in PROGRAMS.glob("*.mjs"):
        shutil.copy(program, scratch.tree)
    (scratch.tree / "node_modules").symlink_to(client.folder / "node_modules")
    return ["node", scratch.tree / name]
