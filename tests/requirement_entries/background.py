"""Runs that outlive their connection, and background responses."""

from tests.requirements import Requirement

ENTRIES = [
    Requirement(
        "orchestrator:runs:taken-over",
        "tenancy-reliability.md, the ledger",
        "A detached run whose process died goes on in another, once: only calls that were under "
        "way are made again. Attached runs are failed, never resumed.",
    ),
    Requirement(
        "orchestrator:runs:replay",
        "architecture.md, who owns which truth",
        "A detached run's events are the same from any process, before and after a takeover.",
    ),
    Requirement(
        "orchestrator:runs:fence",
        "tenancy-reliability.md, the ledger",
        "A process that has lost a run to another writes nothing more for it.",
    ),
]
