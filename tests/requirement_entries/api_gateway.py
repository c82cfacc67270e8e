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
    Requirement(
        "gateway:auth:first",
        f"{_CONTRACT} 6",
        "Authentication comes before routing and before the body is read.",
    ),
    Requirement(
        "gateway:auth:no-key-no-entry",
        "tenancy and reliability, Tenancy",
        "With no key configured the gateway refuses everybody.",
    ),
    Requirement(
        "gateway:envelope",
        f"{_CONTRACT} 0.3",
        "Unknown paths and methods are told in OpenAI's envelope, all four keys present.",
    ),
    Requirement(
        "gateway:paths:tolerant",
        f"{_CONTRACT} 6",
        "Trailing and doubled slashes still lead to the route.",
    ),
    Requirement(
        "gateway:request-id",
        f"{_CONTRACT} 0.1",
        "Every answer carries x-request-id.",
    ),
    Requirement(
        "gateway:body:bounded",
        f"{_CONTRACT} 0.3",
        "A body over the limit is a 413.",
    ),
    Requirement(
        "gateway:telemetry:no-content",
        "architecture, invariant 7",
        "Nothing of a prompt, an answer or a key is in logs, metrics or spans.",
    ),
    Requirement(
        "gateway:telemetry:metrics",
        "observability and load, Names",
        "Requests, errors and tokens are counted by route, model, lane, status and team.",
    ),
    Requirement(
        "gateway:telemetry:trace",
        "observability and load, Names",
        "A request's span joins the caller's trace, and what it causes hangs below it.",
    ),
    Requirement(
        "models:listed",
        f"{_CONTRACT} 4.2",
        "Panels, models and aliases are listed as OpenAI lists models.",
    ),
    Requirement(
        "models:any-id",
        f"{_CONTRACT} 4.2",
        "A model is retrieved by any of its ids, with slashes and colons, encoded or raw.",
    ),
    Requirement(
        "embeddings:both-encodings",
        f"{_CONTRACT} 4.3",
        "Embeddings come as floats and as base64, and are the same vectors.",
    ),
    Requirement(
        "embeddings:errors",
        f"{_CONTRACT} 4.3",
        "Bad embeddings requests are refused by their path.",
    ),
    Requirement(
        "splice:works",
        "architecture, three lanes",
        "A single model answers through the gateway, streamed and whole, under the name asked for.",
    ),
    Requirement(
        "splice:fallback",
        "tenancy and reliability, Faults",
        "Before the first token a configured fallback model takes over.",
    ),
    Requirement(
        "splice:failures:status",
        "architecture, invariant 1",
        "A backend that fails before its first byte is an HTTP status in our envelope.",
    ),
    Requirement(
        "gateway:hang-up",
        "architecture, invariant 4",
        "A client that leaves frees everything upstream, in every lane and window.",
    ),
    Requirement(
        "run:works",
        "architecture, three lanes",
        "A panel answers through the orchestrator as if one model had spoken.",
    ),
    Requirement(
        "run:resolved-spec",
        "architecture, who owns which truth",
        "A run carries the resolved panel, the team and the request's id.",
    ),
    Requirement(
        "run:progress",
        "coordination, One stream out",
        "Progress is reasoning_content, at most four times a second, and can be switched off.",
    ),
    Requirement(
        "run:first-frame",
        "coordination, One stream out",
        "The first frame does not wait for the answer.",
    ),
    Requirement(
        "run:heartbeat",
        "coordination, One stream out",
        "A silent stream is kept alive by comments.",
    ),
    Requirement(
        "run:failures:status",
        "architecture, invariant 1",
        "A run that fails before its first frame is an HTTP status.",
    ),
    Requirement(
        "run:lost-orchestrator",
        "architecture, Internal endpoints",
        "A run's stream that ends without run.ended is a failure, never a short answer.",
    ),
    Requirement(
        "run:unreachable",
        "architecture, invariant 1",
        "An orchestrator that cannot be reached is a 503.",
    ),
    Requirement(
        "run:usage",
        "coordination, One stream out",
        "A panel's usage is what was delivered, or the sum of its calls where configured.",
    ),
    Requirement(
        "translate:works",
        "architecture, three lanes",
        "A single model whose backend speaks another dialect answers chat.",
    ),
    Requirement(
        "translate:failures:status",
        "architecture, invariant 1",
        "A translated backend that fails before its first word is an HTTP status.",
    ),
    Requirement(
        "lanes:choice",
        "architecture, three lanes",
        "One exchange is the gateway's; what needs more is a run.",
    ),
    Requirement(
        "lanes:refusals",
        f"{_CONTRACT} 0.3",
        "What a model cannot do and nobody can do for it is refused by name.",
    ),
    Requirement(
        "runs:by-any-id",
        "coordination engine, run records",
        "A run's record is found by the id of the run, of the request or of the completion.",
    ),
    Requirement(
        "runs:owner-only",
        "architecture, invariant 5",
        "Another key's run does not exist.",
    ),
    Requirement(
        "gateway:access-log",
        "architecture, the stack",
        "One line per request says who asked, for what, what became of it and what it used.",
    ),
    Requirement(
        "keys:revoked-everywhere",
        "tenancy and reliability, Tenancy",
        "A key made or revoked by one replica is known to the others within the refresh period.",
    ),
    Requirement(
        "keys:survive-the-database",
        "tenancy and reliability, Faults",
        "Keys stay valid while the database is away.",
    ),
    Requirement(
        "stores:migrations",
        "architecture, who owns which truth",
        "The migrations make the tables that the code uses.",
    ),
    Requirement(
        "admin:keys",
        "tenancy and reliability, Tenancy",
        "Operators make, list and revoke keys; a key is shown once.",
    ),
    Requirement(
        "admin:apart",
        "tenancy and reliability, Security",
        "The admin API has a key of its own, and is closed without one.",
    ),
    Requirement(
        "gateway:three-doors",
        "architecture, Processes",
        "Public, admin and operations are three ports with their own paths.",
    ),
    Requirement(
        "gateway:configuration:reload",
        "architecture, the stack",
        "A changed configuration is taken without a restart; a bad one is refused, the old kept.",
    ),
    Requirement(
        "contract:chat:requests",
        "architecture, Layout",
        "What model_providers asks in chat's words, the chat dialect understands the same.",
    ),
    Requirement(
        "contract:chat:answers",
        "architecture, Layout",
        "What the chat dialect answers, model_providers reads back the same.",
    ),
    Requirement(
        "gateway:memory:imports",
        "architecture: the stack",
        "A gateway imports at its start nothing that most gateways never use.",
    ),
]
