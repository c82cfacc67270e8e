"""The reference of the configuration, from the records themselves: docs/configuration.md.

`describe` takes any pydantic model, so that settings are documented the same way.
"""

import inspect
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import PurePath
from types import NoneType, UnionType
from typing import Annotated, Literal, Union, cast, get_args, get_origin

from pydantic import BaseModel, SecretBytes, SecretStr
from pydantic.fields import FieldInfo

from catalogue.record_fields import Record
from catalogue.record_types import record_in
from catalogue.records import ConfigurationRecord

# Longest first: `_usd_per_mtok` is not `_mtok`.
_UNITS = {
    "_usd_per_mtok": "USD per million tokens",
    "_tokens": "tokens",
    "_bytes": "bytes",
    "_usd": "USD",
    "_ms": "ms",
    "_px": "px",
    "_s": "s",
}
_PLAIN = re.compile(r"[A-Za-z0-9_./]([^,:#\[\]{}]*[^,:#\[\]{} ])?")
_WORDS: dict[object, str] = {
    str: "text",
    SecretStr: "text, secret",
    SecretBytes: "text, secret",
    int: "whole number",
    float: "number",
    bool: "true or false",
}
_TITLES = {
    "ConfigurationRecord": "The file",
    "ProviderRecord": "Providers",
    "DiscoveryRecord": "Discovery",
    "SecretRecord": "Secrets",
    "ModelRecord": "Models",
    "CapabilitiesRecord": "Capabilities",
    "PricesRecord": "Prices",
    "SpeedRecord": "Speed",
    "CompactionRecord": "Compaction",
    "PanelRecord": "Panels",
    "AgentRecord": "Agents",
    "LimitsRecord": "Limits",
    "RoutingRecord": "Routing",
    "AuxiliaryRecord": "Small requests",
    "MatchRecord": "Match",
    "MassGenRecord": "MassGen",
}


@dataclass(frozen=True, slots=True)
class FieldDocumentation:
    """One row. `unit` and `bounds` are empty where there are none, `example` may be."""

    name: str
    type: str
    default: str
    unit: str
    bounds: str
    description: str
    example: str


def configuration_reference() -> str:
    """Markdown: one section per record of `conclave.yaml`, each after the one that holds it."""
    return "\n\n".join(_section(record) for record in _records())


def describe(model: type[BaseModel]) -> list[FieldDocumentation]:
    """The fields of a model in their order."""
    return [_row(name, field) for name, field in model.model_fields.items()]


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; `|` within a cell is escaped."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(_cell(cell) for cell in line)} |" for line in lines)


def code(text: str) -> str:
    """`text` as inline code, nothing for nothing."""
    return f"`{text}`" if text else ""


def _section(record: type[Record]) -> str:
    rows = [
        (code(f.name), f.type, _default_cell(f), f.unit, f.bounds, f.description, code(f.example))
        for f in describe(record)
    ]
    header = ("key", "type", "default", "unit", "range", "meaning", "example")
    about = inspect.cleandoc(record.__doc__ or "")
    return f"### {_TITLES[record.__name__]}\n{about}\n\n{table(header, rows)}"


def _default_cell(field: FieldDocumentation) -> str:
    return field.default if field.default in {"required", "none"} else code(field.default)


def _records() -> list[type[Record]]:
    found: list[type[Record]] = []

    def visit(record: type[Record]) -> None:
        if record not in found:
            found.append(record)
            for field in record.model_fields.values():
                if inner := record_in(field.annotation):
                    visit(inner)

    visit(ConfigurationRecord)
    return found


def _row(name: str, field: FieldInfo) -> FieldDocumentation:
    return FieldDocumentation(
        name=name,
        type=_type_words(field.annotation),
        default=_default(field),
        unit=_unit(name, field),
        bounds=_bounds(field),
        description=field.description or "",
        example=_example(field),
    )


def _unit(name: str, field: FieldInfo) -> str:
    if "number" not in _type_words(field.annotation):
        return ""
    return next((unit for suffix, unit in _UNITS.items() if name.endswith(suffix)), "")


def _example(field: FieldInfo) -> str:
    """The one that was given, else the default where that shows what a value looks like."""
    if field.examples:
        return _yaml(field.examples[0])
    shown = _default(field)
    return "" if shown in {"required", "none", "made at start", "{}", "[]"} else shown


def _type_words(annotation: object) -> str:
    arguments = get_args(annotation)
    match get_origin(annotation):
        case origin if origin is Annotated:
            return _type_words(arguments[0])
        case origin if origin is Union or origin is UnionType:
            return " or ".join(_type_words(part) for part in arguments if part is not NoneType)
        case origin if origin is Literal:
            return ", ".join(code(str(choice)) for choice in arguments)
        case origin if origin in {list, tuple, set, frozenset}:
            return f"list of {_plural(_type_words(arguments[0]))}"
        case origin if origin is dict:
            return f"mapping of name to {_type_words(arguments[1])}"
        case _:
            return _plain_type(annotation)


def _plain_type(kind: object) -> str:
    if kind in _WORDS:
        return _WORDS[kind]
    if not isinstance(kind, type):
        return str(kind)
    if issubclass(kind, Record):
        title = _TITLES[kind.__name__]
        return f"[{title.lower()}](#{title.lower().replace(' ', '-')})"
    if issubclass(kind, PurePath):
        return "path"
    if issubclass(kind, Enum):
        return ", ".join(code(str(member.value)) for member in kind)
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", kind.__name__)
    return "URL" if words.lower().endswith("url") else words.lower()


def _plural(words: str) -> str:
    return words if words == "text" or words.startswith(("`", "[")) else f"{words}s"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    if field.default_factory is not None:
        return "made at start"
    match cast("object", field.default):
        case None:
            return "none"
        case BaseModel():
            return "{}"
        case value:
            return _yaml(value)


def _yaml(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case Enum():
            return str(cast("object", value.value))
        case float():
            return f"{value:.15g}"
        case list() | tuple():
            return f"[{', '.join(_yaml_item(part) for part in cast('Sequence[object]', value))}]"
        case SecretStr() | SecretBytes():
            return "(set)"
        case _:
            return str(value)


def _yaml_item(value: object) -> str:
    """Quoted where a list in brackets would read something else."""
    text = _yaml(value)
    if not isinstance(value, str) or _PLAIN.fullmatch(text):
        return text
    return "'" + text.replace("'", "''") + "'"


def _bounds(field: FieldInfo) -> str:
    """From annotated-types' markers, which pydantic keeps as `metadata`."""
    signs = (("gt", "> "), ("ge", "≥ "), ("lt", "< "), ("le", "≤ "))
    lengths = (("min_length", "at least "), ("max_length", "at most "))
    numbers = [
        f"{sign}{_yaml(bound)}" for attribute, sign in signs for bound in _markers(field, attribute)
    ]
    noun = ("character", "characters") if _is_text(field) else ("entry", "entries")
    sizes = [
        f"{words}{bound} {noun[bound != 1]}"
        for attribute, words in lengths
        for bound in _markers(field, attribute)
    ]
    return ", ".join(numbers + sizes)


def _is_text(field: FieldInfo) -> bool:
    return _type_words(field.annotation).startswith("text")


def _markers(field: FieldInfo, attribute: str) -> list[object]:
    found = (getattr(marker, attribute, None) for marker in cast("list[object]", field.metadata))
    return [bound for bound in found if bound is not None]


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
