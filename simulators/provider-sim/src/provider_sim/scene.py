"""What a model reads out of a prompt before it answers.

The instructions of whoever runs a panel stand in the system or developer messages that trail the
conversation; the user's words are never there. Candidates are fenced as
`<candidate label="K7QX">...</candidate>`.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from provider_sim.instructions import Instruction, find_instruction
from provider_sim.json_types import JsonObject, leading_object, object_at
from provider_sim.personas import Stance, stance_of
from provider_sim.prompt import OutputFormat
from provider_sim.summaries import asks_for_summary

if TYPE_CHECKING:
    from provider_sim.prompt import Message, Prompt, Tool

Kind: TypeAlias = Literal["answer", "ballot", "present", "tool", "summary"]

_CANDIDATE = re.compile(
    r"<candidate\s+label=[\"']([^\"']+)[\"'][^>]*>\r?\n?(.*?)\r?\n?</candidate>", re.DOTALL
)
_FENCED = re.compile(
    r"<(candidate|your_answer|answer|objection|previous_output)(?:\s[^<>]*)?>\r?\n.*?\r?\n</\1>",
    re.DOTALL,
)
"""Blocks that others' texts are shown in."""
_SCHEMA_IN_WORDS = re.compile(r"JSON schema:\s*(?=\{)", re.IGNORECASE)
_PRESENT = re.compile(r"final answer|\bpresent|synthesi[sz]|polish", re.IGNORECASE)


_BALLOT_IN_WORDS: JsonObject = {
    "type": "object",
    "properties": {
        "ranking": {"type": "array", "items": {"type": "string"}},
        "approve": {"type": "array", "items": {"type": "string"}},
        "reason": {"type": "string"},
        "refined_answer": {"type": ["string", "null"]},
    },
    "required": ["ranking", "approve", "reason", "refined_answer"],
}
"""What a model writes that is asked for a ballot in words only."""


@dataclass(frozen=True, slots=True)
class Candidate:
    label: str
    text: str


@dataclass(frozen=True, slots=True)
class BallotForm:
    """The structure a ballot has to be filled in."""

    schema: JsonObject
    tool: Tool | None
    """The forced tool whose arguments are the ballot; absent when the answer itself is."""


@dataclass(frozen=True, slots=True)
class Scene:
    conversation: tuple[Message, ...]
    trailing_text: str
    persona: str
    candidates: tuple[Candidate, ...]
    user_text: str
    user_index: int
    instruction: Instruction | None
    ballot: BallotForm | None
    presenting: bool
    summarising: bool
    stance: Stance
    output: OutputFormat
    """The form asked for, by parameter or in words."""


def read_scene(prompt: Prompt) -> Scene:
    """Read the prompt as a model would."""
    conversation, trailing = _split(prompt.messages)
    trailing_texts = [message.text for message in trailing]
    user_index, candidates = _last_user(conversation, _candidates("\n".join(trailing_texts)))
    user_text = _unfenced(conversation[user_index].text) if user_index >= 0 else ""
    trailing_text = _FENCED.sub("", "\n".join(trailing_texts))
    ballot = _ballot_form(prompt, trailing_text) if candidates else None
    return Scene(
        conversation=conversation,
        trailing_text=trailing_text,
        persona=_persona(conversation, trailing_texts),
        candidates=candidates,
        user_text=user_text,
        user_index=user_index,
        instruction=find_instruction(user_text),
        ballot=ballot,
        summarising=not candidates and asks_for_summary(_system_texts(prompt.messages), user_text),
        presenting=bool(candidates) and ballot is None and bool(_PRESENT.search(trailing_text)),
        stance=stance_of(trailing_text),
        output=_output_format(prompt, trailing_text),
    )


def _system_texts(messages: tuple[Message, ...]) -> list[str]:
    return [message.text for message in messages if message.role in {"system", "developer"}]


def _output_format(prompt: Prompt, trailing_text: str) -> OutputFormat:
    said = _SCHEMA_IN_WORDS.search(trailing_text)
    if prompt.output.kind == "json_schema" or said is None:
        return prompt.output
    schema = leading_object(trailing_text[said.end() :])
    return prompt.output if schema is None else OutputFormat("json_schema", schema)


def _split(messages: tuple[Message, ...]) -> tuple[tuple[Message, ...], tuple[Message, ...]]:
    """The conversation, and the system and developer messages behind it."""
    end = len(messages)
    while end and messages[end - 1].role in {"system", "developer"}:
        end -= 1
    return (messages[:end], messages[end:]) if end else (messages, ())


def _candidates(text: str) -> tuple[Candidate, ...]:
    found = {label: Candidate(label, body) for label, body in _CANDIDATE.findall(text)}
    return tuple(found.values())


def _unfenced(text: str) -> str:
    return _CANDIDATE.sub("", text) if "<candidate" in text else text


def _last_user(
    conversation: tuple[Message, ...], candidates: tuple[Candidate, ...]
) -> tuple[int, tuple[Candidate, ...]]:
    """Index of the user's last message, and the candidates.

    Some prompts carry the candidates in user messages of their own: those are not the user's.
    In a run of user messages the latest that carries an instruction speaks for the run.
    """
    latest = -1
    for index in range(len(conversation) - 1, -1, -1):
        message = conversation[index]
        if message.role != "user":
            if latest >= 0 and message.role in {"assistant", "tool"}:
                break
            continue
        fenced = _candidates(message.text)
        if fenced and latest < 0:
            candidates = candidates or fenced
            if not find_instruction(_unfenced(message.text)) and _has_user_before(
                conversation, index
            ):
                continue
        if latest < 0:
            latest = index
        if find_instruction(_unfenced(message.text)):
            return index, candidates
    return latest, candidates


def _has_user_before(conversation: tuple[Message, ...], index: int) -> bool:
    return any(message.role == "user" for message in conversation[:index])


def _persona(conversation: tuple[Message, ...], trailing_texts: list[str]) -> str:
    """What makes this model's voice its own; labels and candidates change from call to call."""
    if trailing_texts:
        return trailing_texts[0].partition("<candidate")[0]
    return "\n".join(m.text for m in conversation if m.role in {"system", "developer"})


def _ballot_form(prompt: Prompt, trailing_text: str) -> BallotForm | None:
    if _has_ranking(prompt.output.schema):
        return BallotForm(prompt.output.schema, None)
    choice = prompt.tool_choice
    if choice.mode != "required":
        in_words = prompt.output.kind != "json_schema" and '"ranking"' in trailing_text
        return BallotForm(_BALLOT_IN_WORDS, None) if in_words else None
    for tool in prompt.tools:
        wanted = choice.name is None or tool.answers_to(choice.name)
        if wanted and tool.parameters and _has_ranking(tool.parameters):
            return BallotForm(tool.parameters, tool)
    return None


def _has_ranking(schema: JsonObject) -> bool:
    return object_at(schema, "properties", "ranking").get("type") == "array"


def unescaped(candidate: Candidate) -> set[str]:
    """The candidate's text as it stands and with its XML escapes undone."""
    return {candidate.text.strip(), html.unescape(candidate.text).strip()}
