from __future__ import annotations

import pytest

from api_gateway.dialects.metadata import check_metadata, decode_metadata
from wire.errors import InvalidRequestError


def test_metadata_at_its_bounds_is_accepted() -> None:
    check_metadata({f"{n:064}": "v" * 512 for n in range(16)})


@pytest.mark.parametrize(
    ("metadata", "param", "code"),
    [
        ({str(n): "" for n in range(17)}, "metadata", "object_above_max_properties"),
        ({"k" * 65: ""}, "metadata", "string_above_max_length"),
        ({"k": "v" * 513}, "metadata.k", "string_above_max_length"),
    ],
)
def test_metadata_out_of_bounds_is_refused(metadata: dict[str, str], param: str, code: str) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        check_metadata(metadata)

    assert (refused.value.param, refused.value.code) == (param, code)


@pytest.mark.parametrize(
    ("body", "metadata"),
    [
        (b'{"metadata":{"k":"v"},"other":1}', {"k": "v"}),
        (b'{"metadata":null}', {}),
        (b'{"metadata":{}}', {}),
    ],
)
def test_an_update_holds_new_metadata(body: bytes, metadata: dict[str, str]) -> None:
    assert decode_metadata(body) == metadata


@pytest.mark.parametrize(
    ("body", "param", "code"),
    [
        (b"{}", "metadata", "missing_required_parameter"),
        (b'{"metadata":[]}', "metadata", "invalid_type"),
        (b'{"metadata":{"k":1}}', "metadata", "invalid_type"),
        (b"\xff", None, None),
        (b"", None, None),
        (b"[" * 5000, None, None),
        (b'{"metadata":{"' + b"k" * 65 + b'":""}}', "metadata", "string_above_max_length"),
    ],
)
def test_what_is_no_update_is_refused(body: bytes, param: str | None, code: str | None) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        decode_metadata(body)

    assert (refused.value.param, refused.value.code) == (param, code)
