"""JSON whose shape is not known yet, typed so that reading it must ask at every step. Pure."""

from __future__ import annotations

from typing import TypeAlias, cast

import msgspec

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
JsonObject: TypeAlias = "dict[str, Json]"

_DECODER = msgspec.json.Decoder()


def loads(data: bytes) -> Json:
    """Parse.

    Raises:
        msgspec.DecodeError: it is no JSON, no UTF-8, or nested too deeply.
    """
    try:
        return cast("Json", _DECODER.decode(data))
    except (UnicodeDecodeError, RecursionError) as error:
        raise msgspec.DecodeError(str(error)) from error
