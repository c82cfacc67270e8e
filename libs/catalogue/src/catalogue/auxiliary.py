"""Small requests: the titles, summaries and suggestions that clients ask for beside the chat.

A panel is a waste for them, so a rule may send them to one cheap model. A request is recognised
by what it says, never by who sends it.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from wire.specs import ModelSpec

# How clients word these requests: Open WebUI, Continue, opencode, LibreChat and Claude Code, as
# published. Kept narrow: a person who asks for a title means the panel.
KNOWN_PHRASES = (
    "generate a concise, 3-5 word title",
    "create a concise, 3-5 word title",
    "generate 1-3 broad tags categorizing",
    "suggest 3-5 relevant follow-up questions",
    "determine the necessity of generating search queries",
    "please reply with a title for the chat",
    "you are a title generator",
    "generate a title for this conversation",
    "a concise, 5-word-or-less title for the conversation",
    "analyze if this message indicates a new conversation topic",
)
# Clients put these phrases in front.
_LOOKED_AT_CHARACTERS = 20_000


@dataclass(frozen=True, slots=True)
class RequestFacts:
    """What a rule looks at. `instructions`: system and developer messages together."""

    instructions: str
    last_user_text: str
    has_tools: bool
    prompt_tokens: int
    max_output_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class AuxiliaryRule:
    """`panels` None: every panel."""

    model: ModelSpec
    panels: frozenset[str] | None
    phrases: tuple[str, ...]
    without_tools: bool
    max_prompt_tokens: int | None
    max_output_tokens: int | None

    def covers(self, panel: str) -> bool:
        """Whether the rule is about this panel; asked first, it costs nothing."""
        return self.panels is None or panel in self.panels

    def matches(self, request: RequestFacts) -> bool:
        """Whether the request is a small one."""
        if self.without_tools and request.has_tools:
            return False
        if self.max_prompt_tokens is not None and request.prompt_tokens > self.max_prompt_tokens:
            return False
        if not _asks_for_at_most(request.max_output_tokens, self.max_output_tokens):
            return False
        return not self.phrases or self._is_worded(request)

    def _is_worded(self, request: RequestFacts) -> bool:
        texts = [_plain(request.instructions), _plain(request.last_user_text)]
        return _any_in(map(_plain, self.phrases), texts)


def _asks_for_at_most(asked: int | None, most: int | None) -> bool:
    return most is None or (asked is not None and asked <= most)


def _any_in(phrases: Iterable[str], texts: list[str]) -> bool:
    return any(phrase in text for phrase in phrases for text in texts)


def _plain(text: str) -> str:
    """Without case and with single spaces."""
    return " ".join(text[:_LOOKED_AT_CHARACTERS].casefold().split())
