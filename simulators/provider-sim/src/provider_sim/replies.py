"""The model itself: what it answers to a prompt. Deterministic for the same request."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from provider_sim import prose
from provider_sim.ballots import fill_ballot, ranked
from provider_sim.instructions import (
    ExactReply,
    ToolErrand,
    ToolStep,
    remembered_thing,
    stated_value,
)
from provider_sim.json_types import JsonObject, dumps, loads
from provider_sim.personas import Stance
from provider_sim.prompt import Reply, Tool, ToolCall
from provider_sim.scene import Kind, Scene, unescaped
from provider_sim.stable_hash import seeded, stable_hash
from provider_sim.structured_output import SchemaWriter, validates
from provider_sim.summaries import ends_of, write_summary
from provider_sim.token_counter import pieces
from provider_sim.tool_questions import asked_tools, named_thing

if TYPE_CHECKING:
    from provider_sim.prompt import Message, Prompt

UNKNOWN = "UNKNOWN"
FORGOTTEN_SHARE = 0.3
_LONGEST_RESULT_CHARACTERS = 500


@dataclass(frozen=True, slots=True)
class Script:
    """What the caller wants otherwise than the model would do by itself."""

    seed: int = 0
    text: str | None = None
    tokens: int | None = None
    empty: bool = False
    garbage_ballot: bool = False
    empty_ballot: bool = False
    content_filter: bool = False
    forget: float = FORGOTTEN_SHARE
    """Share of the facts that a summary loses."""


@dataclass(frozen=True, slots=True)
class _Call:
    tool: Tool
    arguments: str


_Said: TypeAlias = "tuple[_Call, ...] | str"


def kind_of(prompt: Prompt, scene: Scene) -> Kind:
    """What the prompt asks for; a ballot before everything, a due tool call before an answer."""
    if scene.ballot is not None:
        return "ballot"
    if scene.presenting:
        return "present"
    if _summarises(prompt, scene):
        return "summary"
    return "tool" if _calls(prompt, scene) else "answer"


def reply_to(prompt: Prompt, scene: Scene, script: Script, choice: int = 0) -> Reply:
    """One choice of the answer, cut as the sampling parameters demand."""
    voice = voice_of(prompt, scene, script, choice)
    said = _say(prompt, scene, script, voice)
    reasoning = _reasoning(prompt, scene, voice)
    if not isinstance(said, str):
        calls = tuple(_tool_call(call, choice) for call in said)
        return Reply(reasoning=reasoning, calls=calls, finish="tool_calls")
    text = _scripted_pieces(scene, script, said, voice)
    return _cut(Reply(text=text, reasoning=reasoning), prompt, script)


def voice_of(prompt: Prompt, scene: Scene, script: Script, choice: int = 0) -> str:
    """What makes two agents differ: model, persona, and how they sample."""
    sampling = prompt.sampling
    return (
        f"{script.seed}|{prompt.model}|{sampling.seed}|{sampling.temperature}|{choice}"
        f"|{scene.persona}"
    )


def expected_text(scene: Scene) -> str | None:
    """The one right answer, where the user's instruction has one."""
    match scene.instruction:
        case None:
            return None
        case ExactReply(text):
            return text
        case ToolErrand(_, final):
            return final
        case question:
            messages = scene.conversation
            return stated_value(question.name, (m.text for m in messages)) or UNKNOWN


def _say(prompt: Prompt, scene: Scene, script: Script, voice: str) -> _Said:
    if scene.ballot is not None:
        return _ballot(scene, script, voice)
    if _summarises(prompt, scene):
        return _summary(prompt, scene, script)
    calls = _calls(prompt, scene)
    if calls:
        return calls
    return _text(scene, script, voice) if script.text is None else script.text


def _text(scene: Scene, script: Script, voice: str) -> str:
    if scene.output.kind != "text":
        return _structured(scene, script, voice)
    if scene.presenting:
        return _presentation(scene, voice)
    return _answer(scene, voice)


