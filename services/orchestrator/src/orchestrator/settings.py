"""What an operator can set, as environment variables that begin with ORCHESTRATOR_."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pydantic import Field

from service_kit.settings import ServiceSettings

if TYPE_CHECKING:
    from collections.abc import Mapping


class OrchestratorSettings(ServiceSettings, env_prefix="ORCHESTRATOR_"):
    port: int = Field(
        default=8010, ge=0, le=65535, description="Port of the internal endpoints. 0: any free one."
    )
    metrics_port: int = Field(
        default=8012, ge=0, le=65535, description="Port of /metrics and the probes."
    )
    database_url: str = Field(
        default="sqlite:///.conclave/data/orchestrator.sqlite3",
        description="Database of runs: sqlite:///PATH or postgresql://USER:PASSWORD@HOST/DATABASE.",
        examples=["postgresql://orchestrator:secret@db/conclave"],
    )
    compactor_url: str = Field(
        default="http://127.0.0.1:8020",
        description="The compactor's base URL; several replicas, separated by commas.",
        examples=["http://compactor-0:8020,http://compactor-1:8020"],
    )
    max_concurrent_runs: int = Field(
        default=512,
        gt=0,
        description="Runs at the same time in this process; more are refused with 503.",
    )
    store_timeout_s: float = Field(
        default=5.0,
        gt=0,
        description="Longest wait for the database where a run must wait for it. Then it fails.",
    )
    lease_s: float = Field(
        default=15.0,
        gt=0,
        description="A process that has given no sign of life for this long is taken for dead: "
        "another goes on with its background runs. Longer than any stall of a living process.",
    )
    ended_runs_kept_s: float = Field(
        default=10.0,
        ge=0,
        description="How long an ended run can still be joined by its id; each holds its answers.",
    )
    retention_days: float = Field(
        default=30.0,
        gt=0,
        description="Delete run records, with their answers, after this many days.",
    )
    score_retention_days: float = Field(
        default=180.0,
        gt=0,
        description="Learn weights from the scores of this many days; they outlive their runs.",
    )
    store_answers: bool = Field(
        default=True,
        description="Keep the texts of answers and ballots in run records. Off: a record shows who "
        "answered and voted, and the decision cannot be recomputed from it.",
    )

    show_answers: bool = Field(
        default=True,
        description="Let the key that owns a run read its answers and ballots (`?answers=1`). Off: "
        "records show who answered and voted, whoever asks.",
    )

    def compactor_urls(self) -> list[str]:
        """One base URL per replica."""
        return [url for part in self.compactor_url.split(",") if (url := part.strip())]

    def environment(self) -> Mapping[str, str]:
        """For the provider keys that conclave.yaml refers to by name."""
        return os.environ
