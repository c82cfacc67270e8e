"""The one key of the admin API."""

from __future__ import annotations

import hmac
from typing import Annotated

from fastapi import Header

from wire.errors import AuthenticationError


class AdminAccess:
    """A dependency of every admin route."""

    def __init__(self, admin_key: str | None) -> None:
        self._admin_key = admin_key.encode() if admin_key is not None else None

    async def __call__(self, authorization: Annotated[str | None, Header()] = None) -> None:
        """Let the holder of the key pass.

        Raises:
            AuthenticationError: another key, none, or the API has none and is closed.
        """
        if self._admin_key is None:
            raise AuthenticationError(
                "The admin API is closed: GATEWAY_ADMIN_KEY_FILE names no key."
            )
        scheme, _, shown = (authorization or "").partition(" ")
        given = shown.strip().encode()
        if scheme.lower() != "bearer" or not hmac.compare_digest(given, self._admin_key):
            raise AuthenticationError("Incorrect admin key provided.", code="invalid_api_key")
