"""The admin key."""

import pytest

from api_gateway.admin.access import AdminAccess
from wire.errors import AuthenticationError


async def test_the_holder_of_the_key_passes() -> None:
    await AdminAccess("secret")("Bearer secret")
    await AdminAccess("secret")("bearer secret ")


@pytest.mark.parametrize("header", [None, "", "secret", "Basic secret", "Bearer secre", "Bearer "])
async def test_nobody_else_does(header: str | None) -> None:
    with pytest.raises(AuthenticationError):
        await AdminAccess("secret")(header)


@pytest.mark.parametrize("header", [None, "Bearer ", "Bearer None", "Bearer x"])
@pytest.mark.requirement("admin:apart")
async def test_without_a_key_the_door_stays_shut(header: str | None) -> None:
    with pytest.raises(AuthenticationError, match="closed"):
        await AdminAccess(None)(header)
