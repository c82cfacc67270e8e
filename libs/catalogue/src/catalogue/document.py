"""A YAML file as plain values that remember where they stand.

Values follow YAML 1.2's core schema, not PyYAML's 1.1: `off`, `no` and `12:30` are text, so that
`tools: off` and a model called `a:1` mean what they say. Mapping keys are always text as written.

The pure Python loader is used on purpose: libyaml's composer overflows the C stack on a deeply
nested file, where this one raises RecursionError.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import yaml

from catalogue.problems import ConfigurationError, Problem

Value = None | bool | int | float | str | list["Value"] | dict[str, "Value"]
Location = tuple[str | int, ...]

MAX_FILE_BYTES = 1024 * 1024
# Counted after aliases are followed, which is what makes an alias bomb a bomb.
MAX_NODES = 100_000
MAX_DEPTH = 32

_TAG = "tag:yaml.org,2002:"
_INTEGER = re.compile(r"[-+]?[0-9][0-9_]*|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(
    r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
    r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
)
_BOOLEAN = re.compile(r"true|True|TRUE|false|False|FALSE")
_NULL = re.compile(r"~|null|Null|NULL|")


@dataclass(frozen=True, slots=True, order=True)
class Position:
    line: int
    column: int


_TOP = Position(1, 1)


@dataclass(slots=True)
class Document:
    """`keys` and `values`: where the key and the value of each location stand."""

    file: str
    value: Value = None
    keys: dict[Location, Position] = field(default_factory=dict[Location, Position])
    values: dict[Location, Position] = field(default_factory=dict[Location, Position])
    problems: list[Problem] = field(default_factory=list[Problem])

    def problem(
        self, location: Location, message: str, fix: str, *, at: Position | None = None
    ) -> Problem:
        """A finding at `location`, or at the nearest thing around it that the file holds."""
        place = at or self._position(location)
        return Problem(self.file, place.line, place.column, dotted(location), message, fix)

    def key_problem(self, location: Location, message: str, fix: str) -> Problem:
        """A finding about the key itself rather than about its value."""
        return self.problem(location, message, fix, at=self.keys.get(location))

    def names(self, section: str) -> tuple[str, ...]:
        """The keys of a top-level section, also of entries that are otherwise wrong."""
        entries = self.value.get(section) if isinstance(self.value, dict) else None
        return tuple(entries) if isinstance(entries, dict) else ()

    def _position(self, location: Location) -> Position:
        for length in range(len(location), -1, -1):
            prefix = location[:length]
            known = self.values if length == len(location) else self.keys
            if found := known.get(prefix) or self.values.get(prefix):
                return found
        return _TOP


def dotted(location: Location) -> str:
    """`("panels", "council", "agents", 1)` as `panels.council.agents[1]`."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return "".join(parts).removeprefix(".")


def read_document(data: bytes, file: str) -> Document:
    """Read YAML with the safe loader; findings that do not end the reading are in `problems`.

    Raises:
        ConfigurationError: too large, not UTF-8, not YAML, more than one document, nested or
            expanding without measure.
    """
    document = Document(file)
    node = _compose(_text(data, document), document)
    if node is not None:
        _Builder(document).build(node)
    return document


class _CoreLoader(yaml.SafeLoader):
    yaml_implicit_resolvers = {}  # noqa: RUF012  the base class declares it


for _name, _pattern, _first in (
    ("null", _NULL, ["~", "n", "N", ""]),
    ("bool", _BOOLEAN, list("tTfF")),
    ("int", _INTEGER, list("-+0123456789")),
    ("float", _FLOAT, list("-+.0123456789")),
):
    _CoreLoader.add_implicit_resolver(  # pyright: ignore[reportUnknownMemberType]  stub
        _TAG + _name, re.compile(rf"(?:{_pattern.pattern})\Z"), _first
    )


