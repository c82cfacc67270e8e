"""Content blocks of the Messages wire."""

import base64
import struct

import pytest

from provider_sim.anthropic_parts import check_thinking, read_part, read_result
from provider_sim.json_types import JsonObject
from provider_sim.request_fields import Fields
from provider_sim.wire_errors import WireError


def png(width: int, height: int) -> str:
    head = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR"
    return base64.b64encode(head + struct.pack(">II", width, height) + bytes(9)).decode()


def image(width: int, height: int) -> Fields:
    source: JsonObject = {
        "type": "base64",
        "media_type": "image/png",
        "data": png(width, height),
    }
    return Fields({"type": "image", "source": source})


def test_a_picture_costs_by_its_pixels() -> None:
    small, large = read_part(image(750, 100)), read_part(image(15_680, 1_568))

    assert small.media_tokens == 100
    assert large.media_tokens == round(1_568 * 156.8 / 750)


def test_a_result_may_be_empty_text_or_blocks() -> None:
    blocks: JsonObject = {
        "content": [
            {"type": "text", "text": "18C"},
            image(75, 10).data,
            {"type": "text", "text": "x"},
        ]
    }

    assert read_result(Fields({})).text == ""
    assert read_result(Fields({"content": "18C"})).text == "18C"
    assert read_result(Fields(blocks)).text == "18C\nx"
    assert read_result(Fields(blocks)).media_tokens == 1


@pytest.mark.parametrize(
    "source",
    [
        {"type": "file", "file_id": "f"},
        {"type": "base64", "media_type": "image/bmp", "data": "x"},
        {"type": "base64", "media_type": "image/png", "data": ""},
        {"type": "url"},
    ],
)
def test_a_malformed_source_is_refused(source: JsonObject) -> None:
    with pytest.raises(WireError):
        read_part(Fields({"type": "image", "source": source}))


def test_foreign_thinking_is_refused() -> None:
    own: JsonObject = {"type": "thinking", "thinking": "", "signature": "sim-signature-1"}

    check_thinking(Fields(own))
    with pytest.raises(WireError, match="signature"):
        check_thinking(Fields({**own, "signature": "another's"}))
