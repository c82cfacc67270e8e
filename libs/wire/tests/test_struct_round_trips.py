"""Every struct of every wire module: there and back, and from a newer sibling."""

from __future__ import annotations

import functools
import importlib
import pkgutil

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import inspect as msgspec_inspect

import wire


def every_struct() -> list[type[msgspec.Struct]]:
    modules = [
        importlib.import_module(f"wire.{info.name}") for info in pkgutil.iter_modules(wire.__path__)
    ]
    found = {
        value
        for module in modules
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, msgspec.Struct)
        and value is not msgspec.Struct
        and not value.__struct_config__.array_like  # no JSON; read and written in its own test
    }
    return sorted(found, key=lambda struct: (struct.__module__, struct.__name__))


STRUCTS = every_struct()
json_values = st.recursive(
    st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=4,
)
raws = json_values.map(lambda value: msgspec.Raw(msgspec.json.encode(value)))
PLAIN: dict[type, st.SearchStrategy[object]] = {
    msgspec_inspect.StrType: st.text(max_size=12),
    msgspec_inspect.BoolType: st.booleans(),
    msgspec_inspect.IntType: st.integers(-(2**53), 2**53),
    msgspec_inspect.FloatType: st.floats(allow_nan=False, allow_infinity=False),
    msgspec_inspect.NoneType: st.none(),
    msgspec_inspect.RawType: raws,
}


def values_of(info: msgspec_inspect.Type, depth: int) -> st.SearchStrategy[object]:
    """Values of one field's type; structs become shallow after two levels."""
    plain = PLAIN.get(type(info))
    return plain if plain is not None else compound_values_of(info, depth)


def compound_values_of(info: msgspec_inspect.Type, depth: int) -> st.SearchStrategy[object]:
    match info:
        case msgspec_inspect.LiteralType(values=values):
            return st.sampled_from(values)
        case msgspec_inspect.UnionType(types=types):
            return st.one_of(*(values_of(each, depth) for each in types))
        case msgspec_inspect.ListType(item_type=item):
            return st.lists(values_of(item, depth), max_size=2)
        case msgspec_inspect.VarTupleType(item_type=item):
            return st.lists(values_of(item, depth), max_size=2).map(tuple)
        case msgspec_inspect.DictType(value_type=value):
            return st.dictionaries(st.text(max_size=5), values_of(value, depth), max_size=2)
        case _:
            assert isinstance(info, msgspec_inspect.StructType), f"no strategy for {info}"
            return instances(info.cls, depth + 1)


@functools.cache
def instances(struct: type[msgspec.Struct], depth: int = 0) -> st.SearchStrategy[msgspec.Struct]:
    info = msgspec_inspect.type_info(struct)
    assert isinstance(info, msgspec_inspect.StructType)
    required = {
        field.name: st.deferred(lambda field=field: values_of(field.type, depth))
        for field in info.fields
        if field.required
    }
    optional = {
        field.name: st.deferred(lambda field=field: values_of(field.type, depth))
        for field in info.fields
        if not field.required and depth < 2
    }
    fields = st.fixed_dictionaries(required, optional=optional)
    return fields.map(lambda chosen: struct(**chosen))


def test_the_wire_has_structs_to_test() -> None:
    names = {struct.__name__ for struct in STRUCTS}

    assert {"StartRun", "RunEnded", "ErrorInfo", "ChatRequest", "PanelSpec"} <= names


@pytest.mark.requirement("wire:round-trip", "wire:tolerance:unknown-fields")
@pytest.mark.parametrize("struct", STRUCTS, ids=lambda struct: struct.__name__)
@settings(max_examples=15)
@given(data=st.data())
def test_every_struct_is_read_as_written_also_from_a_newer_version(
    struct: type[msgspec.Struct], data: st.DataObject
) -> None:
    written = msgspec.json.encode(data.draw(instances(struct)))
    newer = msgspec.json.decode(written)
    newer["added_in_a_newer_version"] = {"of": ["any", "shape"]}

    read = msgspec.json.decode(written, type=struct)
    read_of_newer = msgspec.json.decode(msgspec.json.encode(newer), type=struct)

    assert msgspec.json.encode(read) == written
    assert msgspec.json.encode(read_of_newer) == written
    assert type(read_of_newer) is struct


@pytest.mark.requirement("wire:tolerance:unknown-fields")
@pytest.mark.parametrize("struct", STRUCTS, ids=lambda struct: struct.__name__)
def test_no_struct_forbids_unknown_fields(struct: type[msgspec.Struct]) -> None:
    assert not struct.__struct_config__.forbid_unknown_fields
