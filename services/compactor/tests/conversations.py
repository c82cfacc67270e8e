"""Conversations for tests: written ones, planted ones, and any that hypothesis can think of."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from pathlib import Path

import msgspec
from hypothesis import strategies as st

from wire.conversation import (
    CompactionItem,
    ImagePart,
    Item,
    Message,
    OtherItem,
    ReasoningItem,
    Role,
    TextPart,
    ToolCall,
    ToolResult,
)
from wire.specs import CompactionSpec, ModelSpec, ProviderSpec

_DATA = Path(__file__).parent / "data"
PROVIDER = ProviderSpec(
    name="nowhere", kind="openai-compatible", base_url="http://127.0.0.1:9/v1", max_attempts=1
)
_GOLD = re.compile(r"\{\{(.*?)\|(.*?)\}\}")


def model(window_tokens: int = 32_000, provider: ProviderSpec = PROVIDER) -> ModelSpec:
    return ModelSpec(
        name="sim", provider=provider, upstream_model="sim", context_window_tokens=window_tokens
    )


EXTRACTIVE = CompactionSpec(level="extractive")


def system(text: str) -> Message:
    return Message("system", (TextPart(text),))


def user(text: str) -> Message:
    return Message("user", (TextPart(text),))


def assistant(text: str) -> Message:
    return Message("assistant", (TextPart(text),))


def call(call_id: str, name: str = "look", arguments: str = "{}") -> ToolCall:
    return ToolCall(call_id, name, arguments)


def result(call_id: str, text: str = "nothing") -> ToolResult:
    return ToolResult(call_id, (TextPart(text),))


def text_of(items: tuple[Item, ...]) -> str:
    """All words of a window."""
    texts: list[str] = []
    for item in items:
        match item:
            case Message(_, parts) | ToolResult(_, parts):
                texts += [part.text for part in parts if isinstance(part, TextPart)]
            case ToolCall():
                texts += [item.name, item.arguments]
            case _:
                pass
    return "\n".join(texts)


@dataclass(frozen=True, slots=True)
class Fact:
    """What a turn says and a later question asks for."""

    turn: int
    words: str
    question: str


def written_chat(name: str) -> tuple[list[Message], list[Fact]]:
    """A chat of `data`, the first speaker as the user, and what is marked in it."""
    messages: list[Message] = []
    facts: list[Fact] = []
    speakers: list[str] = []
    (path,) = _DATA.glob(f"*/{name}.txt")
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.strip() or line[0] in "#@":
            continue
        speaker, text = line.split(": ", 1)
        if speaker not in speakers:
            speakers.append(speaker)
        text = text.replace("\\n", "\n")
        facts += [Fact(len(messages), words, question) for words, question in _GOLD.findall(text)]
        plain = _GOLD.sub(lambda found: found.group(1), text)
        messages.append(assistant(plain) if speakers.index(speaker) else user(plain))
    return messages, facts


_NAMES = (
    "ORCHID",
    "FALCON",
    "GRANITE",
    "LANTERN",
    "MEADOW",
    "COBALT",
    "HARBOR",
    "JUNIPER",
    "SAFFRON",
    "TUNDRA",
)
_FILLER = (
    "That is a fair point and we should think about it a little more before we go on.",
    "Let me look at the other modules first and then come back to this one.",
    "The weather has been strange lately, but the work goes on as usual for everybody.",
    "I agree with the general direction and would only change the order of the steps.",
    "We talked about this before and came to a similar conclusion at the time.",
    "It is probably easier to explain with an example than with another long text.",
)


def planted_conversation(
    turns: int, *, facts: int = 10, seed: int = 0
) -> tuple[list[Message], dict[str, str]]:
    """Much filler, and facts of the form `The value of NAME is VALUE.` spread evenly."""
    chance = random.Random(seed)  # noqa: S311 - a test's dice
    values = {
        f"{_NAMES[k % len(_NAMES)]}_{k}": f"{chance.choice('KQXZ')}{chance.randrange(10**6):06d}"
        for k in range(facts)
    }
    places = {int((k + 0.5) * turns / facts): name for k, name in enumerate(values)}
    messages: list[Message] = []
    for turn in range(turns):
        said = [chance.choice(_FILLER) for _ in range(3)]
        if turn in places:
            name = places[turn]
            said.insert(1, f"The value of {name} is {values[name]}.")
        messages.append(user(" ".join(said)))
        messages.append(assistant(" ".join(chance.choice(_FILLER) for _ in range(4))))
    return messages, values


# ------------------------------------------------------------------------------------- hypothesis

_WORDS = st.sampled_from(
    (
        "the", "a", "red", "green", "value", "of", "is", "path", "src/main.py", "order", "A12B-77",
        "yesterday", "never", "2024-05-06", "customer_id_4711", "refund,", "because", "Lisbon.",
        "What?", "Yes!", "学习", "naïve", "https://x.test/a?b=1", "£640",
    )
)  # fmt: skip
_texts = st.lists(_WORDS, min_size=1, max_size=60).map(" ".join)
_awkward = st.one_of(_texts, st.text(max_size=80), st.just('{"a": [1, {"b": "c"}], "d": null}'))
_images = st.just(ImagePart("data:image/png;base64,iVBORw0KGgo="))


def _message(role: Role) -> st.SearchStrategy[Message]:
    parts = st.one_of(_awkward.map(TextPart), _images)
    return st.lists(parts, min_size=1, max_size=2).map(
        lambda content: Message(role, tuple(content))
    )


_call_ids = st.sampled_from(["call_1", "call_2", "call_3"])
_loose_items: st.SearchStrategy[Item] = st.one_of(
    _message("user"),
    _message("assistant"),
    st.builds(ToolCall, call_id=_call_ids, name=st.just("look"), arguments=_awkward),
    st.builds(ToolResult, call_id=_call_ids, output=_awkward.map(lambda text: (TextPart(text),))),
    st.just(ReasoningItem(("thought",), "sealed")),
    st.just(OtherItem("web_search_call", msgspec.Raw(b'{"type":"web_search_call","id":"w"}'))),
    st.just(OtherItem("local_shell_call", msgspec.Raw(b'{"call_id":"sh_1","action":{}}'))),
    st.just(OtherItem("local_shell_call_output", msgspec.Raw(b'{"call_id":"sh_1","output":"x"}'))),
    _message("developer"),
)


def histories(max_items: int = 40) -> st.SearchStrategy[tuple[Item, ...]]:
    """Any order of anything, as a careless client might send it."""
    return st.tuples(
        st.lists(_message("system"), max_size=2), st.lists(_loose_items, max_size=max_items)
    ).map(lambda parts: (*parts[0], *parts[1]))


__all__ = [
    "EXTRACTIVE",
    "PROVIDER",
    "CompactionItem",
    "Fact",
    "assistant",
    "call",
    "histories",
    "model",
    "planted_conversation",
    "result",
    "system",
    "text_of",
    "user",
    "written_chat",
]
