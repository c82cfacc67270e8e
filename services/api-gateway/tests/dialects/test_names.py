"""Names of tools and schemas."""

import pytest

from api_gateway.dialects.names import check_name
from wire.errors import InvalidRequestError


@pytest.mark.parametrize("name", ["a", "get_weather", "A-1", "vote", "x" * 64])
def test_plain_names_pass(name: str) -> None:
    check_name("tools[0].function.name", name)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("", "invalid_value"),
        ("a b", "invalid_value"),
        ("ä", "invalid_value"),
        ("a\n", "invalid_value"),
        ("x" * 65, "string_above_max_length"),
    ],
)
def test_other_names_are_refused_with_their_place(name: str, code: str) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        check_name("tools[0].function.name", name)

    assert (refused.value.param, refused.value.code) == ("tools[0].function.name", code)
