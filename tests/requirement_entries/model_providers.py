"""Talking to model vendors."""

from tests.requirements import Requirement

_ARCHITECTURE = "architecture"
_FAULTS = "tenancy and reliability: faults"
_LEDGER = "tenancy and reliability: ledger"
_CONTRACT = "OpenAI wire contract"

ENTRIES = [
    Requirement(
        "providers:observer:exactly-once",
        f"{_ARCHITECTURE}: layout",
        "Every attempt that was opened is closed exactly once, whenever it is cancelled.",
    ),
    Requirement(
        "providers:observer:before-first-byte",
        _LEDGER,
        "An attempt is announced before its first byte leaves, and an observer can stop it.",
    ),
    Requirement(
        "providers:usage",
        _LEDGER,
        "A call is booked as its vendor counted, else as estimated within its reservation.",
    ),
    Requirement(
        "providers:request-id",
        _LEDGER,
        "The vendor is told call id and attempt, the join key of the three records.",
    ),
    Requirement(
        "providers:cancel",
        f"{_ARCHITECTURE}: invariant 4",
        "A caller who leaves closes the vendor's connection within 250 ms.",
    ),
    Requirement(
        "providers:errors:typed",
        f"{_ARCHITECTURE}: invariant 1; {_FAULTS}",
        "Whatever a vendor or the way to it does wrong ends in one typed error, not an answer.",
    ),
    Requirement(
        "providers:errors:no-vendor-text",
        f"{_CONTRACT} 0.3",
        "Vendors' words reach nobody, but for one trimmed line when they reject the request.",
    ),
    Requirement(
        "providers:timeouts",
        _FAULTS,
        "Connecting, the first byte, the time between chunks and the whole call have deadlines.",
    ),
    Requirement(
        "providers:retry",
        _FAULTS,
        "A failed attempt is repeated before the first event only, a bounded number of times.",
    ),
    Requirement(
        "providers:fallback",
        _FAULTS,
        "When a model's attempts are used up its fallbacks are asked in order.",
    ),
    Requirement(
        "providers:breaker",
        _FAULTS,
        "A deployment that keeps failing rests, and single probes find out when it is back.",
    ),
    Requirement(
        "providers:concurrency",
        _FAULTS,
        "A provider gets a bounded number of calls, a bounded number waits, for a bounded time.",
    ),
    Requirement(
        "providers:decode:chunking",
        _FAULTS,
        "However the network cuts a stream, its events are the same.",
    ),
    Requirement(
        "providers:decode:tolerance",
        f"{_CONTRACT} 1.4 and 1.5",
        "What backends leave out or add is mended where its meaning is plain.",
    ),
    Requirement(
        "providers:encode:lossless",
        f"{_CONTRACT} 1.2 and 2.3",
        "A conversation loses nothing on its way into a vendor's messages that they can hold.",
    ),
    Requirement(
        "providers:encode:prefix",
        "coordination: prefix caches",
        "Two calls on one conversation share their bytes up to where the conversations differ.",
    ),
    Requirement(
        "providers:encode:capabilities",
        f"{_CONTRACT} 1.1",
        "A backend is sent what it knows, in the words it knows.",
    ),
    Requirement(
        "providers:raw",
        f"{_ARCHITECTURE}: lanes",
        "In the splice lane the vendor gets and gives the very bytes.",
    ),
    Requirement(
        "providers:tokens:text",
        f"{_ARCHITECTURE}: the stack",
        "One estimator counts the tokens of a text without a tokenizer.",
    ),
    Requirement(
        "providers:tokens:images",
        f"{_ARCHITECTURE}: the stack",
        "An image costs by its pixels, never by the length of its base64.",
    ),
    Requirement(
        "providers:usage-look-up",
        _LEDGER,
        "Where a vendor offers it, it is asked what a request cost; bounded, every failure typed.",
    ),
    Requirement(
        "providers:timeouts:one-timer",
        "load targets: CPU per request",
        "Waits for a vendor are each bounded, and share one timer of the event loop.",
    ),
]
