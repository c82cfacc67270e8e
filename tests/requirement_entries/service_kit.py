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
]
