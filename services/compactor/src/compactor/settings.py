"""What an operator can set, as environment variables that begin with COMPACTOR_."""

from __future__ import annotations

from pydantic import Field

from service_kit.settings import ServiceSettings


class CompactorSettings(ServiceSettings, env_prefix="COMPACTOR_"):
    port: int = Field(
        default=8020, ge=0, le=65535, description="Port of the internal endpoints. 0: any free one."
    )
    metrics_port: int = Field(
        default=8022, ge=0, le=65535, description="Port of /metrics and the probes."
    )
