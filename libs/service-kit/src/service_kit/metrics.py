"""Prometheus metrics without their usual costs.

Children are looked up once, series bounded, scrapes cached.

A label's values come from a small closed set. Where they come from a configuration (model names),
`max_series` is the bound: what is beyond it counts under "other", and the sum stays right.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

from service_kit.clock import Clock, SystemClock
from service_kit.http import ASGIApp, Receive, Scope, Send, send_response

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MetricT = TypeVar("MetricT", Counter, Gauge, Histogram)

EXPOSITION_CACHE_S = 5.0
MAX_SERIES = 200
OTHER = "other"

# Panels take minutes, first tokens milliseconds. Source: OpenTelemetry GenAI buckets, extended.
DURATION_BUCKETS_S = (
    0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92,
    163.84, 327.68, 655.36, 1310.72,
)  # fmt: skip


class Labelled(Generic[MetricT]):
    """One metric's children by label values: `requests.of("council", "2xx").inc()`."""

    def __init__(self, metric: MetricT, labels: int, max_series: int = MAX_SERIES) -> None:
        self._metric: MetricT = metric
        self._labels = labels
        self._max_series = max_series
        self._children: dict[tuple[str, ...], MetricT] = {}

    def of(self, *values: str) -> MetricT:
        child = self._children.get(values)
        return child if child is not None else self._add(values)

    def _add(self, values: tuple[str, ...]) -> MetricT:
        if len(values) != self._labels:
            raise ValueError(f"expected {self._labels} label values, got {values}")
        if len(self._children) >= self._max_series:
            values = (OTHER,) * self._labels
        child = self._metric.labels(*values)
        self._children[values] = child
        return child


class Metrics:
    """The metrics of one process: its registry, and one way to declare them."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)

    def counter(self, name: str, documentation: str) -> Counter:
        """`name` with its unit and `_total`; without labels."""
        return Counter(name, documentation, registry=self.registry)

    def counters(
        self, name: str, documentation: str, labels: Sequence[str], max_series: int = MAX_SERIES
    ) -> Labelled[Counter]:
        metric = Counter(name, documentation, labels, registry=self.registry)
        return Labelled(metric, len(labels), max_series)

    def gauge(self, name: str, documentation: str) -> Gauge:
        return Gauge(name, documentation, registry=self.registry)

    def measured(self, name: str, documentation: str, read: Callable[[], float]) -> None:
        """A gauge that is read when scraped."""
        self.gauge(name, documentation).set_function(read)

    def gauges(
        self, name: str, documentation: str, labels: Sequence[str], max_series: int = MAX_SERIES
    ) -> Labelled[Gauge]:
        metric = Gauge(name, documentation, labels, registry=self.registry)
        return Labelled(metric, len(labels), max_series)

    def histogram(
        self, name: str, documentation: str, buckets: Sequence[float] = DURATION_BUCKETS_S
    ) -> Histogram:
        return Histogram(name, documentation, registry=self.registry, buckets=tuple(buckets))

    def histograms(
        self,
        name: str,
        documentation: str,
        labels: Sequence[str],
        buckets: Sequence[float] = DURATION_BUCKETS_S,
        max_series: int = MAX_SERIES,
    ) -> Labelled[Histogram]:
        metric = Histogram(
            name, documentation, labels, registry=self.registry, buckets=tuple(buckets)
        )
        return Labelled(metric, len(labels), max_series)


def exposition_app(registry: CollectorRegistry, clock: Clock | None = None) -> ASGIApp:
    """`/metrics`: Prometheus text, made anew at most every 5 s however many scrape."""
    clock = clock or SystemClock()
    made_at_s = float("-inf")
    page = b""

    async def metrics(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
        nonlocal made_at_s, page
        if clock.monotonic_s() - made_at_s >= EXPOSITION_CACHE_S:
            page = generate_latest(registry)
            made_at_s = clock.monotonic_s()
        await send_response(send, 200, page, content_type=CONTENT_TYPE_LATEST.encode())

    return metrics