def _ballot(scene: Scene, script: Script, voice: str) -> _Said:
    assert scene.ballot is not None  # noqa: S101 - narrows
    ballot = fill_ballot(scene, _instructed(scene), voice)
    if script.empty_ballot:
        ballot = {**ballot, "ranking": [], "approve": []}
    text = dumps(ballot).decode()
    if script.garbage_ballot:
        text = text[: len(text) // 2] + " …"
    tool = scene.ballot.tool
    return text if tool is None else (_Call(tool, text),)


def _summarises(prompt: Prompt, scene: Scene) -> bool:
    """A record may hold instructions and calls: whoever sums it up follows none of them."""
    return scene.summarising and prompt.tool_choice.mode != "required"


def _summary(prompt: Prompt, scene: Scene, script: Script) -> str:
    if script.text is not None:
        return script.text
    spoken = [m.text for m in prompt.messages if m.role not in {"system", "developer"}]
    asked = [m.text for m in prompt.messages if m.role in {"system", "developer"}]
    asked = asked or [ends_of(scene.user_text)]
    text = write_summary(spoken, asked, lost_share=script.forget, seed=script.seed)
    if scene.output.kind == "text":
        return text
    rng = seeded("summary", scene.user_text)
    return dumps(SchemaWriter(scene.output.schema, rng, scene.user_text, text).write()).decode()


def _calls(prompt: Prompt, scene: Scene) -> tuple[_Call, ...]:
    """What is called now: what the instruction or the caller demands, or what the question needs.

    A question that needs several tools calls them at once, unless that is forbidden.
    """
    call = _call(prompt, scene)
    if call is not None:
        return (call,)
    if prompt.tool_choice.mode != "auto" or scene.instruction is not None or scene.candidates:
        return ()
    permitted = filter(prompt.tool_choice.permits, prompt.tools)
    wanted = _not_called(asked_tools(permitted, scene.user_text), scene)
    several = wanted if prompt.parallel_calls else wanted[:1]
    return tuple(_Call(tool, _arguments_for(tool, scene)) for tool in several)


def _arguments_for(tool: Tool, scene: Scene) -> str:
    """Plausible ones, about what the question names."""
    plausible = loads(_plausible_arguments(tool, scene))
    thing, schema = named_thing(scene.user_text), tool.parameters or {}
    if thing is None or not isinstance(plausible, dict):
        return dumps(plausible).decode()
    about = {name: thing if isinstance(v, str) else v for name, v in plausible.items()}
    return dumps(about if validates(about, schema, schema) else plausible).decode()


def _not_called(tools: tuple[Tool, ...], scene: Scene) -> tuple[Tool, ...]:
    """Those that have not been called since the question."""
    called = {call.name for message in _after_question(scene) for call in message.calls}
    return tuple(tool for tool in tools if tool.name not in called)


def _after_question(scene: Scene) -> tuple[Message, ...]:
    return scene.conversation[scene.user_index + 1 :]


def _call(prompt: Prompt, scene: Scene) -> _Call | None:
    """The tool call that is due: the instruction's next step, or one that is forced."""
    choice = prompt.tool_choice
    tools = tuple(tool for tool in prompt.tools if choice.permits(tool))
    if choice.mode == "none" or not tools:
        return None
    step = _next_step(scene)
    wanted = _find_tool(tools, step.tool) if step else None
    if choice.mode == "auto":
        return _Call(wanted, step.arguments) if wanted and step else None
    forced = _find_tool(tools, choice.name) if choice.name else wanted
    tool = forced or seeded(scene.user_text).choice(_not_called(tools, scene) or tools)
    named = _named_step(scene, tool)
    return _Call(tool, named.arguments if named else _plausible_arguments(tool, scene))


def _next_step(scene: Scene) -> ToolStep | None:
    """The first step of the errand that no tool result after the user's message answers yet."""
    if not isinstance(scene.instruction, ToolErrand):
        return None
    later = _after_question(scene)
    names = {call.call_id: call.name for message in later for call in message.calls}
    results = [names.get(m.call_id or "", "") for m in later if m.role == "tool"]
    for step in scene.instruction.steps:
        done = next((name for name in results if not name or _same_tool(name, step.tool)), None)
        if done is None:
            return step
        results.remove(done)
    return None


def _same_tool(called: str, asked: str) -> bool:
    return called == asked or asked.endswith((f".{called}", f"__{called}"))


def _find_tool(tools: tuple[Tool, ...], name: str) -> Tool | None:
    return next((tool for tool in tools if tool.answers_to(name)), None)


def _named_step(scene: Scene, tool: Tool) -> ToolStep | None:
    if not isinstance(scene.instruction, ToolErrand):
        return None
    due = _next_step(scene)
    steps = [due] if due else []
    steps += scene.instruction.steps
    return next((step for step in steps if tool.answers_to(step.tool)), None)


def _plausible_arguments(tool: Tool, scene: Scene) -> str:
    rng = seeded("arguments", tool.name, scene.user_text)
    if tool.custom:
        return prose.short_phrase(rng, scene.user_text)
    schema: JsonObject = tool.parameters or {"type": "object", "properties": {}}
    return dumps(SchemaWriter(schema, rng, scene.user_text).write()).decode()


def _tool_call(call: _Call, choice: int) -> ToolCall:
    tool = call.tool
    arguments = _custom_input(call.arguments) if tool.custom else call.arguments
    number = stable_hash(tool.name, arguments, choice)
    return ToolCall(f"call_sim_{number:016x}", tool.name, arguments, tool.custom, tool.namespace)


def _custom_input(arguments: str) -> str:
    """A custom tool takes free text: the value of a lone `input`, else the JSON as it stands."""
    try:
        value = loads(arguments)
    except ValueError:
        return arguments
    lone = value.get("input") if isinstance(value, dict) and len(value) == 1 else None
    return lone if isinstance(lone, str) else arguments


def _structured(scene: Scene, script: Script, voice: str) -> str:
    """JSON in the form the user demands; nobody dissents from a form."""
    if script.garbage_ballot:
        return '{"ranking": ["'
    schema = scene.output.schema
    expected = expected_text(scene)
    if scene.output.kind == "json_object" and not schema:
        return _loose_object(scene, expected, voice)
    order = ranked(scene.candidates, expected, voice)
    ready = [text for candidate in order for text in sorted(unescaped(candidate))]
    for text in ([expected] if expected is not None else []) + ready:
        if _is_instance(text, schema):
            return text
    writer = SchemaWriter(schema, seeded(voice, scene.user_text), scene.user_text, expected)
    return dumps(writer.write()).decode()


def _loose_object(scene: Scene, expected: str | None, voice: str) -> str:
    if expected is not None and _is_instance(expected, {"type": "object"}):
        return expected
    answer = expected if expected is not None else _free_text(scene, voice)
    return dumps({"answer": answer}).decode()


def _is_instance(text: str, schema: JsonObject) -> bool:
    try:
        value = loads(text)
    except ValueError:
        return False
    return isinstance(value, dict | list) and validates(value, schema, schema)


def _presentation(scene: Scene, voice: str) -> str:
    expected = _instructed(scene)
    if expected is not None:
        return expected
    return prose.composed_text([c.text for c in ranked(scene.candidates, None, voice)])


def _answer(scene: Scene, voice: str) -> str:
    expected = _instructed(scene)
    if isinstance(scene.instruction, ToolErrand) or scene.stance is Stance.HONEST:
        return expected if expected is not None else _free_text(scene, voice)
    avoid = expected or ""
    if scene.stance is Stance.WRONG:
        return prose.wrong_text(seeded("wrong", scene.user_text), avoid)
    return prose.dissenting_text(seeded("dissent", voice, scene.user_text), avoid)


def _instructed(scene: Scene) -> str | None:
    """The expected text, unless a tool result that it waits for is not there."""
    return None if _next_step(scene) is not None else expected_text(scene)


def _free_text(scene: Scene, voice: str) -> str:
    """What the tools have found out, or the conversation says, is the answer if it was asked."""
    results = [message.text for message in _after_question(scene) if message.role == "tool"]
    if results and scene.instruction is None:
        thing = named_thing(scene.user_text)
        about = "The tools say: " if thing is None else f"About {thing} the tools say: "
        return about + "; ".join(results)[:_LONGEST_RESULT_CHARACTERS]
    return _recalled(scene) or prose.answer_text(seeded(voice, scene.user_text), scene.user_text)


def _recalled(scene: Scene) -> str | None:
    """The answer to a question about what somebody said before, if somebody did."""
    asked = remembered_thing(scene.user_text)
    if asked is None or scene.instruction is not None:
        return None
    value = stated_value(asked, (m.text for m in scene.conversation[: scene.user_index]))
    return None if value is None else f"The {asked} is {value}."


def _reasoning(prompt: Prompt, scene: Scene, voice: str) -> tuple[str, ...]:
    if "reason" not in prompt.model:
        return ()
    return tuple(pieces(prose.reasoning_text(seeded("think", voice), scene.user_text)))


def _scripted_pieces(scene: Scene, script: Script, said: str, voice: str) -> tuple[str, ...]:
    if script.empty:
        return ()
    if script.tokens is None or scene.output.kind != "text" or scene.instruction is not None:
        return tuple(pieces(said))
    return prose.tokens_of_length(seeded(voice, scene.user_text), scene.user_text, script.tokens)


def _cut(reply: Reply, prompt: Prompt, script: Script) -> Reply:
    """Stop sequences, the content filter and the token limit, in that order."""
    if prompt.sampling.stop:
        reply = _until_stop(reply, prompt.sampling.stop)
    if script.content_filter:
        reply = replace(reply, text=reply.text[: len(reply.text) // 2], finish="content_filter")
    limit = prompt.sampling.max_tokens
    if limit is None or len(reply.reasoning) + len(reply.text) <= limit:
        return reply
    reasoning = reply.reasoning[:limit]
    text = reply.text[: limit - len(reasoning)]
    return replace(reply, reasoning=reasoning, text=text, finish="length")


def _until_stop(reply: Reply, stops: tuple[str, ...]) -> Reply:
    text = "".join(reply.text)
    ends = [(text.index(stop), stop) for stop in stops if stop and stop in text]
    if not ends:
        return reply
    end, stop = min(ends)
    return replace(reply, text=tuple(pieces(text[:end])), stopped_by=stop)
