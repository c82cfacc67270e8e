"""The rest of OpenAI's surface: legacy completions, refusals, small requests, browsers."""

from tests.requirements import Requirement

_CONTRACT = "OpenAI wire contract"

ENTRIES = [
    Requirement(
        "completions:works",
        f"{_CONTRACT} 4.4",
        "Legacy completions answer for models with that endpoint, for models that chat and for "
        "panels.",
    ),
    Requirement(
        "completions:shape",
        f"{_CONTRACT} 4.4",
        "A completion, streamed or whole, has every member clients read.",
    ),
    Requirement(
        "completions:choices",
        f"{_CONTRACT} 4.4",
        "Choices are prompts times n, with index prompt * n + k.",
    ),
    Requirement(
        "completions:errors",
        f"{_CONTRACT} 0.3 and 4.4",
        "Whatever a completions request holds, it is answered or refused with a typed error.",
    ),
    Requirement(
        "completions:only-by-the-backend",
        f"{_CONTRACT} 0.3",
        "What only a backend's own completions endpoint can do is refused elsewhere, by name.",
    ),
    Requirement(
        "small-requests:routed",
        "coordination, small requests",
        "A small request to a panel goes to the one model that the operator chose, no other does.",
    ),
    Requirement(
        "small-requests:visible",
        "coordination, small requests",
        "That another model answered is in the run's record, a response header and the log.",
    ),
    Requirement(
        "surface:refusals",
        f"{_CONTRACT} 0.3",
        "What OpenAI offers and we do not is a 404 that names it and says what to do instead.",
    ),
    Requirement(
        "surface:websocket",
        f"{_CONTRACT} 2.10",
        "An upgrade to WebSocket is refused with 426, and the client goes on over HTTP.",
    ),
    Requirement(
        "surface:cors",
        f"{_CONTRACT} 6",
        "Only web pages that the operator named may call from a browser; none by default.",
    ),
    Requirement(
        "embeddings:token-ids",
        f"{_CONTRACT} 4.3",
        "Token ids reach only models whose tokenizer clients have; elsewhere they are refused.",
    ),
    Requirement(
        "embeddings:format-asked-for",
        f"{_CONTRACT} 4.3",
        "Vectors come in the encoding the client asked for, whatever the backend sends.",
    ),
    Requirement(
        "models:estimate",
        "coordination, what a panel costs",
        "The list of models says what one question to a panel takes in calls, tokens, money and "
        "time.",
    ),
    Requirement(
        "surface:idempotency:once",
        "tenancy and reliability, Idempotency-Key",
        "Whatever comes twice under one Idempotency-Key is done once: the first answer is given "
        "again, a request under way is 409, another request 422, a lost answer a typed failure.",
    ),
    Requirement(
        "surface:idempotency:teams",
        "architecture, invariant 5",
        "A team's Idempotency-Keys say nothing about another team's.",
    ),
    Requirement(
        "providers:stop",
        f"{_CONTRACT} 1.1",
        "A text never holds a stop sequence, also of a backend whose dialect has none.",
    ),
    Requirement(
        "chat:audio:refused",
        f"{_CONTRACT} 1.1",
        "An answer that has to be heard is refused where the backend would leave the voice out.",
    ),
    Requirement(
        "chat:custom-tools",
        f"{_CONTRACT} 1.1 and 1.4",
        "A custom tool is called with free text, whole and streamed, and its loop closes.",
    ),
    Requirement(
        "chat:foreign:requests",
        "reports on Cursor with an overridden base URL",
        "A Responses request at chat's door is read as the chat request it amounts to; what refers "
        "to stored state is refused by name.",
    ),
    Requirement(
        "chat:foreign:messages",
        "reports on Cursor with an overridden base URL",
        "Responses' items and parts and Anthropic's blocks among chat's messages are chat's own "
        "from there on.",
    ),
    Requirement(
        "chat:foreign:tools",
        "reports on Cursor with an overridden base URL",
        "Tools and their choice in Responses' or Anthropic's form are chat's own from there on.",
    ),
    Requirement(
        "chat:foreign:answered",
        "reports on Cursor with an overridden base URL",
        "Whatever dialect's words stand in a chat request, models and panels answer it in chat's, "
        "tools both ways.",
    ),
    Requirement(
        "chat:foreign-ids",
        f"{_CONTRACT} 6",
        "Calls that another platform made are replayed with their ids as they are.",
    ),
    Requirement(
        "chat:stream:finish-last",
        f"{_CONTRACT} 1.4",
        "Nothing follows a choice's finish reason, a panel's progress neither.",
    ),
    Requirement(
        "surface:openapi",
        "architecture, the stack",
        "The OpenAPI document holds exactly the routes that are served, and says what they take.",
    ),
    Requirement(
        "surface:any-body",
        "architecture, invariant 1",
        "Whatever body, query or id comes at whatever door, it is never a 5xx.",
    ),
    Requirement(
        "surface:fuzz:no-5xx",
        "architecture, invariant 1",
        "Thousands of questions generated from the OpenAPI document never meet a 5xx.",
    ),
    Requirement(
        "chat:leniency:tools",
        f"{_CONTRACT} 0",
        "Tools of unknown kinds, and an empty list of tools, are ignored in every lane.",
    ),
    Requirement(
        "fuzz:requests",
        "architecture, invariant 1",
        "Whatever a request of any dialect holds, its reader reads it or refuses it with a typed "
        "error.",
    ),
    Requirement(
        "fuzz:vendor-streams",
        "architecture, invariant 1",
        "Whatever a vendor sends is read, or refused with a typed error, in every dialect.",
    ),
    Requirement(
        "fuzz:bounded-memory",
        "architecture, invariant 1",
        "However a stream is cut, and whether its events end, its reader's memory has a bound.",
    ),
]
