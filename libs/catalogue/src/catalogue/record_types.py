"""Which record stands where: the annotations of `records`, walked along a location."""

from types import NoneType, UnionType
from typing import Annotated, Union, get_args, get_origin

from catalogue.document import Location
from catalogue.record_fields import Record
from catalogue.records import ConfigurationRecord


def unwrapped(annotation: object) -> object:
    """The type itself, without `Annotated` and without `None`."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return unwrapped(get_args(annotation)[0])
    if origin in {Union, UnionType}:
        (only,) = (part for part in get_args(annotation) if part is not NoneType)
        return unwrapped(only)
    return annotation


def record_in(annotation: object) -> type[Record] | None:
    """The record that an annotation is, or that its list or mapping holds."""
    bare = unwrapped(annotation)
    if get_origin(bare) in {list, dict}:
        return record_in(get_args(bare)[-1])
    return bare if isinstance(bare, type) and issubclass(bare, Record) else None


def record_at(location: Location) -> type[Record] | None:
    """The record whose fields stand at `location`, None where there is none."""
    kind: object = ConfigurationRecord
    for key in location:
        kind = _inside(unwrapped(kind), key)
    bare = unwrapped(kind)
    return bare if isinstance(bare, type) and issubclass(bare, Record) else None


def _inside(kind: object, key: str | int) -> object:
    if isinstance(kind, type) and issubclass(kind, Record):
        known = kind.model_fields.get(str(key))
        return known.annotation if known else None
    return get_args(kind)[-1] if get_origin(kind) in {list, dict} else None
