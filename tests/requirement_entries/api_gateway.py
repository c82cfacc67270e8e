"""The public door."""

from tests.requirements import Requirement

_CONTRACT = "OpenAI wire contract"

ENTRIES = [
    Requirement(
        "chat:errors:param-and-code",
        f"{_CONTRACT} 0.3",
        "A malformed request is a 400 whose `param` is the path and whose `code` is the reason.",
    ),
    Requirement(
        "chat:errors:strict-schema",
        f"{_CONTRACT} 0.3",
        "A schema that cannot be obeyed in strict mode is refused at the door.",
    ),
    Requirement(
        "chat:errors:not-json",
        f"{_CONTRACT} 0.3",
        "A body that is not a JSON object is a 400 without param and code.",
    ),
    Requirement(
        "chat:errors:parameters",
        f"{_CONTRACT} 0.3 and 1.1",
        "Parameters of a wrong type, out of range or at odds are refused by name.",
    ),
    Requirement(
        "chat:errors:messages",
        f"{_CONTRACT} 0.3 and 1.2",
        "Bad roles, contents, parts and unanswered tool calls are refused by their path.",
    ),
    Requirement(
        "chat:errors:tools",
        f"{_CONTRACT} 0.3 and 1.1",
        "Bad tools and tool choices are refused by their path.",
    ),
    Requirement(
        "chat:errors:typed",
        "architecture, invariant 1",
        "Whatever JSON a client sends, it is accepted or refused with a typed error.",
    ),
    Requirement(
        "chat:leniency:null-is-absent",
        f"{_CONTRACT} 0",
        "Explicit nulls count as absent and unknown members are ignored.",
    ),
    Requirement(
        "chat:leniency:messages",
        f"{_CONTRACT} 1.2 and 6",
        "Repeated system messages, part arrays for every role and empty assistant texts are legal.",
    ),
    Requirement(
        "chat:requests:survive",
        f"{_CONTRACT} 1.2",
        "Any valid conversation keeps all its text, in order, in the neutral form.",
    ),
    Requirement(
        "chat:legacy-functions",
        f"{_CONTRACT} 1.1",
        "functions and function_call work by translation to tools and back.",
    ),
    Requirement(
        "chat:stream:shape",
        f"{_CONTRACT} 1.4",
        "A stream opens with the role, closes with one finish_reason and [DONE].",
    ),
    Requirement(
        "chat:stream:usage",
        f"{_CONTRACT} 1.4",
        "Usage comes last, on a chunk without choices, and only when it was asked for.",
    ),
    Requirement(
        "chat:stream:tools",
        f"{_CONTRACT} 1.4 and 6",
        "A streamed call says its id and name once, its arguments in pieces, `{}` when empty.",
    ),
    Requirement(
        "chat:stream:failure",
        f"{_CONTRACT} 1.6",
        "A failure after the first byte is an error event, without [DONE] and finish_reason.",
    ),
    Requirement(
        "chat:completion:shape",
        f"{_CONTRACT} 1.3",
        "A whole completion has every member clients read.",
    ),
    Requirement(
        "chat:choices",
        f"{_CONTRACT} 1.1",
        "n answers are n choices with indices 0 to n-1.",
    ),
    Requirement(
        "splice:request:only-the-model",
        "architecture, three lanes",
        "A request passed through keeps the bytes of every member but the model.",
    ),
    Requirement(
        "splice:stream:only-the-model",
        "architecture, three lanes",
        "A stream passed through, cut anywhere, keeps everything but the model's name.",
    ),
    Requirement(
        "splice:metered",
        "architecture, invariant 3",
        "Every answer passed through is counted, also when the client asked for no usage.",
    ),
]
