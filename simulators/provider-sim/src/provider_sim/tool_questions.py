"""Which of the tools on offer a plain question is about, as a model would see it. Pure.

A short question that names what a tool is for, as in `get_weather` and "What's the weather in
Rome?". Long texts are clients' wrappers: there any word may stand, and nothing is called.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from provider_sim.prompt import Tool

LONGEST_QUESTION_CHARACTERS = 300
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[0-9]+")
_NAME = re.compile(r"(?<=[a-z,;:] )[A-Z][\w'-]+(?: [A-Z][\w'-]+)*")
# They say what a tool does, not what about.
_VERBS = frozenset(
    {
        "api", "ask", "by", "call", "check", "create", "current", "delete", "do", "edit", "fetch",
        "find", "for", "from", "function", "get", "in", "list", "look", "lookup", "make", "my",
        "of", "open", "query", "read", "run", "search", "send", "set", "show", "the", "to", "tool",
        "up", "update", "use", "view", "with", "write",
    }
)  # fmt: skip


def asked_tools(tools: Iterable[Tool], question: str) -> tuple[Tool, ...]:
    """The functions whose every telling word stands in the question, in the order of the offer."""
    if "?" not in question or len(question) > LONGEST_QUESTION_CHARACTERS:
        return ()
    words = set(_words(question))
    return tuple(tool for tool in tools if not tool.custom and _is_about(tool, words))


def named_thing(question: str) -> str | None:
    """The last name that stands in the question: what it is asked about."""
    names = _NAME.findall(question)
    return names[-1] if names else None


def _is_about(tool: Tool, words: set[str]) -> bool:
    own_name = tool.name.rpartition("__")[2]  # without the server's or the namespace's
    telling = set(_words(own_name)) - _VERBS
    return bool(telling) and telling <= words


def _words(text: str) -> list[str]:
    """In lower case, without the plural's s."""
    return [word.lower().removesuffix("s") for word in _WORD.findall(text)]
