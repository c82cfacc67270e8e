"""What the compactor measures."""

from __future__ import annotations

from service_kit.metrics import Metrics


class CompactorMetrics(Metrics):
    """The process's own figures; those of compactions come with compactions."""
