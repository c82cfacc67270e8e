"""What makes a process one of ours."""

from tests.requirements import Requirement

STACK = "architecture: the stack"

ENTRIES = [
    Requirement(
        "service-kit:http:bounded-headers",
        STACK,
        "Headers above 64 KB get 431, however many megabytes were sent.",
    ),
    Requirement(
        "service-kit:http:slow-requests",
        STACK,
        "Headers or a body that do not come within 10 s get 408; a slow answer does not.",
    ),
    Requirement(
        "service-kit:http:keep-alive",
        STACK,
        "One connection serves many requests, one after the other or pipelined.",
    ),
    Requirement(
        "service-kit:http:413-never-resets",
        "OpenAI wire contract 0.3",
        "A client whose body is too large can read the 413, and use its connection again.",
    ),
    Requirement(
        "service-kit:http:slow-reader",
        "tenancy and reliability: faults, client",
        "A slow reader stops its writer instead of filling memory, and is cut when it stops.",
    ),
    Requirement(
        "service-kit:hang-up:seen",
        "architecture: invariant 4",
        "A handler is cancelled within milliseconds of its client's hang-up, whatever it awaits.",
    ),
    Requirement(
        "service-kit:hang-up:foreign-cancellation",
        "style: errors",
        "Watching for a hang-up never swallows a cancellation that came from elsewhere.",
    ),
    Requirement(
        "service-kit:errors:one-handler",
        "architecture: invariant 1",
        "Every error of an application ends in OpenAI's envelope and quotes no payload.",
    ),
    Requirement(
        "service-kit:errors:no-false-end",
        "architecture: invariant 1",
        "A stream that fails is cut, never ended as if it were complete.",
    ),
    Requirement(
        "service-kit:lifecycle:owned-tasks",
        "style: async",
        "A task that should live as long as its process, and fails, stops the process.",
    ),
    Requirement(
        "service-kit:settings:errors",
        "style: errors",
        "A wrong setting is named by its environment variable and never shown.",
    ),
    Requirement(
        "service-kit:logging:one-line",
        STACK,
        "A log record is one line of JSON.",
    ),
    Requirement(
        "service-kit:logging:no-payload",
        "architecture: invariant 7",
        "No words of an exception that may quote a prompt are logged.",
    ),
    Requirement(
        "service-kit:internal:token",
        "architecture: processes",
        "No internal path answers without the installation token.",
    ),
    Requirement(
        "service-kit:internal:one-descriptor",
        "architecture: internal endpoints",
        "Server and client of an internal endpoint are built from one descriptor.",
    ),
    Requirement(
        "service-kit:internal:deadline",
        "architecture: processes",
        "An internal call ends when its request's time is used up.",
    ),
    Requirement(
        "service-kit:internal:heartbeat",
        "architecture: internal endpoints",
        "A silent internal stream carries heartbeats.",
    ),
    Requirement(
        "service-kit:internal:retry",
        "architecture: the stack, upstream client; internal endpoint 1",
        "An internal call is tried once more only when nothing of it can have been done, or doing "
        "it twice does no harm.",
    ),
    Requirement(
        "service-kit:internal:newer-events",
        "architecture: processes, version N against N-1",
        "Events of a newer version are passed over.",
    ),
    Requirement(
        "service-kit:metrics:bounded-series",
        "observability and load: names",
        "Labels that vary without bound add no series without bound.",
    ),
    Requirement(
        "service-kit:metrics:cached-scrape",
        STACK,
        "Scrapes within five seconds cost one page.",
    ),
    Requirement(
        "service-kit:probes:three-meanings",
        "deployment: chart goal 4",
        "Startup, readiness and liveness are different; liveness never depends on others.",
    ),
    Requirement(
        "service-kit:tracing:one-tree",
        "observability and load: names",
        "A span's parent is the span of the hop that called.",
    ),
    Requirement(
        "service-kit:tracing:never-in-the-way",
        "tenancy and reliability: faults, ours",
        "A slow or dead collector costs spans, never a request or a shutdown.",
    ),
    Requirement(
        "service-kit:sql:migrations",
        STACK,
        "A database is migrated whole or not at all, and a service refuses tables of another "
        "version.",
    ),
    Requirement(
        "service-kit:sql:one-writer",
        STACK,
        "On SQLite writers wait for each other and readers wait for nobody.",
    ),
    Requirement(
        "service-kit:server:several-sockets",
        STACK,
        "One process serves several sockets, each with its own application.",
    ),
    Requirement(
        "service-kit:server:port-in-use",
        "style: errors",
        "A taken port is named with host, port, listener and what to do.",
    ),
    Requirement(
        "service-kit:server:drain",
        "deployment: chart goal 4",
        "On SIGTERM readiness turns 503, nothing new is taken, open streams finish within the "
        "grace time, and the process exits with 0.",
    ),
    Requirement(
        "service-kit:memory:no-orm",
        STACK,
        "A process that speaks SQL does not import SQLAlchemy's ORM.",
    ),
    Requirement(
        "service-kit:memory:certificates-on-demand",
        STACK,
        "The authorities for TLS are read at the first handshake, and checked as ever.",
    ),
]
