"""What the running platform promises its clients, shown through real processes."""

from tests.requirements import Requirement

ENTRIES = [
    Requirement(
        "system:chat",
        "OpenAI wire contract, 1",
        "Plain models and panels answer Chat Completions alike, whole and streamed.",
    ),
    Requirement(
        "system:tools",
        "coordination.md, tools",
        "A client's tools work through a plain model and a panel, whatever they are called.",
    ),
    Requirement(
        "system:models",
        "OpenAI wire contract, 4",
        "Models, panels and aliases are listed and found, names with / and : included.",
    ),
    Requirement(
        "system:errors",
        "OpenAI wire contract, 0.3",
        "Every bad request is refused in OpenAI's envelope with status, param and code.",
    ),
    Requirement(
        "system:hang-up",
        "architecture.md, invariant 4",
        "A client that goes away frees every vendor connection within 250 ms, in every window.",
    ),
    Requirement(
        "system:all-agents-failing",
        "architecture.md, invariant 1",
        "When every agent fails there is one typed error, at most two attempts each, no answer.",
    ),
    Requirement(
        "system:dissent",
        "coordination.md, bars",
        "With one dissenting persona the ballot and the presentation really execute.",
    ),
    Requirement(
        "system:record",
        "architecture.md, invariant 3",
        "A run's record holds for each completed call exactly what the vendor counted.",
    ),
    Requirement(
        "system:progress",
        "coordination.md, one stream out",
        "Progress streams as reasoning and holds nothing of an answer.",
    ),
    Requirement(
        "system:hot-reload",
        "architecture.md, configuration",
        "A good configuration is taken while running; a bad one is refused, said, and changes "
        "nothing.",
    ),
    Requirement(
        "system:usage-look-up",
        "coordination.md, bars",
        "Within five seconds of a hang-up the run's record has the vendor's count of each call.",
    ),
    Requirement(
        "system:conformance",
        "Open Responses and ogx, conformance suites",
        "What conformance suites and agents send is answered alike by every lane.",
    ),
]
