"""Types without raw fields."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
import pytest

from api_gateway.routes.openapi_types import describable


class Inner(msgspec.Struct, tag_field="type", tag="inner"):
    raw: msgspec.Raw = msgspec.Raw()


class Outer(msgspec.Struct):
    required: msgspec.Raw
    inner: Inner | None = None
    several: list[Inner | str] = []
    kind: Literal["a", "b"] = "a"


@pytest.mark.parametrize("annotation", [int, str | None, list[int], dict[str, Any], Literal["a"]])
def test_types_without_structs_stay_as_they_are(annotation: object) -> None:
    assert describable(annotation) == annotation


def test_a_struct_with_raw_fields_can_be_described() -> None:
    schema = msgspec.json.schema(describable(Outer))

    outer = schema["$defs"]["Outer"]
    assert outer["required"] == ["required"]
    assert outer["properties"]["required"] == {}
    assert outer["properties"]["kind"]["enum"] == ["a", "b"]
    inner = schema["$defs"]["Inner"]
    assert inner["properties"]["type"]["enum"] == ["inner"]
    assert inner["properties"]["raw"] == {"default": None}


def test_the_same_struct_is_made_once() -> None:
    assert describable(Inner) is describable(Inner)
