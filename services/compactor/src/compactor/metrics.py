"""What the compactor measures."""

from __future__ import annotations

from service_kit.metrics import Metrics

_ITEM_BYTES = (2_048, 8_192, 32_768, 131_072, 262_144, 524_288, 2_097_152, 20_971_520)


class CompactorMetrics(Metrics):
    """Compactions by level, what they saved; `vendors`: what they cost; `opening`: their use."""

    def __init__(self) -> None:
        super().__init__()
        self.vendors = VendorMetrics(self)
        self.opening = OpeningMetrics(self)
        self.compactions = self.counters(
            "conclave_compactor_compactions_total",
            "Requests to compact, by level of the result (`none`: unchanged) and how it came about "
            "(made, cached, joined, reused, noop).",
            ("level", "source"),
        )
        self.tokens_in = self.counters(
            "conclave_compactor_tokens_in_total",
            "Estimated tokens of conversations before a compaction was made.",
            ("level",),
        )
        self.tokens_out = self.counters(
            "conclave_compactor_tokens_out_total",
            "Estimated tokens of the same conversations afterwards, opened.",
            ("level",),
        )
        self.tokens_saved = self.counters(
            "conclave_compactor_tokens_saved_total", "Tokens in less tokens out.", ("level",)
        )
        self.saved_usd = self.counter(
            "conclave_compactor_saved_usd_total",
            "Input price of the tokens saved, each compaction counted for one later request.",
        )
        self.duration_s = self.histograms(
            "conclave_compactor_compaction_duration_seconds",
            "Time to make a compaction.",
            ("level",),
        )
        self.sealed_bytes = self.histogram(
            "conclave_compactor_sealed_item_bytes", "Size of sealed items.", _ITEM_BYTES
        )


class VendorMetrics:
    """Levels that ask vendors: what they cost, and what became of it."""

    def __init__(self, metrics: Metrics) -> None:
        self.level_failures = metrics.counters(
            "conclave_compactor_level_failures_total",
            "Levels that were tried and did not serve; the next one was taken.",
            ("level", "reason"),
        )
        self.tokens = metrics.counters(
            "conclave_compactor_summariser_tokens_total",
            "Tokens that vendors counted for summaries and native compactions.",
            ("level", "direction"),
        )
        self.calls = metrics.counters(
            "conclave_compactor_vendor_calls_total",
            "Upstream attempts of summaries and native compactions, by model and how they ended.",
            ("model", "status"),
        )
        self.spent_usd = metrics.counter(
            "conclave_compactor_spent_usd_total",
            "What summaries and native compactions cost, by the catalogue's prices.",
        )
        self.native_supported = metrics.gauges(
            "conclave_compactor_native_supported",
            "1: the provider compacts this model's conversations itself; 0: it said it does not.",
            ("provider_model",),
        )


class OpeningMetrics:
    """Sealed items in use."""

    def __init__(self, metrics: Metrics) -> None:
        self.opens = metrics.counters(
            "conclave_compactor_opens_total",
            "Conversations with a sealed item that were opened, by the item's level and outcome "
            "(ok, refused).",
            ("level", "outcome"),
        )
        self.recalled_tokens = metrics.counter(
            "conclave_compactor_recalled_tokens_total",
            "Tokens of history that stood verbatim in opened windows because the question asked.",
        )
        self.duration_s = metrics.histogram(
            "conclave_compactor_open_duration_seconds", "Time to open a conversation."
        )
