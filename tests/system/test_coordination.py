"""A panel really coordinates: read from the run's own record and from the vendor's."""

from collections import Counter
from typing import Any, cast

import openai
import pytest

from tests.system.simulator_process import Simulator

OPINION: list[Any] = [{"role": "user", "content": "Which sort is best for almost sorted lists?"}]


def exactly(text: str) -> list[Any]:
    return [{"role": "user", "content": f"Reply with exactly this text and nothing else: {text}"}]


def ask(client: openai.OpenAI, model: str, messages: list[Any]) -> tuple[str, dict[str, Any]]:
    """The answer, and the record of the run that gave it."""
    answer = client.chat.completions.create(
        model=model, messages=messages, extra_headers={"x-conclave-details": "true"}
    )
    details = cast("dict[str, Any]", (answer.model_extra or {})["conclave"])
    record = client.get(f"/conclave/runs/{details['run_id']}", cast_to=cast("Any", dict[str, Any]))
    return answer.choices[0].message.content or "", record


@pytest.mark.requirement("system:dissent")
def test_with_a_dissenter_there_is_a_ballot_and_the_voted_answer_is_delivered(
    client: openai.OpenAI, sim: Simulator, seen_before: int
):
    text, record = ask(
        client,
        "with-dissenter",
        exactly("AGREED-1"),
    )

    phases = Counter(call["phase"] for call in record["calls"])
    ballots = record["ballots"]
    winner = record["details"]["winner"]
    hashes = {answer["agent_id"]: answer["sha256"] for answer in record["answers"]}
    assert text == "AGREED-1"
    assert record["status"] == "completed"
    assert phases["answer"] == 3
    assert phases["ballot"] >= 2
    assert all(ballot["voter_id"] not in ballot["order"] for ballot in ballots)
    assert sum(bool(ballot.get("ranking")) for ballot in ballots) >= 2
    assert winner in {"analyst", "engineer"}
    assert record["delivered_sha256"] == hashes[winner]
    assert Counter(call.kind for call in sim.ended_calls(seen_before)) == phases


@pytest.mark.requirement("system:dissent")
def test_a_presenter_writes_the_answer_once(
    client: openai.OpenAI, sim: Simulator, seen_before: int
):
    text, record = ask(
        client,
        "with-presenter",
        exactly("AGREED-2"),
    )

    phases = Counter(call["phase"] for call in record["calls"])
    delivered = [call["phase"] for call in record["calls"] if call.get("delivered")]
    assert text == "AGREED-2"
    assert phases["present"] == 1
    assert phases["ballot"] >= 2
    assert delivered == ["present"]
    assert Counter(call.kind for call in sim.ended_calls(seen_before))["present"] == 1


def test_agreement_needs_no_ballot_and_that_is_said(
    client: openai.OpenAI, sim: Simulator, seen_before: int
):
    _, record = ask(
        client,
        "council",
        exactly("SAME"),
    )

    assert [call.kind for call in sim.ended_calls(seen_before)] == ["answer"] * 3
    assert record["details"]["ballot_skipped"]


@pytest.mark.requirement("system:record")
def test_the_record_counts_what_the_vendor_billed(
    client: openai.OpenAI, sim: Simulator, seen_before: int
):
    _, record = ask(client, "council", OPINION)

    billed = sim.ended_calls(seen_before)
    completed = [call for call in record["calls"] if call["status"] == "completed"]
    by_id = {call.request_id: call for call in billed}
    assert len(record["calls"]) == len(billed)
    for call in completed:
        vendor = by_id[f"{call['call_id']}.{call['attempt']}"]
        usage = call["usage"]
        assert usage.get("input_tokens", 0) == vendor.prompt_tokens
        assert usage.get("output_tokens", 0) == vendor.completion_tokens


@pytest.mark.requirement("system:progress")
def test_progress_is_reasoning_and_holds_nothing_of_an_answer(client: openai.OpenAI):
    stream = client.chat.completions.create(
        model="with-dissenter",
        messages=exactly("XYZZY"),
        stream=True,
    )

    deltas = [choice.delta for chunk in stream for choice in chunk.choices]
    progress = "".join((delta.model_extra or {}).get("reasoning_content") or "" for delta in deltas)
    assert "".join(delta.content or "" for delta in deltas) == "XYZZY"
    assert progress
    assert "XYZZY" not in progress


def test_an_answer_is_given_while_one_agent_is_left(client: openai.OpenAI):
    text, record = ask(
        client,
        "one-left",
        exactly("LAST"),
    )

    assert text == "LAST"
    assert set(record["details"]["failed_agents"]) == {"analyst", "engineer"}
    assert record["details"]["ballot_skipped"]


def test_upstream_calls_of_a_panel_of_three_stay_within_seven(
    client: openai.OpenAI, sim: Simulator, seen_before: int
):
    ask(client, "council", OPINION)

    assert 3 <= len(sim.ended_calls(seen_before)) <= 7
