"""One first answer per team and key, on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from api_gateway.stores.errors import AnswerLostError, KeyInUseError, KeyReusedError
from api_gateway.stores.idempotency import KEPT_S, IdempotencyKey, KeptAnswer, SqlIdempotency
from api_gateway.stores.retention import RetentionSweep

if TYPE_CHECKING:
    from api_gateway.stores.database import Database
    from service_kit.testing import FakeClock

LEASE_S = 30.0
KEY = IdempotencyKey("team", "k\x00", b"asked")
ANSWER = KeptAnswer(200, False, b"{}")  # noqa: FBT003  not streamed
ONCE = pytest.mark.requirement("surface:idempotency:once")


@pytest.fixture
def answers(database: Database, clock: FakeClock) -> SqlIdempotency:
    return SqlIdempotency(database, clock)


@ONCE
async def test_the_first_answer_is_the_answer(answers: SqlIdempotency) -> None:
    first = await answers.claim(KEY, "req_1", lease_s=LEASE_S)
    await answers.keep(KEY, "req_1", ANSWER)
    await answers.keep(KEY, "req_1", KeptAnswer(500, False, b"late"))  # noqa: FBT003

    assert first is None
    assert await answers.claim(KEY, "req_2", lease_s=LEASE_S) == ANSWER


@ONCE
async def test_of_many_at_once_one_is_the_first(answers: SqlIdempotency) -> None:
    tries = [answers.claim(KEY, f"req_{n}", lease_s=LEASE_S) for n in range(8)]

    results = await asyncio.gather(*tries, return_exceptions=True)

    assert results.count(None) == 1
    assert sum(isinstance(each, KeyInUseError) for each in results) == 7


@pytest.mark.requirement("surface:idempotency:teams")
async def test_a_key_belongs_to_a_team(answers: SqlIdempotency) -> None:
    await answers.claim(KEY, "req_1", lease_s=LEASE_S)

    other = IdempotencyKey("other", KEY.key, KEY.digest)
    assert await answers.claim(other, "req_2", lease_s=LEASE_S) is None


@ONCE
async def test_a_key_belongs_to_one_request(answers: SqlIdempotency) -> None:
    await answers.claim(KEY, "req_1", lease_s=LEASE_S)

    with pytest.raises(KeyReusedError):
        await answers.claim(IdempotencyKey("team", KEY.key, b"else"), "req_2", lease_s=LEASE_S)


@ONCE
async def test_whoever_lives_keeps_the_key_and_whoever_died_loses_it(
    answers: SqlIdempotency, clock: FakeClock
) -> None:
    await answers.claim(KEY, "req_1", lease_s=LEASE_S)
    clock.advance(LEASE_S - 1)
    await answers.extend(KEY, "req_1", lease_s=LEASE_S)
    clock.advance(LEASE_S - 1)
    with pytest.raises(KeyInUseError):
        await answers.claim(KEY, "req_2", lease_s=LEASE_S)

    clock.advance(2)

    with pytest.raises(AnswerLostError):
        await answers.claim(KEY, "req_2", lease_s=LEASE_S)


@ONCE
async def test_what_is_abandoned_is_lost_and_what_is_released_is_new(
    answers: SqlIdempotency,
) -> None:
    await answers.claim(KEY, "req_1", lease_s=LEASE_S)
    await answers.release(KEY, "somebody else")
    await answers.abandon(KEY, "req_1")
    with pytest.raises(AnswerLostError):
        await answers.claim(KEY, "req_2", lease_s=LEASE_S)

    await answers.release(KEY, "req_1")

    assert await answers.claim(KEY, "req_3", lease_s=LEASE_S) is None


@ONCE
async def test_a_day_later_the_key_is_new_swept_or_not(
    answers: SqlIdempotency, database: Database, clock: FakeClock
) -> None:
    await answers.claim(KEY, "req_1", lease_s=LEASE_S)
    await answers.keep(KEY, "req_1", ANSWER)
    clock.advance(KEPT_S + 2)

    assert await answers.claim(KEY, "req_2", lease_s=LEASE_S) is None
    clock.advance(KEPT_S + 2)
    assert await RetentionSweep(database, clock, retention_days=30).sweep() == 1
