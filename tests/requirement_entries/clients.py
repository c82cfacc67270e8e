"""Published clients, as their users get them, served without a special case."""

from tests.requirements import Requirement

_SOURCE = "docs/clients"

ENTRIES = [
    Requirement(
        "clients:text",
        _SOURCE,
        "Agents of the command line print the answer of a plain model and of a panel.",
    ),
    Requirement(
        "clients:tools",
        _SOURCE,
        "Agents of the command line run their own tools for a plain model and for a panel.",
    ),
    Requirement(
        "clients:sessions",
        _SOURCE,
        "A session that an agent continues remembers what was said in it.",
    ),
    Requirement(
        "clients:compaction",
        _SOURCE,
        "Codex compacts a session in either of its ways and still knows what was said before.",
    ),
    Requirement(
        "clients:libraries",
        _SOURCE,
        "SDKs and frameworks get text, streams, tool calls, objects, vectors and typed errors.",
    ),
]
