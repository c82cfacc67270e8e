"""Content parts: what is read of each, and what is refused."""

import pytest

from api_gateway.dialects.responses.content import PART_TYPES, InputAudio, InputPart, to_parts
from wire.conversation import AudioPart, FilePart, ImagePart, RefusalPart, TextPart
from wire.errors import InvalidRequestError

COMPLETE = {
    "input_text": (InputPart("input_text", text="a"), TextPart("a")),
    "output_text": (InputPart("output_text", text="a"), TextPart("a")),
    "refusal": (InputPart("refusal", refusal="no"), RefusalPart("no")),
    "input_image": (
        InputPart("input_image", image_url="https://x/a.png"),
        ImagePart("https://x/a.png"),
    ),
    "input_file": (InputPart("input_file", file_data="AA"), FilePart(file_data="AA")),
    "input_audio": (
        InputPart("input_audio", input_audio=InputAudio("AA", "mp3")),
        AudioPart("AA", "mp3"),
    ),
}


@pytest.mark.parametrize("kind", PART_TYPES)
@pytest.mark.requirement("responses:items:survive")
def test_each_kind_of_part_is_read(kind: str) -> None:
    part, expected = COMPLETE[kind]

    assert to_parts([part], "input[0].content") == (expected,)


@pytest.mark.parametrize("kind", PART_TYPES)
@pytest.mark.requirement("responses:errors:items")
def test_a_part_without_its_content_is_refused_by_its_path(kind: str) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        to_parts([COMPLETE[kind][0], InputPart(kind)], "input[0].content")

    assert (refused.value.param or "").startswith("input[0].content[1].")
    assert refused.value.code == "missing_required_parameter"


def test_a_string_is_one_text() -> None:
    assert to_parts("", "input[0].content") == (TextPart(""),)


@pytest.mark.requirement("responses:leniency")
@pytest.mark.parametrize("kind", ["text", "summary_text", "reasoning_text"])
def test_what_clients_make_of_a_replayed_text_is_text(kind: str) -> None:
    assert to_parts([InputPart(kind, text="a")], "x") == (TextPart("a"),)
