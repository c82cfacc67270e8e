"""`conclave runs show ID`: how a panel came to its answer."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING
from urllib.parse import quote

import msgspec

from conclave_cli import exit_codes
from conclave_cli.endpoint import Endpoint, endpoint_from
from conclave_cli.errors import RequestFailedError
from conclave_cli.settings import load_settings
from wire.coordination import CallRecord, RunRecord

if TYPE_CHECKING:
    from collections.abc import Iterator


def show_run(run_id: str, base_url: str | None, *, as_json: bool, answers: bool) -> int:
    """Print the record for people, or as the endpoint sent it; the exit status."""
    endpoint = endpoint_from(load_settings(), base_url)
    body = asyncio.run(fetch_run(endpoint, run_id, answers=answers))
    if as_json:
        text = msgspec.json.format(body, indent=2).decode()
    else:
        text = "\n".join(described(_decoded(body)))
    sys.stdout.write(text + "\n")
    return exit_codes.OK


async def fetch_run(endpoint: Endpoint, run_id: str, *, answers: bool) -> bytes:
    """The record as JSON. `run_id` may also be a request's or a completion's id."""
    path = f"/conclave/runs/{quote(run_id, safe='')}{'?answers=1' if answers else ''}"
    async with endpoint.request("GET", path) as response:
        return await response.read()


def described(record: RunRecord) -> Iterator[str]:
    """The record as lines: what it was, what was decided, what happened when, who was called."""
    took = f"{record.duration_ms} ms" if record.duration_ms is not None else "still running"
    tokens = f"{record.usage.input_tokens} + {record.usage.output_tokens} tokens"
    yield f"{record.run_id}  {record.public_model}  {record.status}  {took}"
    yield f"{len(record.calls)} calls, {tokens} in all{_cost(record)}"
    if record.error is not None:
        yield f"error: {record.error.message}"
    if record.details is not None and record.details.winner is not None:
        why = record.details.agreement or record.details.ballot_skipped or ""
        yield f"winner: {record.details.winner} ({record.details.rule}{why and ', ' + why})"
    yield from _weights(record)
    yield from _slowest(record)
    for answer in record.answers:
        if answer.text is not None:
            yield f"\n{answer.agent_id}, revision {answer.revision}:\n{answer.text}\n"
    yield ""
    for moment in record.timeline:
        who = f"{moment.agent_id}: " if moment.agent_id else ""
        yield f"{moment.at_ms:>7} ms  {who}{moment.text}"
    yield from _votes(record)
    yield ""
    yield from map(_call_line, record.calls)


def _cost(record: RunRecord) -> str:
    cost_usd = record.details.cost_usd if record.details else None
    return f", {cost_usd:.6f} USD" if cost_usd is not None else ""


def _weights(record: RunRecord) -> Iterator[str]:
    """Where answers did not count alike."""
    if len(set(record.weights.values())) > 1:
        told = ", ".join(f"{agent} {weight:g}" for agent, weight in record.weights.items())
        yield f"weights: {told} (task class {record.task_class})"


def _slowest(record: RunRecord) -> Iterator[str]:
    if len(record.calls) > 1:
        call = max(record.calls, key=_took_ms)
        yield f"slowest: {call.agent_id}'s {call.phase}, {_took_ms(call)} ms"


def _votes(record: RunRecord) -> Iterator[str]:
    """Who voted how and why."""
    if record.ballots:
        yield ""
    for ballot in record.ballots:
        vote = f"ranks {' > '.join(ballot.ranking)}" if ballot.ranking else "abstains"
        why = ballot.reason or ballot.abstained
        yield f"ballot {ballot.round}  {ballot.voter_id} {vote}{': ' + why if why else ''}"


def _took_ms(call: CallRecord) -> int:
    return call.ended_ms - call.started_ms


def _call_line(call: CallRecord) -> str:
    outcome = call.error.message if call.error is not None else call.status
    return (
        f"{call.started_ms:>7} ms  {_took_ms(call):>6} ms  "
        f"{call.agent_id:<12} {call.phase:<8} {call.model}  "
        f"{call.usage.input_tokens} + {call.usage.output_tokens}  {outcome}"
    )


def _decoded(body: bytes) -> RunRecord:
    try:
        return msgspec.json.decode(body, type=RunRecord)
    except msgspec.DecodeError as error:
        raise RequestFailedError(f"not a run's record: {error}") from None
