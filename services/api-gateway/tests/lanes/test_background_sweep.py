"""Background responses that nobody asks for again."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest

from api_gateway.lanes import background_sweep
from api_gateway.lanes.background_sweep import BackgroundSweep
from api_gateway.stores.records import StoredResponse
from service_kit.testing import FakeClock
from wire.errors import PlatformInterruptedError, ServiceUnavailableError

if TYPE_CHECKING:
    from service_kit.internal_client import CallContext


def queued(number: int) -> StoredResponse:
    return StoredResponse(
        response_id=f"resp_{number}",
        tenant_id=f"team-{number}",
        created_unix_s=number // 2,
        model="council",
        status="queued",
        body=b"",
        previous_response_id=None,
        conversation_id=None,
        background=True,
        streamed=False,
        run_id=f"run_{number}",
        request=b"",
    )


@dataclass
class Running:
    """What runs, as the store tells it."""

    responses: list[StoredResponse]

    async def running(self, *, after: tuple[int, str] | None, limit: int) -> list[StoredResponse]:
        behind = [
            each
            for each in self.responses
            if after is None or (each.created_unix_s, each.response_id) > after
        ]
        return behind[:limit]


@dataclass
class Refresher:
    """Ends a response, or fails as `failing` says; remembers who was asked about, and for whom."""

    failing: dict[str, Exception] = field(default_factory=dict[str, Exception])
    still_running: frozenset[str] = frozenset()
    asked: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])

    async def refreshed(self, stored: StoredResponse, context: CallContext, /) -> StoredResponse:
        self.asked.append((stored.response_id, context.tenant_id))
        if stored.response_id in self.failing:
            raise self.failing[stored.response_id]
        if stored.response_id in self.still_running:
            return replace(stored, status="in_progress")
        return replace(stored, status="completed")


@pytest.mark.requirement("background:unread")
async def test_each_is_looked_at_once_for_its_own_team(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background_sweep, "_BATCH", 2)
    refresher = Refresher(still_running=frozenset({"resp_3"}))
    sweep = BackgroundSweep(Running([queued(n) for n in range(5)]), refresher, FakeClock())

    ended = await sweep.sweep()

    assert refresher.asked == [(f"resp_{n}", f"team-{n}") for n in range(5)]
    assert ended == 4


async def test_one_that_cannot_be_read_keeps_no_other_from_its_end() -> None:
    refresher = Refresher(failing={"resp_0": PlatformInterruptedError("away")})
    sweep = BackgroundSweep(Running([queued(0), queued(1)]), refresher, FakeClock())

    assert await sweep.sweep() == 1


async def test_without_an_orchestrator_the_rest_waits_for_the_next_time() -> None:
    refresher = Refresher(failing={"resp_0": ServiceUnavailableError("away")})
    sweep = BackgroundSweep(Running([queued(0), queued(1)]), refresher, FakeClock())

    with pytest.raises(ServiceUnavailableError):
        await sweep.sweep()

    assert len(refresher.asked) == 1
