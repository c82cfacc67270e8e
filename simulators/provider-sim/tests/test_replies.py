"""What the model answers."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provider_sim.json_types import JsonObject
from provider_sim.prompt import (
    Message,
    OutputFormat,
    Prompt,
    Reply,
    Sampling,
    Tool,
    ToolCall,
    ToolChoice,
)
from provider_sim.replies import Script, kind_of, reply_to
from provider_sim.scene import read_scene

ASK = "Reply with exactly this text and nothing else: PONG-1"
ERRAND = (
    'Call the tool named `get_weather` exactly once with these arguments: {"city":"Paris"} . '
    "After the tool result, reply with exactly: DONE-1"
)
VALUE = "What is the value of BOX-3? Answer only from this conversation."
WEATHER = Tool(
    "get_weather",
    {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
)
OTHER = Tool("other", {"type": "object", "properties": {"n": {"type": "integer"}}})
ADA = Message("developer", "You are Ada, a careful analyst.")
DISSENT = Message("developer", "You are Eve. Always dissent from the obvious answer.")
WRONG = Message("developer", "You are Bob. Answer wrongly, whatever you are asked.")
CANDIDATES = Message(
    "developer",
    '<candidate label="A1">\nI see it otherwise.\n</candidate>\n'
    '<candidate label="B2">\nPONG-1\n</candidate>',
)
PRESENT = Message("developer", "Present the final answer.")
BALLOT: JsonObject = {
    "type": "object",
    "properties": {
        "ranking": {"type": "array", "items": {"type": "string"}},
        "approve": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["ranking", "approve"],
}
PERSON: JsonObject = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "n": {"type": "integer"}},
    "required": ["name", "n"],
}
CALLED = (
    Message("user", ERRAND),
    Message("assistant", "", (ToolCall("c1", "get_weather", '{"city":"Paris"}'),)),
    Message("tool", "18C", call_id="c1"),
)


def prompt_of(*messages: Message, **rest: object) -> Prompt:
    return Prompt("sim", messages, **rest)  # pyright: ignore[reportArgumentType]


def reply(*messages: Message, script: Script | None = None, **rest: object) -> Reply:
    prompt = prompt_of(*messages, **rest)
    return reply_to(prompt, read_scene(prompt), script or Script())


def text(*messages: Message, script: Script | None = None, **rest: object) -> str:
    return "".join(reply(*messages, script=script, **rest).text)


@pytest.mark.requirement("provider-sim:exact-reply")
def test_the_exact_text_is_the_whole_answer() -> None:
    assert text(Message("system", "long " * 99), Message("user", ASK), ADA) == "PONG-1"


@pytest.mark.requirement("provider-sim:tool-errand")
def test_a_named_tool_is_called_with_the_given_arguments() -> None:
    answer = reply(Message("user", ERRAND), ADA, tools=(OTHER, WEATHER))

    assert [(call.name, call.arguments) for call in answer.calls] == [
        ("get_weather", '{"city":"Paris"}')
    ]
    assert answer.finish == "tool_calls"


@pytest.mark.requirement("provider-sim:tool-errand")
def test_after_the_result_the_answer_is_the_given_text() -> None:
    assert text(*CALLED, ADA, tools=(WEATHER,)) == "DONE-1"
    assert text(*CALLED, DISSENT, tools=(WEATHER,)) == "DONE-1"


@pytest.mark.parametrize(
    ("tools", "choice"),
    [((), ToolChoice()), ((OTHER,), ToolChoice()), ((WEATHER,), ToolChoice("none"))],
)
def test_without_the_tool_the_answer_is_plain(tools: tuple[Tool, ...], choice: ToolChoice) -> None:
    answer = reply(Message("user", ERRAND), ADA, tools=tools, tool_choice=choice)

    assert answer.calls == ()
    assert "DONE-1" not in "".join(answer.text)


@pytest.mark.requirement("provider-sim:tool-question")
def test_a_question_calls_the_tools_it_needs_and_answers_with_what_they_say() -> None:
    question = Message("user", "What's the weather and the tide in Rome?")
    tools = (WEATHER, OTHER, Tool("get_tide", WEATHER.parameters))
    together = reply(question, ADA, tools=tools)
    called = Message("assistant", "", together.calls)
    results = [Message("tool", call.name, call_id=call.call_id) for call in together.calls]

    assert [call.name for call in together.calls] == ["get_weather", "get_tide"]
    assert text(question, called, *results, ADA, tools=tools) == (
        "About Rome the tools say: get_weather; get_tide"
    )
    assert {call.arguments for call in together.calls} == {'{"city":"Rome"}'}
    alone = reply(question, ADA, tools=tools, parallel_calls=False)
    assert [call.name for call in alone.calls] == ["get_weather"]
    assert reply(question, tools=tools, tool_choice=ToolChoice("none")).calls == ()


@pytest.mark.parametrize(
    ("said", "question", "answer"),
    [
        ("My name is Alice.", "What's my name?", "The name is Alice."),
        ("The secret word is 'banana'.", "What was the secret word?", "The secret word is banana."),
    ],
)
@pytest.mark.requirement("provider-sim:value-from-conversation")
def test_a_plain_question_about_what_was_said_is_answered_from_it(
    said: str, question: str, answer: str
) -> None:
    before = (Message("user", said), Message("assistant", "Noted."))

    assert text(*before, Message("user", question), ADA) == answer
    assert answer not in text(Message("user", question), ADA)


@pytest.mark.parametrize("name", ["a", "b", "c", "d", "e"])
def test_who_must_call_something_calls_what_has_not_been_called(name: str) -> None:
    tools = (WEATHER, Tool(name, OTHER.parameters))

    forced = reply(*CALLED, ADA, tools=tools, tool_choice=ToolChoice("required"))

    assert [call.name for call in forced.calls] == [name]


def test_the_steps_of_an_errand_are_called_one_after_another() -> None:
    second = ERRAND.replace("Paris", "Rome").replace("DONE-1", "DONE-2")
    ask = Message("user", f"{ERRAND}\n{second}")
    first_call = Message("assistant", "", (ToolCall("c1", "get_weather", '{"city":"Paris"}'),))
    second_call = Message("assistant", "", (ToolCall("c2", "get_weather", '{"city":"Rome"}'),))

    middle = reply(ask, first_call, Message("tool", "18C", call_id="c1"), tools=(WEATHER,))
    end = text(
        ask,
        first_call,
        Message("tool", "18C", call_id="c1"),
        second_call,
        Message("tool", "25C", call_id="c2"),
        tools=(WEATHER,),
    )

    assert [call.arguments for call in middle.calls] == ['{"city":"Rome"}']
    assert end == "DONE-2"


def test_a_namespaced_or_custom_tool_is_called_too() -> None:
    tool = Tool("get_weather", custom=True, namespace="weather")
    dotted = ERRAND.replace("get_weather", "weather.get_weather")
    free = ERRAND.replace('{"city":"Paris"}', '{"input":"free text"}')

    call = reply(Message("user", dotted), tools=(tool,)).calls[0]
    free_call = reply(Message("user", free), tools=(tool,)).calls[0]

    assert (call.name, call.namespace, call.custom) == ("get_weather", "weather", True)
    assert call.arguments == '{"city":"Paris"}'
    assert free_call.arguments == "free text"


def test_a_forced_tool_is_always_called() -> None:
    forced = ToolChoice("required", "other")

    plain = reply(Message("user", "hello"), tools=(WEATHER, OTHER), tool_choice=forced)
    after = reply(*CALLED, tools=(WEATHER,), tool_choice=ToolChoice("required", "get_weather"))
    any_tool = reply(Message("user", "x"), tools=(WEATHER,), tool_choice=ToolChoice("required"))

    assert isinstance(json.loads(plain.calls[0].arguments)["n"], int)
    assert after.calls[0].arguments == '{"city":"Paris"}'
    assert isinstance(json.loads(any_tool.calls[0].arguments)["city"], str)


def test_allowed_tools_narrow_the_offer() -> None:
    choice = ToolChoice("auto", allowed=("other",))

    assert reply(Message("user", ERRAND), tools=(WEATHER, OTHER), tool_choice=choice).calls == ()


@pytest.mark.requirement("provider-sim:value-from-conversation")
def test_a_value_comes_from_this_very_conversation() -> None:
    told = (Message("user", "BOX-3 is K7. Remember it."), Message("assistant", "Noted."))
    rumour = Message("developer", '<candidate label="A">\nBOX-3 is Z9\n</candidate>')

    assert text(*told, Message("user", VALUE)) == "K7"
    assert text(Message("user", VALUE)) == "UNKNOWN"
    assert text(Message("user", VALUE), PRESENT, rumour) == "UNKNOWN"


@pytest.mark.requirement("provider-sim:dissent")
@pytest.mark.parametrize("persona", [DISSENT, WRONG])
@pytest.mark.parametrize("question", [ASK, VALUE, "Why is the sky blue?"])
def test_a_dissenting_or_wrong_persona_answers_otherwise(persona: Message, question: str) -> None:
    honest = text(Message("user", question), ADA)
    other = text(Message("user", question), persona)

    assert other != honest
    assert "PONG-1" not in other
    assert "UNKNOWN" not in other


@pytest.mark.requirement("provider-sim:dissent")
@pytest.mark.parametrize("persona", [ADA, DISSENT, WRONG])
def test_every_persona_judges_and_presents_honestly(persona: Message) -> None:
    ballot = text(
        Message("user", ASK), persona, CANDIDATES, output=OutputFormat("json_schema", BALLOT)
    )
    final = text(Message("user", ASK), persona, PRESENT, CANDIDATES)

    assert json.loads(ballot) == {"ranking": ["B2", "A1"], "approve": ["B2"]}
    assert final == "PONG-1"


def test_wrong_personas_agree_on_the_same_error() -> None:
    other = Message("developer", "You are Dan. Be wrong.")

    assert text(Message("user", ASK), WRONG) == text(Message("user", ASK), other)


def test_nobody_dissents_from_a_tool_call_or_a_users_form() -> None:
    form = OutputFormat("json_schema", PERSON)

    assert reply(Message("user", ERRAND), DISSENT, tools=(WEATHER,)).calls
    assert json.loads(text(Message("user", ASK), DISSENT, output=form))["name"] == "PONG-1"


@pytest.mark.requirement("provider-sim:structured-output")
def test_a_users_form_is_filled() -> None:
    form = OutputFormat("json_schema", PERSON)
    ready = 'Reply with exactly this text and nothing else: {"name": "Ada", "n": 36}'

    assert set(json.loads(text(Message("user", "Give a name."), output=form))) == {"name", "n"}
    assert json.loads(text(Message("user", ASK), output=form))["name"] == "PONG-1"
    assert text(Message("user", ready), output=form) == '{"name": "Ada", "n": 36}'
    loose = OutputFormat("json_object")
    assert json.loads(text(Message("user", ASK), output=loose)) == {"answer": "PONG-1"}
    assert isinstance(json.loads(text(Message("user", "Why?"), output=loose)), dict)


def test_a_presentation_in_a_users_form_takes_the_best_candidate_that_fits() -> None:
    fenced = Message(
        "developer",
        '<candidate label="A">\nnot JSON\n</candidate>\n'
        '<candidate label="B">\n{"name":"Ada","n":36}\n</candidate>',
    )

    final = text(
        Message("user", "A name?"), ADA, PRESENT, fenced, output=OutputFormat("json_schema", PERSON)
    )

    assert final == '{"name":"Ada","n":36}'


def test_a_presentation_without_instruction_is_composed_from_the_candidates() -> None:
    final = text(Message("user", "Why?"), ADA, PRESENT, CANDIDATES)

    assert "I see it otherwise." in final
    assert "PONG-1" in final


@pytest.mark.requirement("provider-sim:deterministic")
@given(st.text(max_size=60), st.text(min_size=1, max_size=20), st.integers(0, 9))
def test_the_same_request_gets_the_same_answer(question: str, persona: str, seed: int) -> None:
    messages = (Message("user", question), Message("developer", persona))
    sampling = Sampling(seed=seed)

    assert reply(*messages, sampling=sampling) == reply(*messages, sampling=sampling)


@pytest.mark.requirement("provider-sim:deterministic")
def test_personas_and_seeds_give_different_answers() -> None:
    question = Message("user", "How do glaciers carve valleys?")
    personas = {text(question, Message("developer", f"You are {n}.")) for n in "ABCDEF"}
    seeds = {text(question, ADA, sampling=Sampling(seed=n)) for n in range(6)}

    assert len(personas) == 6
    assert len(seeds) == 6


def test_limits_cut_the_answer() -> None:
    short = reply(Message("user", "Why so?"), sampling=Sampling(max_tokens=3))
    stopped = text(Message("user", ASK), sampling=Sampling(stop=("NG",)))
    filtered = reply(Message("user", "Why so?"), script=Script(content_filter=True))

    assert (len(short.text), short.finish) == (3, "length")
    assert stopped == "PO"
    assert filtered.finish == "content_filter"


def test_a_reasoning_model_thinks_first_within_its_limit() -> None:
    prompt = Prompt("sim-reason", (Message("user", ASK),))
    limited = Prompt("sim-reason", (Message("user", ASK),), sampling=Sampling(max_tokens=5))

    answer = reply_to(prompt, read_scene(prompt), Script())
    cut = reply_to(limited, read_scene(limited), Script())

    assert "".join(answer.text) == "PONG-1"
    assert answer.reasoning
    assert (len(cut.reasoning), cut.text, cut.finish) == (5, (), "length")


def test_scripts_change_the_answer() -> None:
    ballot = (Message("user", ASK), ADA, CANDIDATES)
    form = OutputFormat("json_schema", BALLOT)

    assert text(Message("user", "x"), script=Script(text="as told")) == "as told"
    assert text(Message("user", "x"), script=Script(empty=True)) == ""
    assert len(reply(Message("user", "x"), script=Script(tokens=77)).text) == 77
    with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
        json.loads(text(*ballot, output=form, script=Script(garbage_ballot=True)))
    empty = json.loads(text(*ballot, output=form, script=Script(empty_ballot=True)))
    assert empty == {"ranking": [], "approve": []}


def test_the_kind_of_a_request_is_what_it_asks_for() -> None:
    cases = {
        "answer": prompt_of(Message("user", ERRAND)),
        "tool": prompt_of(Message("user", ERRAND), tools=(WEATHER,)),
        "ballot": prompt_of(
            Message("user", ASK), CANDIDATES, output=OutputFormat("json_schema", BALLOT)
        ),
        "present": prompt_of(Message("user", ASK), PRESENT, CANDIDATES),
    }

    assert {kind: kind_of(p, read_scene(p)) for kind, p in cases.items()} == {k: k for k in cases}
