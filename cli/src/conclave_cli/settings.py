"""Settings of the `conclave` command: environment variables `CONCLAVE_*`.

The only module here that reads the environment.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from conclave_cli.errors import SettingsError
from conclave_cli.ports import HIGHEST_BASE

if TYPE_CHECKING:
    from collections.abc import Mapping


class CliSettings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="CONCLAVE_", env_ignore_empty=True, extra="ignore")

    port: int = Field(
        8000,
        ge=1,
        le=HIGHEST_BASE,
        description="Public port of `conclave run`; its other ports count up from it.",
    )
    config: Path | None = Field(
        None,
        description="conclave.yaml, or the directory that holds it. Without it: OpenAI's models "
        "when OPENAI_API_KEY is set, else provider-sim.",
        examples=["conclave.yaml"],
    )
    state_dir: Path = Field(
        Path(".conclave"), description="Keys, SQLite files and the rendered configuration."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Of the services that `conclave run` starts."
    )
    log_format: Literal["json", "text"] = Field(
        "text", description="Of the services that `conclave run` starts."
    )
    start_timeout_s: float = Field(
        60, gt=0, le=600, description="All services must be ready within this time."
    )
    base_url: str | None = Field(
        None,
        description="Endpoint for `conclave models` and `conclave chat`. "
        "Default: the one `conclave run` serves here.",
        examples=["https://conclave.example.org/v1"],
    )
    api_key: SecretStr | None = Field(
        None, description="Key for that endpoint. Default: the one in the state directory."
    )
    request_timeout_s: float = Field(
        600, gt=0, description="`conclave chat` gives up on an answer after this time."
    )
    openai_api_key: SecretStr | None = Field(
        None,
        validation_alias="OPENAI_API_KEY",
        description="With it and without CONCLAVE_CONFIG, `conclave run` uses OpenAI's models.",
    )


def load_settings() -> CliSettings:
    """Read the environment.

    Raises:
        SettingsError: a variable's value is wrong; the message names the variable, not its value.
    """
    try:
        return CliSettings()  # pyright: ignore[reportCallIssue]  # all fields have defaults
    except ValidationError as error:
        lines = [f"{_variable(problem['loc'])}: {problem['msg']}" for problem in error.errors()]
        raise SettingsError("\n".join(lines)) from None


def inherited_environment() -> Mapping[str, str]:
    """What children inherit: proxies, provider keys, settings of single services."""
    return dict(os.environ)


def _variable(location: tuple[int | str, ...]) -> str:
    name = str(location[0]).upper() if location else "?"
    return name if name == "OPENAI_API_KEY" else f"CONCLAVE_{name}"
