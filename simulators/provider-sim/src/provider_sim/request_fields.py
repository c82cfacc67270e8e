"""Reads a request body as strictly as a vendor does: each refusal names its parameter."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from provider_sim.json_types import Json, JsonObject, loads
from provider_sim.wire_errors import WireError, missing, wrong_type, wrong_value

if TYPE_CHECKING:
    from collections.abc import Iterator

_NAME = re.compile(r"^[A-Za-z0-9_.-]+$")


def parse_body(raw: bytes) -> Fields:
    """The body's fields.

    Raises:
        WireError: the body is not a JSON object.
    """
    try:
        data = loads(raw)
    except ValueError as error:
        raise WireError(
            "We could not parse the JSON body of your request. (HINT: This likely means you "
            "aren't using your HTTP library correctly.)"
        ) from error
    if not isinstance(data, dict):
        raise WireError("The JSON body of your request must be an object.")
    return Fields(data)


class Fields:
    """The keys of one object of the body. An explicit null counts as absent."""

    def __init__(self, data: JsonObject, path: str = "") -> None:
        self.data = data
        self.path = path

    def at(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path else key

    def raw(self, key: str) -> Json:
        return self.data.get(key)

    def has(self, key: str) -> bool:
        return self.data.get(key) is not None

    def need(self, key: str) -> Json:
        if not self.has(key):
            raise missing(self.at(key))
        return self.data[key]

    def text(self, key: str) -> str:
        value = self.need(key)
        if not isinstance(value, str):
            raise wrong_type(self.at(key), "a string", value)
        return value

    def name(self, key: str, longest: int) -> str:
        value = self.text(key)
        if len(value) > longest:
            raise WireError(
                f"Invalid '{self.at(key)}': string too long.",
                param=self.at(key),
                code="string_above_max_length",
            )
        if not _NAME.match(value):
            raise wrong_value(self.at(key), value, "letters, digits, '_', '-' and '.'")
        return value

    def text_or(self, key: str, default: str) -> str:
        return self.text(key) if self.has(key) else default

    def choice(self, key: str, allowed: tuple[str, ...]) -> str:
        value = self.text(key)
        if value not in allowed:
            raise wrong_value(self.at(key), value, ", ".join(f"'{name}'" for name in allowed))
        return value

    def flag(self, key: str, *, default: bool) -> bool:
        value = self.data.get(key)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise wrong_type(self.at(key), "a boolean", value)
        return value

    def integer(self, key: str, lowest: int, highest: int) -> int | None:
        value = self.data.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int):
            raise wrong_type(self.at(key), "an integer", value)
        self._within(key, value, (lowest, highest), "integer")
        return value

    def decimal(self, key: str, lowest: float, highest: float) -> float | None:
        value = self.data.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise wrong_type(self.at(key), "a decimal", value)
        self._within(key, value, (lowest, highest), "decimal")
        return float(value)

    def _within(self, key: str, value: float, limits: tuple[float, float], noun: str) -> None:
        lowest, highest = limits
        if lowest <= value <= highest:
            return
        bound, end = ("below_min", lowest) if value < lowest else ("above_max", highest)
        raise WireError(
            f"Invalid '{self.at(key)}': {noun} {bound.replace('_', ' ')} value. "
            f"Expected a value within {end:g}, but got {value} instead.",
            param=self.at(key),
            code=f"{noun}_{bound}_value",
        )

    def array(self, key: str) -> list[Json]:
        value = self.need(key)
        if not isinstance(value, list):
            raise wrong_type(self.at(key), "an array", value)
        return value

    def filled_array(self, key: str) -> list[Json]:
        value = self.array(key)
        if not value:
            raise WireError(
                f"Invalid '{self.at(key)}': empty array. Expected an array with minimum length 1.",
                param=self.at(key),
                code="empty_array",
            )
        return value

    def child(self, key: str) -> Fields:
        value = self.need(key)
        if not isinstance(value, dict):
            raise wrong_type(self.at(key), "an object", value)
        return Fields(value, self.at(key))

    def children(self, key: str) -> Iterator[Fields]:
        """The objects of an array that may be absent."""
        for index, item in enumerate(self.array(key) if self.has(key) else []):
            path = f"{self.at(key)}[{index}]"
            if not isinstance(item, dict):
                raise wrong_type(path, "an object", item)
            yield Fields(item, path)

    def texts(self, key: str, longest: int) -> tuple[str, ...]:
        """A string or an array of strings."""
        value = self.data.get(key)
        if value is None:
            return ()
        items: list[Json] = value if isinstance(value, list) else [value]
        if len(items) > longest:
            raise WireError(
                f"Invalid '{self.at(key)}': array too long. Expected at most {longest} items.",
                param=self.at(key),
                code="array_above_max_length",
            )
        return tuple(self._each_text(key, items))

    def _each_text(self, key: str, items: list[Json]) -> Iterator[str]:
        for item in items:
            if not isinstance(item, str):
                raise wrong_type(self.at(key), "a string or an array of strings", item)
            yield item
