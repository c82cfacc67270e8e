from enum import Enum
from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, Field, HttpUrl, SecretStr, TypeAdapter

from catalogue.document import read_document
from catalogue.documentation import configuration_reference, describe, table
from catalogue.record_fields import Record
from catalogue.record_types import record_in
from catalogue.records import ConfigurationRecord


class Colour(Enum):
    RED = "red"


class Sample(BaseModel):
    wait_s: float = Field(default=1.5, gt=0, le=9, description="How long.")
    size_bytes: int | None = Field(default=None, examples=[1024])
    names: list[str] = Field(default=["a"], max_length=1)
    kind: Literal["x", "y"] = "x"
    secret: SecretStr = SecretStr("hidden")
    path: Annotated[Path, "mark"] = Path("here")
    url: HttpUrl
    colour: Colour = Colour.RED
    many: dict[str, int] = Field(default_factory=dict[str, int])
    flag: bool = False
    label: str = Field(min_length=1, max_length=5)


def all_records() -> list[type[Record]]:
    found: list[type[Record]] = [ConfigurationRecord]
    for record in found:
        inner = (record_in(field.annotation) for field in record.model_fields.values())
        found += [kind for kind in inner if kind is not None and kind not in found]
    return found


def sample(name: str) -> tuple[str, str, str, str, str]:
    (row,) = (row for row in describe(Sample) if row.name == name)
    return row.type, row.default, row.unit, row.bounds, row.example


@pytest.mark.requirement("catalogue:documented")
@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("wait_s", ("number", "1.5", "s", "> 0, ≤ 9", "1.5")),
        ("size_bytes", ("whole number", "none", "bytes", "", "1024")),
        ("names", ("list of text", "[a]", "", "at most 1 entry", "[a]")),
        ("kind", ("`x`, `y`", "x", "", "", "x")),
        ("secret", ("text, secret", "(set)", "", "", "(set)")),
        ("path", ("path", "here", "", "", "here")),
        ("url", ("URL", "required", "", "", "")),
        ("colour", ("`red`", "red", "", "", "red")),
        ("many", ("mapping of name to whole number", "made at start", "", "", "")),
        ("flag", ("true or false", "false", "", "", "false")),
        (
            "label",
            ("text", "required", "", "at least 1 character, at most 5 characters", ""),
        ),
    ],
)
def test_a_field_is_described_by_type_default_unit_range_and_example(
    name: str, row: tuple[str, str, str, str, str]
) -> None:
    assert sample(name) == row


@pytest.mark.requirement("catalogue:documented")
@pytest.mark.parametrize("record", all_records())
def test_every_field_of_every_record_has_a_meaning_and_an_example(record: type[Record]) -> None:
    without = [row.name for row in describe(record) if not (row.description and row.example)]

    assert without == []


@pytest.mark.requirement("catalogue:documented")
@pytest.mark.parametrize("record", all_records())
def test_every_example_is_a_value_its_field_accepts(record: type[Record]) -> None:
    for row in describe(record):
        adapter: TypeAdapter[object] = TypeAdapter(
            record.model_fields[row.name].rebuild_annotation()
        )

        adapter.validate_python(read_document(row.example.encode(), "example").value)


@pytest.mark.requirement("catalogue:documented")
def test_the_reference_has_one_section_per_record_and_links_that_lead_there() -> None:
    text = configuration_reference()

    headings = [line[4:] for line in text.splitlines() if line.startswith("### ")]
    assert len(headings) == len(all_records())
    anchors = {heading.lower().replace(" ", "-") for heading in headings}
    linked = {part.split(")")[0] for part in text.split("](#")[1:]}
    assert linked <= anchors


@pytest.mark.requirement("catalogue:documented")
@pytest.mark.parametrize("record", all_records())
def test_every_default_that_is_shown_is_the_default_when_it_is_written(
    record: type[Record],
) -> None:
    for row in describe(record):
        default: object = record.model_fields[row.name].default
        if row.type.startswith("list") and row.default.startswith("["):
            assert read_document(row.default.encode(), "default").value == default


def test_a_bar_within_a_cell_does_not_end_it() -> None:
    assert table(["a"], [["x | y\nz"]]).splitlines()[-1] == "| x \\| y z |"
