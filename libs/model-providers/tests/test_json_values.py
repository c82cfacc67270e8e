"""JSON of unknown shape."""

import msgspec
import pytest

from model_providers.json_values import loads


def test_json_is_read() -> None:
    assert loads(b'{"a":[1,2.5,"x",true,null]}') == {"a": [1, 2.5, "x", True, None]}


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", b'"\xff"', b"[" * 100_000])
def test_whatever_is_wrong_is_one_error(data: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        loads(data)
