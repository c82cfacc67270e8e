"""Settings every service has, read from the environment under the service's own prefix.

A service subclasses: `class GatewaySettings(ServiceSettings, env_prefix="GATEWAY_")`. The
descriptions become `docs/configuration.md`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, TypeVar

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from service_kit.lifecycle import StartupError

SettingsT = TypeVar("SettingsT", bound="ServiceSettings")

# 128 bits in hex. A shorter installation token is a placeholder somebody forgot to replace.
MIN_TOKEN_CHARACTERS = 32


class SettingsError(StartupError):
    """The environment does not make a working configuration; the message names each variable."""


class ServiceSettings(BaseSettings):
    model_config = SettingsConfigDict(
        env_file=None, extra="ignore", frozen=True, hide_input_in_errors=True
    )

    host: str = Field(
        default="127.0.0.1",
        description="Address to listen on. 0.0.0.0 in a container.",
        examples=["0.0.0.0"],  # noqa: S104 - an example, not a binding
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least severe record that is written."
    )
    log_format: Literal["json", "text"] = Field(
        default="json", description="One JSON object per line, or one line for people."
    )
    config_path: Path | None = Field(
        default=None,
        description="conclave.yaml, or the directory that holds it. Reloaded when it changes.",
        examples=["/etc/conclave/conclave.yaml"],
    )
    installation_token_file: Path | None = Field(
        default=None,
        description="File with the token that Conclave's services show each other.",
        examples=["/run/secrets/installation-token"],
    )
    installation_token: SecretStr | None = Field(
        default=None,
        description="The same token by value. A file is safer: it is in no process listing.",
    )
    otlp_endpoint: str | None = Field(
        default=None,
        description="OTLP/HTTP collector for traces. Unset: no trace leaves the process.",
        examples=["http://otel-collector:4318"],
    )
    trace_sample_ratio: float = Field(
        default=1.0, ge=0, le=1, description="Share of traces without a parent that are exported."
    )
    shutdown_grace_s: float = Field(
        default=30.0,
        ge=0,
        description="After SIGTERM, time for requests in flight to finish before they are cut.",
    )
    keep_alive_s: int = Field(
        default=75, gt=0, description="Close a connection idle this long. Keep above the ingress's."
    )
    request_timeout_s: float = Field(
        default=10.0,
        gt=0,
        description="Answer 408 when headers take longer, or a body stalls this long.",
    )
    max_header_bytes: int = Field(
        default=64 * 1024, ge=1024, description="Answer 431 when a request's headers are larger."
    )

    def token(self) -> str:
        """The installation token.

        Raises:
            SettingsError: neither variable is set, the file cannot be read, or it is too short.
        """
        token = self._read_token()
        if len(token) < MIN_TOKEN_CHARACTERS:
            raise SettingsError(
                f"The installation token has {len(token)} characters; it needs at least "
                f"{MIN_TOKEN_CHARACTERS}. Make one with: openssl rand -hex 32"
            )
        return token

    def _read_token(self) -> str:
        if self.installation_token_file is not None:
            return self._read_token_file(self.installation_token_file)
        if self.installation_token is not None:
            return self.installation_token.get_secret_value().strip()
        raise SettingsError(
            f"No installation token: set {self.variable('installation_token_file')} to a file "
            "that every service of this installation can read."
        )

    def _read_token_file(self, path: Path) -> str:
        try:
            return path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            variable = self.variable("installation_token_file")
            raise SettingsError(f"{variable}: cannot read {path}: {error}") from error

    @classmethod
    def variable(cls, field: str) -> str:
        """The environment variable of a field."""
        return f"{cls.model_config.get('env_prefix', '')}{field}".upper()


def load_settings(settings_type: type[SettingsT]) -> SettingsT:
    """Read the environment.

    Raises:
        SettingsError: with one line for each variable that is wrong, and never its value.
    """
    try:
        return settings_type()
    except ValidationError as error:
        lines = [
            f"{settings_type.variable(str(problem['loc'][0]) if problem['loc'] else '')}: "
            f"{problem['msg']}"
            for problem in error.errors(include_url=False, include_input=False)
        ]
        raise SettingsError("\n".join(lines)) from None
