"""What both wires share."""

import base64
import struct

import pytest

from provider_sim.json_types import Json, JsonObject
from provider_sim.openai_tools import check_strict_schema, image_tokens, read_tool_choice
from provider_sim.prompt import Tool, ToolChoice
from provider_sim.request_fields import Fields
from provider_sim.wire_errors import WireError

CLOSED: JsonObject = {
    "type": "object",
    "properties": {"a": {"type": "string"}},
    "required": ["a"],
    "additionalProperties": False,
}


def data_url(raw: bytes) -> str:
    return "data:image/x;base64," + base64.b64encode(raw).decode()


def png(width: int, height: int, padding: int = 0) -> str:
    header = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR"
    return data_url(header + struct.pack(">II", width, height) + bytes(padding))


def jpeg(width: int, height: int) -> str:
    app0 = b"\xff\xe0" + struct.pack(">H", 16) + bytes(14)
    frame = b"\xff\xc0" + struct.pack(">HBHH", 17, 8, height, width) + bytes(10)
    return data_url(b"\xff\xd8" + app0 + frame)


@pytest.mark.parametrize(
    ("url", "detail", "tokens"),
    [
        (png(4000, 4000), "low", 85),
        (png(512, 512), "high", 85 + 170),
        (png(1024, 1024), "auto", 85 + 170 * 4),
        (png(4096, 1024), "high", 85 + 170 * 4),
        (jpeg(513, 512), "high", 85 + 170 * 2),
        (data_url(b"GIF89a" + struct.pack("<HH", 10, 10)), "high", 85 + 170),
        ("https://example.com/a.png", "auto", 85 + 170 * 4),
        ("data:image/png;base64,!!!", "auto", 85 + 170 * 4),
        (data_url(b"\x89PNG\r\n\x1a\n"), "auto", 85 + 170 * 4),
    ],
)
def test_pictures_cost_by_size_and_detail(url: str, detail: str, tokens: int) -> None:
    assert image_tokens(url, detail) == tokens


def test_a_heavier_picture_of_the_same_size_costs_the_same() -> None:
    assert image_tokens(png(512, 512, 10**6), "high") == image_tokens(png(512, 512), "high")


@pytest.mark.requirement("provider-sim:strict")
@pytest.mark.parametrize(
    "change",
    [
        {"additionalProperties": True},
        {"additionalProperties": None},
        {"required": []},
        {"type": "array"},
        {"properties": {"a": {"type": "object"}}},
        {"properties": {"a": {"anyOf": [{"type": "object"}]}}},
        {"$defs": {"x": {"type": "object"}}},
    ],
)
def test_a_strict_schema_is_closed_all_the_way_down(change: JsonObject) -> None:
    check_strict_schema(CLOSED, "p", "c")

    with pytest.raises(WireError):
        check_strict_schema({**CLOSED, **change}, "p", "c")


def test_tool_choices_of_both_wires_mean_the_same() -> None:
    tools = (Tool("f"),)
    nested: JsonObject = {"type": "function", "function": {"name": "f"}}
    allowed: JsonObject = {
        "type": "allowed_tools",
        "allowed_tools": {"mode": "required", "tools": [nested]},
    }
    flat_allowed: JsonObject = {
        "type": "allowed_tools",
        "mode": "required",
        "tools": [{"type": "function", "name": "f"}],
    }

    def read(value: Json, *, is_nested: bool) -> ToolChoice:
        return read_tool_choice(Fields({"tool_choice": value}), tools, nested=is_nested)

    assert read(nested, is_nested=True) == ToolChoice("required", "f")
    assert read({"type": "function", "name": "f"}, is_nested=False) == ToolChoice("required", "f")
    assert read(allowed, is_nested=True) == ToolChoice("required", allowed=("f",))
    assert read(flat_allowed, is_nested=False) == ToolChoice("required", allowed=("f",))
    assert read("none", is_nested=True) == ToolChoice("none")
