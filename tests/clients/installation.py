"""Clients as their users get them: from npm and PyPI, at the versions written here.

They are kept in `~/.cache/openai-compat-clients`, so only the first run needs a network.
"""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

CACHE = Path.home() / ".cache" / "openai-compat-clients"
INSTALL_TIMEOUT_S = 600.0
_STAMP = "installed-pins.txt"


@dataclass(frozen=True, slots=True)
class Client:
    """What is installed together in one place."""

    name: str
    source: Literal["npm", "py"]
    pins: tuple[str, ...]
    install_scripts: bool = False

    @property
    def folder(self) -> Path:
        return CACHE / self.source / self.name

    def command(self, name: str) -> Path:
        """The program of that name which the client brings."""
        programs = "node_modules/.bin" if self.source == "npm" else "bin"
        return self.folder / programs / name


CODEX = Client("codex", "npm", ("@openai/codex@0.169.0",))
# Its script puts the program for this machine in place.
OPENCODE = Client("opencode", "npm", ("opencode-ai@1.18.33",), install_scripts=True)
CLINE = Client("cline", "npm", ("cline@3.0.65",))
QWEN_CODE = Client("qwen-code", "npm", ("@qwen-code/qwen-code@0.24.4",))
CONTINUE = Client("continue", "npm", ("@continuedev/cli@1.5.47",))
NODE_LIBRARIES = Client(
    "aisdk",
    "npm",
    (
        "ai@6.0.326",
        "@ai-sdk/openai@3.0.141",
        "@ai-sdk/openai-compatible@2.0.87",
        "openai@7.55.0",
        "@openai/agents@0.20.0",
        "zod@4.6.7",
    ),
)
AIDER = Client("aider", "py", ("aider-chat==0.86.2",))
GPTME = Client("gptme", "py", ("gptme==0.35.1",))
OPENAI = Client("openai", "py", ("openai==3.51.0",))
OPENAI_AGENTS = Client("openai-agents", "py", ("openai-agents==0.24.0",))
LANGCHAIN = Client(
    "langchain",
    "py",
    ("langchain==1.4.7", "langchain-openai==1.7.3", "langgraph==1.2.22"),
)
LLAMA_INDEX = Client(
    "llama-index",
    "py",
    ("llama-index-llms-openai-like==0.8.1", "llama-index-embeddings-openai-like==0.4.0"),
)
PYDANTIC_AI = Client("pydantic-ai", "py", ("pydantic-ai-slim[openai]==2.68.0",))
INSTRUCTOR = Client("instructor", "py", ("instructor==1.17.0",))
# mcp: litellm imports it whenever a request has tools and does not require it.
LITELLM = Client("litellm", "py", ("litellm==1.106.2", "mcp"))


class NotInstallableError(Exception):
    """The client cannot be had on this machine now; the message says why."""


def install(client: Client) -> None:
    """Install the client unless exactly these versions are there already.

    Raises:
        NotInstallableError: a program is missing, or the package registry does not answer.
    """
    wanted = "\n".join(client.pins)
    stamp = client.folder / _STAMP
    if stamp.exists() and stamp.read_text() == wanted:
        return
    client.folder.mkdir(parents=True, exist_ok=True)
    for command in _npm(client) if client.source == "npm" else _pip(client):
        _run(client, command)
    stamp.write_text(wanted)


def _npm(client: Client) -> list[list[str]]:
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        raise NotInstallableError(f"{client.name}: node and npm are not installed")
    manifest = client.folder / "package.json"
    if not manifest.exists():
        manifest.write_text('{"private": true}')
    scripts = [] if client.install_scripts else ["--ignore-scripts"]
    return [[npm, "install", "--no-audit", "--no-fund", *scripts, *client.pins]]


def _pip(client: Client) -> list[list[str]]:
    python = client.command("python")
    uv = [sys.executable, "-m", "uv"]
    create = [] if python.exists() else [[*uv, "venv", "--quiet", str(client.folder)]]
    return [*create, [*uv, "pip", "install", "--quiet", "--python", str(python), *client.pins]]


def _run(client: Client, command: list[str]) -> None:
    try:
        done = subprocess.run(  # noqa: S603 - commands are written in this folder
            command,
            cwd=client.folder,
            timeout=INSTALL_TIMEOUT_S,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise NotInstallableError(f"{client.name}: not within {INSTALL_TIMEOUT_S:g} s") from error
    if done.returncode != 0:
        raise NotInstallableError(f"{client.name}: {done.stdout.strip()[-400:]}")
