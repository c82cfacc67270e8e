"""The composition root: settings in, applications out. Nothing is created anywhere else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from compactor.metrics import CompactorMetrics
from service_kit.internal_server import InternalApp
from service_kit.lifecycle import Lifecycle
from service_kit.probes import operations_app
from service_kit.server import Listener

if TYPE_CHECKING:
    from compactor.settings import CompactorSettings


@dataclass(frozen=True, slots=True)
class Application:
    """What a process serves."""

    listeners: tuple[Listener, ...]
    lifecycle: Lifecycle


def create_app(
    settings: CompactorSettings, *, metrics: CompactorMetrics | None = None
) -> Application:
    """Put the process together. Collaborators that are not given are made from the settings.

    Raises:
        SettingsError: there is no usable installation token.
    """
    metrics = metrics or CompactorMetrics()
    lifecycle = Lifecycle()
    internal = InternalApp(settings.token(), lifecycle)
    operations = operations_app(lifecycle, metrics.registry)
    return Application(
        listeners=(
            Listener("internal", settings.host, settings.port, internal),
            Listener(
                "metrics", settings.host, settings.metrics_port, operations, survives_drain=True
            ),
        ),
        lifecycle=lifecycle,
    )
