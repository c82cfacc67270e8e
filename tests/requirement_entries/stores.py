"""What the gateway keeps for clients."""

from tests.requirements import Requirement

_CONTRACT = "OpenAI wire contract"
_OWNERS = "architecture, who owns which truth"

ENTRIES = [
    Requirement(
        "stores:cursor",
        f"{_CONTRACT} 1.7, 2.9 and 4.1",
        "Pages of any listing follow each other without gap in both orders.",
    ),
    Requirement(
        "stores:bounded",
        "architecture, invariant 2",
        "Neither a page nor a history put together from the store is larger than its bound.",
    ),
    Requirement(
        "stores:tenant",
        "architecture, invariant 5",
        "Every stored object exists for its own team only, through every door of every store.",
    ),
    Requirement(
        "stores:failure",
        _OWNERS,
        "A database that is down, locked or slow is one typed error in time, and works again "
        "afterwards.",
    ),
    Requirement(
        "stores:retention",
        "tenancy and reliability, tenancy",
        "Stored objects past their retention are deleted with everything of theirs.",
    ),
    Requirement(
        "responses:byte-equal",
        f"{_CONTRACT} 6, trap 7",
        "What is read of a stored response is what was kept, byte for byte.",
    ),
    Requirement(
        "responses:ends-once",
        "architecture, invariant 1",
        "Of several who end one stored response exactly one does.",
    ),
    Requirement(
        "responses:chain",
        f"{_CONTRACT} 2.1",
        "A chain is put together whole, oldest first, or refused by the name of what is missing.",
    ),
    Requirement(
        "conversations:locked",
        f"{_CONTRACT} 0.3 and 4.1",
        "Of two responses at once on one conversation one is told 409 conversation_locked and to "
        "retry.",
    ),
    Requirement(
        "conversations:atomic",
        f"{_CONTRACT} 4.1",
        "A response's input and output are appended to its conversation together, once, or not "
        "at all.",
    ),
    Requirement(
        "conversations:items",
        f"{_CONTRACT} 4.1",
        "Items of any type are kept and listed with type, id and status, and are otherwise the "
        "client's own.",
    ),
    Requirement(
        "conversations:errors",
        f"{_CONTRACT} 0.3 and 4.1",
        "Bad items, metadata and cursors are refused by their path.",
    ),
    Requirement(
        "chat:stored",
        f"{_CONTRACT} 1.7; tenancy and reliability, I6",
        "A chat completion with `store: true`, and no other, is kept as it was delivered.",
    ),
    Requirement(
        "stores:deliver-anyway",
        "tenancy and reliability, the ledger",
        "If the store fails the answer is delivered all the same, and says that it is not kept.",
    ),
    Requirement(
        "kit:migrations-back",
        "architecture, who owns which truth",
        "Every database can be brought to the newest revision, back to an older one, and forth "
        "again, on SQLite and on PostgreSQL.",
    ),
]
