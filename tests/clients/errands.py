"""What the clients are asked to do, in words that every instruction-following model obeys."""

import json

SAID = "PONG-71c2"
DONE = "DONE-71c2"
MARK = "MARK-71c2"
MARK_FILE = "mark.txt"
MARK_COMMAND = f"echo {MARK} > {MARK_FILE}; cat {MARK_FILE}"

SAY = f"Reply with exactly this text and nothing else: {SAID}"


def call(tool: str, **arguments: object) -> str:
    """One call of that tool of the client, then a known last word."""
    return (
        f"Call the tool named `{tool}` exactly once with these arguments: {json.dumps(arguments)} ."
        f" After the tool result, reply with exactly: {DONE}"
    )


def answered(text: str, word: str) -> bool:
    """Whether the word stands there otherwise than as the echo of what was asked."""
    flat = " ".join(text.split())
    for echo in (f"nothing else: {word}", f"reply with exactly: {word}"):
        flat = flat.replace(echo, "")
    return word in flat