def _text(data: bytes, document: Document) -> str:
    if len(data) > MAX_FILE_BYTES:
        raise _refused(
            document,
            Position(0, 0),
            f"is larger than {MAX_FILE_BYTES // 1024} KiB",
            "split the installation, or remove what is not configuration",
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line = before.count(b"\n") + 1
        column = error.start - (before.rfind(b"\n") + 1) + 1
        raise _refused(
            document, Position(line, column), "is not UTF-8 text", "save the file as UTF-8"
        ) from None


def _compose(text: str, document: Document) -> yaml.Node | None:
    try:
        return _CoreLoader(text).get_single_node()
    except yaml.reader.ReaderError as error:
        raise _refused(
            document,
            _position_of_index(text, error.position),
            f"holds the character #x{int(error.character):04x}, which YAML does not allow",
            "remove it",
        ) from None
    except yaml.MarkedYAMLError as error:
        place = _position_of_mark(error.problem_mark) if error.problem_mark else _TOP
        said = ", ".join(part for part in (error.context, error.problem) if part)
        raise _refused(
            document, place, f"is not valid YAML: {said}", "correct the syntax at this place"
        ) from None
    except RecursionError:
        raise _too_deep(document, _TOP) from None
    # PyYAML lets these out: chr() of an escape beyond Unicode, int() of a %YAML directive.
    except (ValueError, OverflowError) as error:
        raise _refused(
            document, _TOP, f"is not valid YAML: {error}", "correct the escape or directive"
        ) from None


class _Builder:
    """Turns nodes into values, follows aliases, and counts what that costs."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._nodes = 0

    def build(self, root: yaml.Node) -> None:
        self._document.value = self._value(root, ())

    def _value(self, node: yaml.Node, location: Location) -> Value:
        self._count(node, location)
        place = _position_of_mark(node.start_mark)
        self._document.values[location] = place
        match node:
            case yaml.MappingNode(tag=tag) if tag == _TAG + "map":
                return dict(self._entries(node, location))
            case yaml.SequenceNode(tag=tag) if tag == _TAG + "seq":
                return [
                    self._value(item, (*location, index)) for index, item in enumerate(node.value)
                ]
            case yaml.ScalarNode():
                return self._scalar(node, location)
            case _:
                self._refuse_tag(node, location)
                return None

    def _count(self, node: yaml.Node, location: Location) -> None:
        self._nodes += 1
        place = _position_of_mark(node.start_mark)
        if len(location) > MAX_DEPTH:
            raise _too_deep(self._document, place)
        if self._nodes > MAX_NODES:
            raise _refused(
                self._document,
                place,
                f"holds more than {MAX_NODES} values once its aliases are followed",
                "remove aliases that multiply each other",
            )

    def _entries(self, node: yaml.MappingNode, location: Location) -> Iterator[tuple[str, Value]]:
        seen: dict[str, Position] = {}
        for key_node, value_node in node.value:
            place = _position_of_mark(key_node.start_mark)
            if not isinstance(key_node, yaml.ScalarNode):
                self._add(location, "a key is a list or a mapping", "write plain text", place)
                continue
            key: str = key_node.value
            inside = (*location, key)
            if key in seen:
                first = f"the first is in line {seen[key].line}"
                self._add(inside, f"the key {key!r} stands twice; {first}", "keep one", place)
                continue
            seen[key] = self._document.keys[inside] = place
            yield key, self._value(value_node, inside)

    def _scalar(self, node: yaml.ScalarNode, location: Location) -> Value:
        text: str = node.value
        try:
            return _scalar_value(str(node.tag).removeprefix(_TAG), text)
        except KeyError:
            self._refuse_tag(node, location)
        except ValueError:
            place = _position_of_mark(node.start_mark)
            self._add(location, "is not a value of its kind", "write a shorter number", place)
        return None

    def _refuse_tag(self, node: yaml.Node, location: Location) -> None:
        place = _position_of_mark(node.start_mark)
        self._add(location, f"has the tag {node.tag!r}, which is not allowed", "remove it", place)

    def _add(self, location: Location, message: str, fix: str, place: Position) -> None:
        self._document.problems.append(self._document.problem(location, message, fix, at=place))


def _scalar_value(kind: str, text: str) -> Value:
    """Raises KeyError for a tag outside the core schema, ValueError for a text that is not one."""
    match kind:
        case "str":
            return text
        case "null":
            return None
        case "bool" if _BOOLEAN.fullmatch(text):
            return text.lower() == "true"
        case "int" if _INTEGER.fullmatch(text):
            return _integer(text)
        case "float" if _FLOAT.fullmatch(text):
            return _float(text)
        case "bool" | "int" | "float":
            raise ValueError(text)
        case _:
            raise KeyError(kind)


def _integer(text: str) -> int:
    base = 0 if text[:2] in {"0o", "0x"} else 10
    return int(text, base)


def _float(text: str) -> float:
    match text.lstrip("+-").lower():
        case ".inf":
            return -math.inf if text.startswith("-") else math.inf
        case ".nan":
            return math.nan
        case _:
            return float(text)


def _position_of_mark(mark: yaml.Mark) -> Position:
    return Position(mark.line + 1, mark.column + 1)


def _position_of_index(text: str, index: int) -> Position:
    before = text[:index]
    return Position(before.count("\n") + 1, index - (before.rfind("\n") + 1) + 1)


def _too_deep(document: Document, place: Position) -> ConfigurationError:
    return _refused(document, place, "is nested too deeply", f"stay within {MAX_DEPTH} levels")


def _refused(document: Document, place: Position, message: str, fix: str) -> ConfigurationError:
    return ConfigurationError([document.problem((), message, fix, at=place)])
