"""Why a level did not serve. The next one is tried; the reason is a constant for telemetry."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wire.errors import PlatformError


class LevelFailedError(Exception):
    """`reason` is a short constant; nothing of a vendor's text is in it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def reason_of(error: PlatformError) -> str:
    """The constant that tells this error from others."""
    return error.error_type
