"""What the simulator of model vendors promises to those who test against it."""

from tests.requirements import Requirement

_CLIENTS = "clients' plain instructions"
_RELIABILITY = "design: tenancy and reliability, faults"
_CONTRACT = "OpenAI contract"

ENTRIES = [
    Requirement(
        "provider-sim:exact-reply",
        _CLIENTS,
        "`Reply with exactly this text and nothing else: X` is answered with exactly X.",
    ),
    Requirement(
        "provider-sim:tool-errand",
        _CLIENTS,
        "A named tool is called once with the given JSON, and its result answered with the text.",
    ),
    Requirement(
        "provider-sim:tool-question",
        "published conformance suites",
        "A short question that names what an offered tool is for calls it.",
    ),
    Requirement(
        "provider-sim:value-from-conversation",
        _CLIENTS,
        "A value is answered from the text of this very request, or UNKNOWN.",
    ),
    Requirement(
        "provider-sim:ballot",
        "design: coordination, ballot",
        "A ballot ranks every label once, by what was asked and never by position.",
    ),
    Requirement(
        "provider-sim:dissent",
        "design: coordination, bars",
        "A dissenting or wrong persona answers otherwise, and judges and presents honestly.",
    ),
    Requirement(
        "provider-sim:deterministic",
        "README of provider-sim",
        "The same request gets the same answer, and another persona another one.",
    ),
    Requirement(
        "provider-sim:structured-output",
        f"{_CONTRACT} 1.1, 2.1",
        "An answer in a user's JSON schema validates against it.",
    ),
    Requirement(
        "provider-sim:chat-wire",
        f"{_CONTRACT} 1",
        "The official SDK reads chat answers, streams, tools and usage from the simulator.",
    ),
    Requirement(
        "provider-sim:responses-wire",
        f"{_CONTRACT} 2",
        "A Responses stream has every event in order and satisfies the SDK's stream helper.",
    ),
    Requirement(
        "provider-sim:embeddings-wire",
        f"{_CONTRACT} 4.3",
        "Embeddings are deterministic unit vectors, equal as floats and as base64.",
    ),
    Requirement(
        "provider-sim:strict",
        f"{_CONTRACT} 0.3",
        "A malformed body is refused with status, parameter and code as the vendor does.",
    ),
    Requirement(
        "provider-sim:context-window",
        "design: compaction, bars",
        "A prompt above the model's window is refused with context_length_exceeded.",
    ),
    Requirement(
        "provider-sim:usage",
        "design: architecture, invariant 3",
        "Reported usage equals the record's, and cached tokens come from a real prefix cache.",
    ),
    Requirement(
        "provider-sim:latency-law",
        "design: observability and load",
        "Tokens are due at absolute times, and a call ends at its total time.",
    ),
    Requirement(
        "provider-sim:faults",
        _RELIABILITY,
        "Every fault a caller names happens on the wire, in combination too.",
    ),
    Requirement(
        "provider-sim:steering",
        _RELIABILITY,
        "Path, model suffix and rules choose the profile, the later overriding the earlier.",
    ),
    Requirement(
        "provider-sim:hang-up",
        "design: architecture, invariant 4",
        "A client that leaves is noticed at once, and billed what was generated until then.",
    ),
    Requirement(
        "provider-sim:record",
        _RELIABILITY,
        "Every request is recorded once with its end, and found by the id its caller sent.",
    ),
    Requirement(
        "provider-sim:usage-look-up",
        _RELIABILITY,
        "What a request cost is told afterwards, by the id that its caller sent.",
    ),
    Requirement(
        "provider-sim:shutdown",
        "README of provider-sim",
        "SIGTERM ends the process within a second, open connections included.",
    ),
]
