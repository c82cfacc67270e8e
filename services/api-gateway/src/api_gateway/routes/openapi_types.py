"""Types as a schema generator can read them: fields that are raw JSON become fields of any JSON.

msgspec cannot write the default of a raw field, which is the empty one, into a schema.
"""

from __future__ import annotations

from functools import cache
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

import msgspec


def describable(annotation: Any) -> Any:  # noqa: ANN401 - whatever may stand in an annotation
    """The same annotation, of structs without raw fields."""
    if isinstance(annotation, type):
        kind: Any = annotation
        return _without_raw(kind) if issubclass(kind, msgspec.Struct) else kind
    origin: Any = get_origin(annotation)
    if origin is None or origin is Literal:
        return annotation
    arguments = tuple(map(describable, get_args(annotation)))
    if origin is UnionType:  # `X | Y`; it cannot be subscribed itself
        origin = Union
    return origin[arguments]


@cache
def _without_raw(struct: type[msgspec.Struct]) -> type[msgspec.Struct]:
    config = struct.__struct_config__
    return msgspec.defstruct(
        struct.__name__,
        [_field(field) for field in msgspec.structs.fields(struct)],
        tag_field=config.tag_field,
        tag=config.tag,
        kw_only=True,
    )


def _field(field: msgspec.structs.FieldInfo) -> tuple[str, Any, Any]:
    if field.type is msgspec.Raw:
        return field.name, Any, msgspec.NODEFAULT if field.required else None
    kind = describable(field.type)
    if field.default_factory is not msgspec.NODEFAULT:
        return field.name, kind, msgspec.field(default_factory=field.default_factory)
    return field.name, kind, field.default
