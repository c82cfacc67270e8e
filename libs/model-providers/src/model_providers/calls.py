"""Every upstream attempt as an observer sees it: opened, first token, closed.

Journals, metrics and spans attach here, at the composition root. The promise they can rely on:
`opened` is awaited before the first byte leaves, and each `opened` that returned is followed by
exactly one `closed`, whatever ends the attempt, cancellation included.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import msgspec

from wire.conversation import Usage
from wire.coordination import CallPhase, CallStatus, UsageBasis
from wire.errors import ErrorInfo
from wire.ids import CallId

if TYPE_CHECKING:
    from collections.abc import Sequence

NOTHING_USED = Usage(estimated=True)


class CallOpened(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt is about to leave. `model` is our name, `upstream_model` the vendor's.

    `reserved_output_tokens` is the cap sent upstream; None: neither request nor model has one.
    """

    call_id: CallId
    attempt: int
    provider: str
    model: str
    upstream_model: str
    agent_id: str | None
    phase: CallPhase | None
    reserved_output_tokens: int | None
    opened_at_s: float


class CallClosed(msgspec.Struct, frozen=True, kw_only=True):
    """How the attempt ended. `basis` is `estimated` unless the vendor's own count arrived."""

    opened: CallOpened
    status: CallStatus
    usage: Usage
    basis: UsageBasis
    first_token_at_s: float | None
    closed_at_s: float
    error: ErrorInfo | None


class CallObserver(Protocol):
    """Watches attempts. An `opened` that raises keeps the call from leaving.

    One that waits for nothing may say so with a true attribute `never_waits`: it then costs neither
    a task nor a timer.
    """

    async def opened(self, call: CallOpened, /) -> None: ...

    def first_token(self, call: CallOpened, at_s: float, /) -> None: ...

    async def closed(self, call: CallClosed, /) -> None: ...


def never_waits(observer: CallObserver) -> bool:
    """Whether it says so."""
    return getattr(observer, "never_waits", False) is True


class Observers:
    """Several observers as one; what the later ones refuse is closed for the earlier ones."""

    def __init__(self, observers: Sequence[CallObserver]) -> None:
        self._observers = tuple(observers)
        self.never_waits = all(map(never_waits, self._observers))

    async def opened(self, call: CallOpened, /) -> None:
        for index, observer in enumerate(self._observers):
            try:
                await observer.opened(call)
            except BaseException:
                await self._undo(call, self._observers[:index])
                raise

    def first_token(self, call: CallOpened, at_s: float, /) -> None:
        for observer in self._observers:
            observer.first_token(call, at_s)

    async def closed(self, call: CallClosed, /) -> None:
        failures: list[Exception] = []
        for observer in self._observers:
            try:
                await observer.closed(call)
            except Exception as error:  # noqa: BLE001  the others must hear of it all the same
                failures.append(error)
        if failures:
            raise failures[0]

    async def _undo(self, call: CallOpened, told: Sequence[CallObserver]) -> None:
        never_left = CallClosed(
            opened=call,
            status="cancelled",
            usage=NOTHING_USED,
            basis="estimated",
            first_token_at_s=None,
            closed_at_s=call.opened_at_s,
            error=None,
        )
        for observer in told:
            await observer.closed(never_left)
