"""Series stay bounded, sums stay right, scrapes stay cheap."""

from __future__ import annotations

import random

import pytest
from prometheus_client.parser import text_string_to_metric_families

from service_kit.metrics import Metrics, exposition_app
from service_kit.testing import FakeClock, raw_client, running_service


def test_a_child_is_looked_up_once() -> None:
    requests = Metrics().counters("requests", "Requests.", ["model"])

    assert requests.of("sim") is requests.of("sim")


@pytest.mark.requirement("service-kit:metrics:bounded-series")
def test_random_labels_add_no_series_beyond_the_bound_and_lose_no_count() -> None:
    metrics = Metrics()
    requests = metrics.counters("demo_requests", "Requests.", ["model", "status"], max_series=10)
    seeded = random.Random(7)  # noqa: S311 - repeatable, not secret

    for _ in range(5000):
        requests.of(f"model-{seeded.randrange(10**6)}", "2xx").inc()

    (family,) = [each for each in metrics.registry.collect() if each.name == "demo_requests"]
    totals = [sample for sample in family.samples if sample.name.endswith("_total")]
    assert len(totals) == 11
    assert sum(sample.value for sample in totals) == 5000


@pytest.mark.requirement("service-kit:metrics:bounded-series")
def test_the_memory_of_labels_does_not_grow_with_their_variety() -> None:
    requests = Metrics().counters("requests", "Requests.", ["model"], max_series=10)

    for number in range(1000):
        requests.of(f"model-{number}").inc()

    assert len(requests._children) <= 11


def test_a_wrong_number_of_labels_is_a_programming_error() -> None:
    gauges = Metrics().gauges("rooms", "Rooms.", ["state"])

    with pytest.raises(ValueError, match="expected 1"):
        gauges.of("open", "blue")


def test_every_kind_of_metric_can_be_declared_and_read() -> None:
    metrics = Metrics()
    metrics.counter("a_total", "A.").inc(2)
    metrics.gauge("b", "B.").set(3)
    metrics.measured("c", "C.", lambda: 4)
    metrics.histogram("d_seconds", "D.").observe(0.3)
    metrics.gauges("e", "E.", ["x"]).of("1").set(5)
    metrics.histograms("f_seconds", "F.", ["x"]).of("1").observe(200)

    read = metrics.registry.get_sample_value

    assert [read("a_total"), read("b"), read("c"), read("e", {"x": "1"})] == [2, 3, 4, 5]
    assert read("d_seconds_bucket", {"le": "0.32"}) == 1
    assert read("f_seconds_bucket", {"x": "1", "le": "327.68"}) == 1


@pytest.mark.requirement("service-kit:metrics:cached-scrape")
async def test_scrapes_within_five_seconds_share_one_page() -> None:
    clock = FakeClock()
    metrics = Metrics()
    counter = metrics.counter("asked_total", "Asked.")
    app = exposition_app(metrics.registry, clock)

    async def scraped() -> float:
        async with raw_client(service.port()) as client:
            await client.request("GET", "/metrics")
            page = (await client.response()).body.decode()
        families = {family.name: family for family in text_string_to_metric_families(page)}
        return families["asked"].samples[0].value

    async with running_service(app) as service:
        values = [await scraped()]
        counter.inc()
        clock.advance(4.9)
        values.append(await scraped())
        clock.advance(0.2)
        values.append(await scraped())

    assert values == [0, 0, 1]
