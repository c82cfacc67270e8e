"""What an operator can set, as environment variables that begin with GATEWAY_."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field, field_validator

from service_kit.settings import ServiceSettings, SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

# 128 bits in hex. A shorter secret is a placeholder somebody forgot to replace.
_MIN_SECRET_CHARACTERS = 32
# Also of what only looks like a page: `vscode-webview://…`, `tauri://localhost`.
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[^\s/?#]+")


class GatewaySettings(ServiceSettings, env_prefix="GATEWAY_"):
    port: int = Field(default=8000, ge=0, le=65535, description="Port clients use. 0: any free.")
    admin_port: int = Field(
        default=8001, ge=0, le=65535, description="Port of the admin API, for operators only."
    )
    metrics_port: int = Field(
        default=8002, ge=0, le=65535, description="Port of /metrics and the probes."
    )
    database_url: str = Field(
        default="sqlite:///data/gateway.sqlite3",
        description="Where keys and stored objects are kept: SQLite on one machine, PostgreSQL "
        "in a cluster.",
        examples=["postgresql://gateway:secret@postgres/conclave"],
    )
    store_timeout_s: float = Field(
        default=5.0,
        gt=0,
        description="Longest time for the database to read or keep a response or conversation.",
    )
    stored_retention_days: float = Field(
        default=30.0,
        gt=0,
        description="Stored responses and chat completions are deleted when they are this old, "
        "conversations when they have not been used for so long.",
    )
    orchestrator_url: str = Field(
        default="http://127.0.0.1:8010",
        description="Base URLs of the orchestrator's replicas, separated by commas.",
        examples=["http://orchestrator-0:8010,http://orchestrator-1:8010"],
    )
    compactor_url: str = Field(
        default="http://127.0.0.1:8020",
        description="Base URLs of the compactor's replicas, separated by commas.",
        examples=["http://compactor-0:8020,http://compactor-1:8020"],
    )
    key_pepper_file: Path | None = Field(
        default=None,
        description="File with the secret API keys are hashed under. Losing it voids all keys.",
        examples=["/run/secrets/key-pepper"],
    )
    bootstrap_key_file: Path | None = Field(
        default=None,
        description="File with an API key that is made valid for the team `default` at start.",
    )
    admin_key_file: Path | None = Field(
        default=None,
        description="File with the key of the admin API. Unset: the admin API refuses everybody.",
    )
    max_body_bytes: int = Field(
        default=32 * 1024 * 1024, ge=1024, description="Answer 413 when a body is larger."
    )
    body_timeout_s: float = Field(
        default=60.0, gt=0, description="Answer 408 when a whole body takes longer."
    )
    model_deadline_s: float = Field(
        default=600.0,
        gt=0,
        description="Longest time for an answer of a single model. Panels have `limits.wall_s`.",
    )
    first_frame_hold_s: float = Field(
        default=0.12,
        ge=0,
        le=10,
        description="A panel's status line waits this long for an early failure to show.",
    )
    heartbeat_s: float = Field(
        default=10.0,
        gt=0,
        description="A stream silent this long gets a comment. Keep below the ingress's timeout.",
    )
    panel_choices: int = Field(
        default=8, ge=1, le=128, description="Greatest `n` for a panel: each choice is a whole run."
    )
    key_refresh_s: float = Field(
        default=2.0,
        gt=0,
        le=5,
        description="How often keys changed by other replicas are looked for.",
    )
    access_log: bool = Field(default=True, description="Write one line per request.")
    cors_origins: str = Field(
        default="",
        description="Web pages that may call from a browser: their origins, separated by commas, "
        "or `*` for every page. Empty: none.",
        examples=["https://chat.example.com"],
    )

    @field_validator("cors_origins")
    @classmethod
    def _are_origins(cls, origins: str) -> str:
        for origin in _listed(origins):
            if origin != "*" and _ORIGIN.fullmatch(origin) is None:
                raise ValueError(
                    f"{origin!r} is not an origin; write https://host or https://host:port, "
                    "without a path"
                )
        return origins

    def allowed_origins(self) -> list[str]:
        """Of the pages that may call from a browser."""
        return _listed(self.cors_origins)

    def orchestrator_urls(self) -> list[str]:
        """One base URL per replica."""
        return _listed(self.orchestrator_url)

    def compactor_urls(self) -> list[str]:
        """One base URL per replica."""
        return _listed(self.compactor_url)

    def pepper(self) -> bytes:
        """The secret keys are hashed under.

        Raises:
            SettingsError: not set, unreadable, or too short.
        """
        if self.key_pepper_file is None:
            raise SettingsError(
                f"No pepper: set {self.variable('key_pepper_file')} to a file with at least "
                f"{_MIN_SECRET_CHARACTERS} random characters, and keep it."
            )
        return self._secret("key_pepper_file", self.key_pepper_file).encode()

    def bootstrap_key(self) -> str | None:
        """The first key, where one is handed in.

        Raises:
            SettingsError: the file is unreadable, or the key too short.
        """
        if self.bootstrap_key_file is None:
            return None
        return self._secret("bootstrap_key_file", self.bootstrap_key_file)

    def admin_key(self) -> str | None:
        """The admin API's key.

        Raises:
            SettingsError: the file is unreadable, or the key too short.
        """
        if self.admin_key_file is None:
            return None
        return self._secret("admin_key_file", self.admin_key_file)

    def catalogue_path(self) -> Path:
        """The configuration of providers, models and panels.

        Raises:
            SettingsError: not set.
        """
        if self.config_path is None:
            raise SettingsError(
                f"No configuration: set {self.variable('config_path')} to conclave.yaml or to the "
                "directory that holds it."
            )
        return self.config_path

    def environment(self) -> Mapping[str, str]:
        """For the secrets that conclave.yaml refers to by name."""
        return os.environ

    def _secret(self, field: str, path: Path) -> str:
        try:
            secret = path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"{self.variable(field)}: cannot read {path}: {error}") from error
        if len(secret) < _MIN_SECRET_CHARACTERS:
            raise SettingsError(
                f"{self.variable(field)}: {path} holds fewer than {_MIN_SECRET_CHARACTERS} "
                "characters."
            )
        return secret


def _listed(text: str) -> list[str]:
    return [each.strip() for each in text.split(",") if each.strip()]
