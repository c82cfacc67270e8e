"""Raw JSON inside structs: absent, null, present."""

from __future__ import annotations

import msgspec
import pytest

from wire.raw_json import ABSENT, is_present


class Holder(msgspec.Struct, omit_defaults=True):
    body: msgspec.Raw = ABSENT


@pytest.mark.parametrize(
    ("document", "present"),
    [(b"{}", False), (b'{"body":null}', False), (b'{"body":{}}', True), (b'{"body":0}', True)],
)
def test_null_and_absent_mean_the_same(document: bytes, present: bool) -> None:  # noqa: FBT001
    assert is_present(msgspec.json.decode(document, type=Holder).body) is present


def test_an_absent_field_is_not_written() -> None:
    assert msgspec.json.encode(Holder()) == b"{}"


def test_a_present_field_is_written_byte_for_byte() -> None:
    document = b'{"body":{"a" :  1.50, "\\u00e9":[ ]}}'

    assert msgspec.json.encode(msgspec.json.decode(document, type=Holder)) == document
