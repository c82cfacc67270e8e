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
    Requirement(
        "background:create",
        "openai-contract.md, 2.9",
        "A background response is queued at once, made without its client, and continued later.",
    ),
    Requirement(
        "background:replay",
        "openai-contract.md, 2.9",
        "A background stream is replayed byte for byte from any event on.",
    ),
    Requirement(
        "background:refused",
        "openai-contract.md, 2.9",
        "Only background streams are streamed again; background needs a stored response.",
    ),
    Requirement(
        "background:survives-sigkill",
        "tenancy-reliability.md, the ledger",
        "After SIGKILL of the orchestrator a background response progresses within 60 s, and its "
        "stream goes on where it was.",
    ),
    Requirement(
        "background:unread",
        "openai-contract.md, 2.9",
        "A background response that nobody asks for gets its end and answer within a minute.",
    ),
]
