"""What becomes of a run: its score changes a weight, the weight changes the next decision."""

import http.client
import json
from contextlib import closing
from typing import Any, cast

import openai
import pytest

from orchestrator.coordination.replay import encode_log, replay
from tests.system.platform_process import Platform

QUESTION: list[Any] = [{"role": "user", "content": "Which way?"}]
SCORES = 6


def ask(client: openai.OpenAI, model: str) -> tuple[str, str]:
    """The answer, and the id under which its run is known."""
    raw = client.chat.completions.with_raw_response.create(model=model, messages=QUESTION)
    return raw.parse().choices[0].message.content or "", raw.headers["x-request-id"]


def record_of(client: openai.OpenAI, run: str) -> dict[str, Any]:
    return client.get(f"/conclave/runs/{run}", cast_to=cast("Any", dict[str, Any]))


def weight_of(client: openai.OpenAI, model: str) -> float:
    told = client.get("/conclave/weights", cast_to=cast("Any", dict[str, Any]))
    return next(found["weight"] for found in told["weights"] if found["model"] == model)


@pytest.mark.requirement("coordination:weights:learnt")
def test_scores_change_weights_and_weights_the_next_decision(client: openai.OpenAI):
    before, run = ask(client, "two-ways")
    told = {"score": 0, "agents": {"favourite": 0, "outsider": 1}}
    for number in range(SCORES):
        if number:
            _, run = ask(client, "two-ways")
        client.post(f"/conclave/runs/{run}/score", body=told, cast_to=cast("Any", dict[str, Any]))

    after, run = ask(client, "two-ways")

    record = record_of(client, run)
    assert (before, after) == ("left", "right")
    assert record["details"]["winner"] == "outsider"
    assert record["weights"]["outsider"] > record["weights"]["favourite"]
    assert weight_of(client, "says-right") > weight_of(client, "says-left")


@pytest.mark.requirement("coordination:replay")
def test_a_decision_is_recomputed_from_its_record_byte_by_byte(
    client: openai.OpenAI, running: Platform
):
    answer = client.chat.completions.with_raw_response.create(
        model="with-dissenter", messages=QUESTION, extra_headers={"x-conclave-details": "true"}
    )
    lines, kept = log_of(running, answer.headers["x-request-id"])

    again = replay(lines)

    decided = [json.loads(line) for line in lines if b'"type":"decision_made"' in line]
    assert encode_log(again.log) == lines
    assert [decision["winner"] for decision in decided] == [kept["details"]["winner"]]


def log_of(running: Platform, run: str) -> tuple[list[bytes], dict[str, Any]]:
    """The log's lines as they stand in the record: a client library would write them anew."""
    connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=10)
    with closing(connection):
        headers = {"authorization": f"Bearer {running.api_key}"}
        connection.request("GET", f"/v1/conclave/runs/{run}?answers=true", headers=headers)
        body = connection.getresponse().read()
    record = json.loads(body)
    start = body.index(b'"log":[') + len(b'"log":[')
    decoder, text, lines = json.JSONDecoder(), body.decode(), list[bytes]()
    position = len(body[:start].decode())
    for _ in record["log"]:
        _, end = decoder.raw_decode(text, position)
        lines.append(text[position:end].encode())
        position = end + 1
    return lines, record
