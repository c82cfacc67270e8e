"""What crosses process boundaries."""

from tests.requirements import Requirement

ENTRIES = [
    Requirement(
        "wire:sse:any-cut",
        "OpenAI wire contract 0.2; WHATWG HTML, parsing an event stream",
        "A stream cut anywhere, with LF, CR or CRLF, reads as the same events.",
    ),
    Requirement(
        "wire:sse:bounded",
        "architecture: invariant 2",
        "An event without end is refused at a fixed size, not collected.",
    ),
    Requirement(
        "wire:tolerance:unknown-fields",
        "architecture: processes, version N against N-1",
        "Every message of a newer version is read by this one, without its new fields.",
    ),
    Requirement(
        "wire:round-trip",
        "architecture: layout",
        "Every message decodes to what was encoded.",
    ),
    Requirement(
        "wire:deadline:left",
        "architecture: processes, x-conclave-deadline-ms",
        "What travels is the time left, and a hop can only shorten it.",
    ),
    Requirement(
        "wire:errors:envelope",
        "OpenAI wire contract 0.3",
        "Every error has OpenAI's envelope with all four keys, and a telemetry type of a closed "
        "set of fault domains.",
    ),
    Requirement(
        "wire:ids:derived",
        "architecture: who owns which truth, a run",
        "Ids of output items derive from owner and index, so that a replay is byte-equal.",
    ),
    Requirement(
        "wire:endpoints:one-descriptor",
        "architecture: internal endpoints",
        "Endpoint descriptors have distinct names and routes, and a path is filled by name.",
    ),
]
