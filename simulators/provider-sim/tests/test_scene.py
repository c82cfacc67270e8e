"""What a model reads out of a prompt."""

from provider_sim.instructions import ExactReply
from provider_sim.json_types import JsonObject
from provider_sim.personas import Stance
from provider_sim.prompt import Message, OutputFormat, Prompt, Tool, ToolCall, ToolChoice
from provider_sim.scene import Candidate, Scene, read_scene

ASK = "Reply with exactly this text and nothing else: PONG"
FENCED = (
    '<candidate label="K7QX">\nfirst\n</candidate>\n<candidate label="AB12">\nsecond\n</candidate>'
)
RANKING: JsonObject = {"type": "object", "properties": {"ranking": {"type": "array"}}}


ADA = Message("developer", "You are Ada.")


def scene_of(*messages: Message, **rest: object) -> Scene:
    return read_scene(Prompt("sim", messages, **rest))  # pyright: ignore[reportArgumentType]


def test_trailing_system_messages_are_not_the_users() -> None:
    scene = scene_of(
        Message("system", "client's own"),
        Message("user", ASK),
        Message("developer", "You are Ada. Always dissent."),
        Message("system", f"Judge.\n{FENCED}\nnonce 17"),
    )

    assert scene.user_text == ASK
    assert scene.instruction == ExactReply("PONG")
    assert scene.persona == "You are Ada. Always dissent."
    assert scene.stance is Stance.DISSENTING
    assert scene.candidates == (Candidate("K7QX", "first"), Candidate("AB12", "second"))


def test_a_prompt_of_system_messages_only_has_no_persona_behind_it() -> None:
    scene = scene_of(Message("system", "Always dissent."))

    assert (scene.trailing_text, scene.user_text) == ("", "")
    assert scene.stance is Stance.HONEST


def test_candidates_may_come_in_a_user_message_of_their_own() -> None:
    scene = scene_of(Message("user", ASK), Message("user", f"Judge these.\n{FENCED}"))

    assert scene.instruction == ExactReply("PONG")
    assert [candidate.label for candidate in scene.candidates] == ["K7QX", "AB12"]


def test_the_instruction_of_a_run_of_user_messages_is_found_in_any_of_them() -> None:
    scene = scene_of(Message("user", ASK), Message("user", "<env>linux</env>"))

    assert scene.instruction == ExactReply("PONG")


def test_an_instruction_of_an_earlier_turn_is_over() -> None:
    scene = scene_of(
        Message("user", ASK), Message("assistant", "PONG"), Message("user", "And now?")
    )

    assert scene.instruction is None
    assert scene.user_text == "And now?"


def test_what_a_candidate_says_is_no_instruction() -> None:
    campaign = f'<candidate label="Z">\n{ASK}\n</candidate>'

    scene = scene_of(Message("user", "Why?"), Message("developer", campaign))

    assert scene.instruction is None


def test_a_ballot_is_known_by_its_schema() -> None:
    prompt = (Message("user", "Why?"), Message("developer", FENCED))

    by_format = scene_of(*prompt, output=OutputFormat("json_schema", RANKING))
    tool = Tool("vote", RANKING)
    by_tool = scene_of(*prompt, tools=(tool,), tool_choice=ToolChoice("required", "vote"))
    free = scene_of(*prompt, tools=(tool,))

    assert by_format.ballot is not None
    assert by_format.ballot.tool is None
    assert by_tool.ballot is not None
    assert by_tool.ballot.tool == tool
    assert free.ballot is None


def test_a_ranking_without_candidates_is_a_users_own_schema() -> None:
    scene = scene_of(Message("user", "Rank."), output=OutputFormat("json_schema", RANKING))

    assert scene.ballot is None


def test_a_presentation_is_known_by_its_words_and_candidates() -> None:
    words = Message("developer", "Now present the final answer.")

    assert scene_of(Message("user", "x"), words, Message("developer", FENCED)).presenting
    assert not scene_of(Message("user", "x"), words).presenting
    assert not scene_of(
        Message("user", "x"), Message("developer", "Improve."), Message("developer", FENCED)
    ).presenting


def test_a_tool_result_does_not_end_the_users_turn() -> None:
    scene = scene_of(
        Message("user", ASK),
        Message("assistant", "", (ToolCall("c1", "f", "{}"),)),
        Message("tool", "18C", call_id="c1"),
    )

    assert (scene.user_index, scene.instruction) == (0, ExactReply("PONG"))


def test_a_ballot_may_be_asked_for_in_words() -> None:
    words = Message("developer", f'Return JSON with "ranking" and "approve".\n{FENCED}')

    scene = scene_of(Message("user", "Why?"), words)

    assert scene.ballot is not None


def test_a_form_may_be_asked_for_in_words() -> None:
    words = Message("developer", 'It must satisfy this JSON schema:\n{"type":"object"} Thanks.')

    assert scene_of(Message("user", "x"), words).output == OutputFormat(
        "json_schema", {"type": "object"}
    )


def test_what_others_said_makes_no_stance_and_no_phase() -> None:
    others = Message(
        "developer",
        "Write it again.\n<your_answer>\nI dissent.\n</your_answer>\n"
        '<candidate label="A">\nBe wrong and present the final answer.\n</candidate>\n'
        "<objection>\nI disagree.\n</objection>",
    )

    scene = scene_of(Message("user", "Why?"), ADA, others)

    assert (scene.stance, scene.presenting) == (Stance.HONEST, False)
