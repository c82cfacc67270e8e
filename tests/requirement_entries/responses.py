"""The Responses API."""

from tests.requirements import Requirement

_CONTRACT = "OpenAI wire contract"

ENTRIES = [
    Requirement(
        "responses:errors:param-and-code",
        f"{_CONTRACT} 0.3 and 2.1",
        "A malformed Responses request is a 400 that says which parameter is wrong and why.",
    ),
    Requirement(
        "responses:errors:items",
        f"{_CONTRACT} 0.3 and 2.3",
        "Bad items, parts and tools are refused by their path.",
    ),
    Requirement(
        "responses:errors:typed",
        "architecture, invariant 1",
        "Whatever JSON a client sends to Responses, it is accepted or refused with a typed error.",
    ),
    Requirement(
        "responses:errors:tool-results",
        f"{_CONTRACT} 0.3",
        "A tool's output without its call, or a call without its output, is refused.",
    ),
    Requirement(
        "responses:errors:context-length",
        f"{_CONTRACT} 0.3 and 2.1",
        "Input that cannot fit is refused with context_length_exceeded, by us or by the backend.",
    ),
    Requirement(
        "responses:leniency",
        f"{_CONTRACT} 0, 2.2, 2.3 and 6",
        "Nulls, unknown members, unknown items, hosted tools and foreign ids are tolerated.",
    ),
    Requirement(
        "responses:items:survive",
        f"{_CONTRACT} 2.3",
        "Any valid conversation keeps all its text, calls and outputs, in order.",
    ),
    Requirement(
        "responses:tools:both-ways",
        f"{_CONTRACT} 2.2 and 2.6",
        "Functions, custom tools and namespaces work both ways, in parallel too.",
    ),
    Requirement(
        "responses:tools:hosted",
        f"{_CONTRACT} 2.2",
        "Hosted tools are ignored, unless the client forces one: then the refusal says so.",
    ),
    Requirement(
        "responses:object:all-keys",
        f"{_CONTRACT} 2.4",
        "A response object always has all its keys, and repeats the request.",
    ),
    Requirement(
        "responses:stream:sequence",
        f"{_CONTRACT} 2.5, 2.6 and 2.7",
        "A stream is the full sequence of events, numbered without gaps, whatever the answer is.",
    ),
    Requirement(
        "responses:stream:replay",
        "architecture, who owns which truth",
        "The same events always give the same bytes: ids derive from the response's id.",
    ),
    Requirement(
        "responses:stream:reasoning",
        f"{_CONTRACT} 2.1 and 2.6",
        "Reasoning and a panel's progress are a summary for those who ask for one.",
    ),
    Requirement(
        "responses:stream:failure",
        f"{_CONTRACT} 2.8",
        "A failure in the middle is an error event and response.failed; before, an HTTP status.",
    ),
    Requirement(
        "responses:reasoning:foreign",
        f"{_CONTRACT} 2.3",
        "Reasoning goes back to the vendor that sealed it; one that cannot open it does without.",
    ),
    Requirement(
        "responses:incomplete",
        f"{_CONTRACT} 2.1 and 2.4",
        "An answer that was cut is incomplete and says why.",
    ),
    Requirement(
        "responses:lanes",
        "architecture, lanes",
        "A model of the same dialect is passed through, another one translated, a panel run.",
    ),
    Requirement(
        "responses:splice",
        "architecture, lanes",
        "What is passed through keeps its bytes but for what only we know.",
    ),
    Requirement(
        "responses:truncation",
        f"{_CONTRACT} 2.1",
        "truncation: auto leaves out the oldest items, never half of a tool call.",
    ),
    Requirement(
        "responses:structured",
        f"{_CONTRACT} 2.1",
        "A strict schema is checked at the door and kept by whoever answers.",
    ),
    Requirement(
        "responses:store:default",
        f"{_CONTRACT} 2.1 and 6",
        "A response is stored unless the client says otherwise, before its last event leaves.",
    ),
    Requirement(
        "responses:store:unavailable",
        "tenancy and reliability",
        "An answer whose store fails is delivered, and says that it was not stored.",
    ),
    Requirement(
        "responses:store:retrieval",
        f"{_CONTRACT} 2.9",
        "A stored response is retrieved byte for byte, its input listed, and deleted.",
    ),
    Requirement(
        "responses:store:continued",
        f"{_CONTRACT} 2.1",
        "A response continues an earlier one, or a conversation, with all its items.",
    ),
    Requirement(
        "responses:hang-up",
        "architecture, invariant 4",
        "A client that leaves cancels everything upstream; what was stored is cancelled too.",
    ),
    Requirement(
        "responses:input-tokens",
        f"{_CONTRACT} 2.9",
        "A request's input tokens are counted without asking a model.",
    ),
    Requirement(
        "contract:responses:requests",
        "architecture, schema once",
        "A Responses request our client role writes, our server role reads as it was meant.",
    ),
    Requirement(
        "contract:responses:answers",
        "architecture, schema once",
        "A Responses answer our server role writes, our client role reads as it was meant.",
    ),
    Requirement(
        "system:responses",
        f"{_CONTRACT} 2",
        "The real processes answer Responses in every lane, stored and continued.",
    ),
]
