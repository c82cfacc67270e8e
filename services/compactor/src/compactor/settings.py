"""What an operator can set, as environment variables that begin with COMPACTOR_."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from service_kit.settings import ServiceSettings

if TYPE_CHECKING:
    from collections.abc import Mapping


class CompactorSettings(ServiceSettings, env_prefix="COMPACTOR_"):
    port: int = Field(
        default=8020, ge=0, le=65535, description="Port of the internal endpoints. 0: any free one."
    )
    metrics_port: int = Field(
        default=8022, ge=0, le=65535, description="Port of /metrics and the probes."
    )
    sealing_keys_file: Path | None = Field(
        default=None,
        description="Master keys for sealed items, one a line, oldest first: `<id> <base64 of 32 "
        "bytes> [retired]`. The newest seals, all that are not retired open; changes are taken up "
        "without a restart. Unset: one key made of the installation token.",
        examples=["/run/secrets/sealing-keys"],
    )
    summary_timeout_s: float = Field(
        default=90.0, gt=0, description="Longest a summary may take before the next level is used."
    )
    native_timeout_s: float = Field(
        default=120.0,
        gt=0,
        description="Longest a vendor may take to compact before the next level is used.",
    )
    max_concurrent_compactions: int = Field(
        default=64, gt=0, description="More than so many at once are answered with 503."
    )
    cache_ttl_s: float = Field(
        default=3600.0, gt=0, description="How long a compaction is remembered for a repeat of it."
    )
    cache_max_bytes: int = Field(
        default=64 * 1024 * 1024, gt=0, description="Most that remembered compactions may take."
    )
    opened_ttl_s: float = Field(
        default=900.0,
        gt=0,
        description="How long an opened history is kept in memory for the next question about it.",
    )
    opened_max_bytes: int = Field(
        default=48 * 1024 * 1024, gt=0, description="Most that opened histories may take."
    )
    blob_dir: Path | None = Field(
        default=None,
        description="Directory for histories and attachments too large for a sealed item; replicas "
        "may share it. Its content is encrypted. Unset: kept in memory, lost with the process.",
        examples=["/var/lib/conclave/compactor-blobs"],
    )
    blob_ttl_s: float = Field(
        default=30 * 86_400.0, gt=0, description="How long a blob is kept after its last use."
    )
    blob_max_bytes: int = Field(
        default=64 * 1024 * 1024,
        gt=0,
        description="Most that blobs may take; the longest unused go first.",
    )

    def environment(self) -> Mapping[str, str]:
        """Where `{env: NAME}` references of providers are looked up."""
        return os.environ
