"""/v1/conclave/runs/{id}: how a panel came to its answer, and what became of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

import msgspec

from api_gateway import openai_errors
from service_kit.internal_client import CallContext
from wire.coordination import ScoreRun
from wire.deadline import Deadline
from wire.endpoints import GET_RUN, LEARNT_WEIGHTS, SCORE_RUN
from wire.errors import InvalidRequestError, NotFoundError, RemoteError

if TYPE_CHECKING:
    from api_gateway.routes.exchange import Exchange
    from service_kit.clock import Clock
    from service_kit.internal_client import InternalClient
    from wire.coordination import RunRecord

_TIMEOUT_S = 10.0
# Ids of requests, of what they were answered with, and of runs differ in their prefix only.
_PREFIX = re.compile(r"^(?:req_|chatcmpl-|cmpl-|resp_|run_)")
_NOT_FOUND = 404
_encode = msgspec.json.Encoder().encode
_decode_score = msgspec.json.Decoder(ScoreRun).decode


class RunsRoute:
    def __init__(self, orchestrator: InternalClient, *, clock: Clock) -> None:
        self._orchestrator = orchestrator
        self._clock = clock

    async def retrieve(self, exchange: Exchange) -> None:
        """A run's record by its id, by the id of its request, or by that of its completion.

        Answers and the decision's log are in it only with `?answers=1`.

        Raises:
            NotFoundError: no such run, or another key's: which of both is not told.
        """
        asked = exchange.params["run"]
        query = parse_qs(exchange.scope.get("query_string", b"").decode("latin-1"))
        answers = {"answers": "1"} if query.get("answers", ["0"])[0] in ("1", "true") else {}
        try:
            record = await self._fetch(exchange, asked, answers)
        except RemoteError as error:
            if error.status != _NOT_FOUND:
                raise
            raise _no_such_run(asked) from None
        if record.key_id != exchange.authenticated.key_id:
            raise _no_such_run(asked)
        await exchange.respond(_encode(record))

    async def score(self, exchange: Exchange) -> None:
        """Say how good a run's answer turned out; weights of later runs follow from it.

        Raises:
            NotFoundError: no such run, or another key's.
            InvalidRequestError: the body is not a score.
        """
        asked, told = exchange.params["run"], _score(await exchange.body())
        try:
            scored = await self._orchestrator.call(
                SCORE_RUN,
                told,
                self._context(exchange),
                run_id=_run_id(asked),
                key_id=exchange.authenticated.key_id,
            )
        except RemoteError as error:
            if error.status != _NOT_FOUND:
                raise
            raise _no_such_run(asked) from None
        await exchange.respond(_encode(scored))

    async def weights(self, exchange: Exchange) -> None:
        """What the team's scores say of its models."""
        learnt = await self._orchestrator.call(LEARNT_WEIGHTS, None, self._context(exchange))
        await exchange.respond(_encode(learnt))

    async def _fetch(self, exchange: Exchange, asked: str, answers: dict[str, str]) -> RunRecord:
        return await self._orchestrator.call(
            GET_RUN, None, self._context(exchange), run_id=_run_id(asked), **answers
        )

    def _context(self, exchange: Exchange) -> CallContext:
        return CallContext(
            tenant_id=exchange.authenticated.tenant_id,
            request_id=exchange.request_id,
            deadline=Deadline.after(_TIMEOUT_S, now_s=self._clock.monotonic_s()),
            traceparent=exchange.traceparent,
        )


def _run_id(asked: str) -> str:
    return "run_" + _PREFIX.sub("", asked)


def _score(body: bytes) -> ScoreRun:
    try:
        return _decode_score(body)
    except openai_errors.JSON_PROBLEMS as error:
        raise InvalidRequestError(
            f'The body must be {{"score": 0 to 1, "agents": {{"ID": 0 to 1}}}}: {error}.',
            param="score",
        ) from None


def _no_such_run(asked: str) -> NotFoundError:
    return NotFoundError(f"No run found with id '{asked[:100]}'.")
