"""Conversations longer than the models' windows, and the three doors by which clients compact.

The simulator counts its own tokens and refuses what is longer than its window; it answers
`What is the value of NAME?` only from text that the very request carried. So a right answer proves
that the fact reached the model.
"""

import itertools
import random
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

import openai
import pytest
import yaml

from tests.system.platform_process import Platform, platform
from tests.system.simulator_process import Simulator

if TYPE_CHECKING:
    from pathlib import Path

WINDOW = 32_000
WORDS = [
    "harbour", "crane", "ledger", "window", "pallet", "signal", "river", "engine", "copper",
    "meadow", "timber", "velvet", "quarry", "lantern", "basket", "orchard", "summit", "canyon",
    "anchor", "ribbon", "saddle", "mirror", "thunder", "garden",
]  # fmt: skip
UNKNOWN = "UNKNOWN"


def configuration(simulator_url: str) -> str:
    model: dict[str, Any] = {
        "provider": "sim",
        "upstream_model": f"sim@window={WINDOW}",
        "context_window_tokens": WINDOW,
    }
    agents = [{"id": name, "model": "short"} for name in ("ada", "bob", "cyd")]

    def panel(**compaction: object) -> dict[str, Any]:
        return {"agents": agents, "compaction": compaction}

    return yaml.safe_dump(
        {
            "version": 1,
            "providers": {
                "sim": {"kind": "openai-compatible", "base_url": simulator_url},
                "openai": {"kind": "openai", "base_url": simulator_url, "api_key": {"env": "PATH"}},
            },
            "models": {
                "short": model,
                "thrifty": model | {"compaction": {"level": "extractive"}},
                "wide": model | {"upstream_model": "sim", "context_window_tokens": 128_000},
                "unaware": model | {"context_window_tokens": 1_000_000},
                "native": model | {"provider": "openai", "dialects": ["responses"]},
            },
            "panels": {
                "council": {"agents": agents},
                "by-summary": panel(level="summary"),
                "by-extraction": panel(level="extractive"),
                "never": panel(enabled=False),
                "by-vendor": {"agents": [{"id": name, "model": "native"} for name in "abc"]},
            },
        }
    )


@contextmanager
def connected(running: Platform) -> Generator[openai.OpenAI]:
    with openai.OpenAI(
        base_url=running.base_url, api_key=running.api_key, max_retries=0, timeout=120
    ) as client:
        yield client


@pytest.fixture(scope="module")
def client(sim: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[openai.OpenAI]:
    file = tmp_path_factory.mktemp("configuration") / "conclave.yaml"
    file.write_text(configuration(sim.base_url))
    root: Path = tmp_path_factory.mktemp("platform")
    with platform(root, config=file) as running, connected(running) as connection:
        yield connection


# --------------------------------------------------------------------------------- conversations


def history(turns: int, facts: dict[int, str], *, words: int = 380) -> list[Any]:
    """`turns` exchanges; the user of a turn in `facts` states that fact among other words."""
    chatter = random.Random(7)  # noqa: S311 - the same conversation each time
    items: list[Any] = []
    for turn in range(turns):
        said = " ".join(chatter.choices(WORDS, k=words // 2))
        fact = f" The value of {facts[turn]} is {value_of(facts[turn])}." if turn in facts else ""
        items += [
            {"role": "user", "content": f"Note {turn}: {said}.{fact}"},
            {"role": "assistant", "content": " ".join(chatter.choices(WORDS, k=words // 2)) + "."},
        ]
    return items


def long_answers(turns: int, facts: dict[int, str], *, seed: int) -> list[Any]:
    """Short questions, long answers; a fact stands in the answer."""
    chatter = random.Random(seed)  # noqa: S311 - the same conversation each time
    items: list[Any] = []
    for turn in range(turns):
        said = " ".join(chatter.choices(WORDS, k=360))
        fact = f" The value of {facts[turn]} is {value_of(facts[turn])}." if turn in facts else ""
        items += [
            {"role": "user", "content": f"Part {turn}?"},
            {"role": "assistant", "content": f"{said}.{fact}"},
        ]
    return items


def value_of(name: str) -> str:
    return f"{name.partition('_')[2]}-{sum(map(ord, name)) * 7919 % 99991}"


def question(name: str) -> Any:  # noqa: ANN401
    asked = f"What is the value of {name}? Answer only from this conversation."
    return {"role": "user", "content": asked}


def answers(  # the SDK's type depends on the options
    client: openai.OpenAI,
    model: str,
    items: list[Any],
    **options: Any,  # noqa: ANN401
) -> Any:  # noqa: ANN401
    create: Any = client.responses.create
    return create(model=model, input=items, store=False, **options)


def compacted(response: Any) -> dict[str, Any]:  # noqa: ANN401
    """What the usage says of a compaction; empty: nothing."""
    extra = cast("dict[str, Any]", response.usage.model_extra or {})
    return cast("dict[str, Any]", extra.get("compaction_details", {}))


TURNS = 420  # some 200,000 tokens
FACTS = {9: "GATE_first", TURNS // 2: "GATE_middle", TURNS - 6: "GATE_last"}


@pytest.fixture(scope="module")
def long_history() -> list[Any]:
    return history(TURNS, FACTS)


# ------------------------------------------------------------------------------------------ tests


@pytest.mark.timeout(240)  # 200,000 tokens sent, read and counted three times
@pytest.mark.requirement("compaction-doors:long-conversation")
@pytest.mark.parametrize("model", ["by-summary", "by-extraction", "thrifty"])
def test_facts_from_all_parts_of_a_conversation_six_windows_long_are_answered(
    client: openai.OpenAI, long_history: list[Any], model: str
):
    replies = {
        name: answers(client, model, [*long_history, question(name)]) for name in FACTS.values()
    }

    assert {name: reply.output_text for name, reply in replies.items()} == {
        name: value_of(name) for name in FACTS.values()
    }
    for reply in replies.values():
        said = compacted(reply)
        assert said["tokens_before"] > 150_000
        assert said["tokens_after"] < WINDOW / 2
        assert said["level"] == ("summary" if model == "by-summary" else "extractive")


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.requirement("compaction-doors:long-conversation")
def test_a_panel_of_one_vendors_model_follows_a_conversation_by_the_vendors_own_items(
    client: openai.OpenAI,
):
    """In portions that the vendor can read, until it is six windows long."""
    managed: Any = [{"type": "compaction", "compact_threshold": 9_000}]
    window: list[Any] = []
    levels: list[str] = []
    said_tokens = kept_tokens = 0
    for portion in range(17):
        facts = {2: f"GATE_{portion}"} if portion in {1, 8, 15} else {}
        window += [
            {"role": said["role"], "content": said["content"]}
            for said in long_answers(26, facts, seed=portion)
        ]
        window.append({"role": "user", "content": "Go on."})
        reply = answers(client, "by-vendor", window, context_management=managed)
        details = compacted(reply)
        said_tokens += details["tokens_before"] - kept_tokens
        kept_tokens = details["tokens_after"]
        levels.append(details["level"])
        window = [item.to_dict(mode="json", warnings=False) for item in reply.output]

    found = {
        name: answers(client, "by-vendor", [*window, question(name)]).output_text
        for name in ("GATE_1", "GATE_8", "GATE_15")
    }

    assert said_tokens > 200_000
    assert set(levels) == {"native"}
    assert found == {name: value_of(name) for name in found}


@pytest.mark.requirement("compaction-doors:long-conversation")
def test_with_the_oldest_cut_off_instead_the_old_facts_are_lost(
    client: openai.OpenAI, long_history: list[Any]
):
    found = {
        name: answers(
            client, "never", [*long_history, question(name)], truncation="auto"
        ).output_text
        for name in FACTS.values()
    }

    assert found["GATE_last"] == value_of("GATE_last")
    assert found["GATE_first"] != value_of("GATE_first")
    assert found["GATE_middle"] != value_of("GATE_middle")


@pytest.mark.requirement("compaction-doors:once-per-run")
def test_a_panel_compacts_once_for_all_its_agents(
    client: openai.OpenAI, sim: Simulator, long_history: list[Any]
):
    before = sim.latest()

    reply = client.chat.completions.create(
        model="council",
        messages=[*long_history, {"role": "user", "content": "Say which note was the longest."}],
        extra_headers={"x-conclave-details": "true"},
    )

    calls = sim.ended_calls(before)
    details = cast("dict[str, Any]", (reply.model_extra or {})["conclave"])
    record = client.get(f"/conclave/runs/{details['run_id']}", cast_to=cast("Any", dict[str, Any]))
    by_phase = [call["phase"] for call in record["calls"]]
    usage = reply.usage
    assert usage is not None
    assert by_phase.count("compact") == sum(call.kind == "summary" for call in calls)
    assert by_phase.count("answer") == 3
    assert record["compacted"]["level"] == "summary"
    assert usage.prompt_tokens < WINDOW
    assert (usage.model_extra or {})["compaction_details"]["level"] == "summary"


@pytest.mark.requirement("compaction-doors:overflow")
def test_a_backend_that_finds_it_too_long_is_asked_again_with_less(client: openai.OpenAI):
    """Its window is smaller than the configuration says."""
    items = history(110, {4: "GATE_overflow"})

    reply = answers(client, "unaware", [*items, question("GATE_overflow")])

    assert reply.output_text == value_of("GATE_overflow")
    assert compacted(reply)["tokens_before"] > WINDOW


@pytest.mark.requirement("compaction-doors:endpoint")
@pytest.mark.parametrize("model", ["short", "native", "council"])
def test_a_compacted_conversation_goes_on_where_it_was(client: openai.OpenAI, model: str):
    items = history(20, {2: "GATE_compact"})

    made = client.responses.compact(model=model, input=items)

    passed_on: list[Any] = [item.to_dict(mode="json", warnings=False) for item in made.output]
    reply = answers(client, model, [*passed_on, question("GATE_compact")])
    level = cast("dict[str, Any]", made.usage.model_extra)["compaction_details"]["level"]
    assert [item["type"] for item in passed_on].count("compaction") == 1
    assert [item["role"] for item in passed_on[:-1]] == ["user"] * 20
    assert reply.output_text == value_of("GATE_compact")
    assert level == ("native" if model == "native" else level)


@pytest.mark.requirement("compaction-doors:portable")
def test_an_item_that_one_vendor_made_continues_on_another(client: openai.OpenAI):
    made = client.responses.compact(model="native", input=history(20, {2: "GATE_moved"}))
    sealed: Any = made.output[-1].to_dict(mode="json", warnings=False)

    found = [
        answers(client, model, [sealed, question("GATE_moved")]).output_text
        for model in ("short", "council")
    ]

    assert found == [value_of("GATE_moved")] * 2


@pytest.mark.requirement("compaction-doors:stored")
def test_a_compaction_is_kept_read_and_continued(client: openai.OpenAI):
    made = client.responses.compact(model="short", input=history(12, {1: "GATE_kept"}))

    kept = client.responses.retrieve(made.id)
    reply = client.responses.create(
        model="short", previous_response_id=made.id, input=[question("GATE_kept")]
    )

    assert (kept.status, kept.output[-1].type) == ("completed", "compaction")
    assert reply.output_text == value_of("GATE_kept")


@pytest.mark.requirement("compaction-doors:trigger")
@pytest.mark.parametrize("model", ["short", "council"])
@pytest.mark.parametrize("streams", [True, False])
def test_a_trigger_is_answered_by_exactly_one_item(
    client: openai.OpenAI, model: str, *, streams: bool
):
    tools = [{"type": "function", "name": "run", "parameters": {"type": "object"}, "strict": None}]
    items = [*history(12, {1: "GATE_codex"}), {"type": "compaction_trigger"}]

    if streams:
        events = list(answers(client, model, items, tools=tools, stream=True))
        done = [event for event in events if event.type == "response.output_item.done"]
        response = events[-1].response
    else:
        done, response = [None], answers(client, model, items, tools=tools)

    assert len(done) == 1
    assert [item.type for item in response.output] == ["compaction"]
    sealed = response.output[0].to_dict(mode="json", warnings=False)
    reply = answers(client, model, [sealed, question("GATE_codex")])
    assert reply.output_text == value_of("GATE_codex")


@pytest.mark.requirement("compaction-doors:no-churn")
def test_an_agents_loop_compacts_again_only_when_it_has_grown(
    client: openai.OpenAI, sim: Simulator
):
    """A stateless client that sends everything each time; its window is soon passed."""
    items = history(36, {1: "GATE_loop"})
    levels: list[bool] = []
    summaries = 0
    for step in range(6):
        before = sim.latest()
        items.append({"role": "user", "content": f"Step {step}: go on with the work."})
        reply = answers(client, "short", items)
        items.append({"role": "assistant", "content": reply.output_text})
        levels.append(bool(compacted(reply).get("reused")))
        summaries += sum(call.kind == "summary" for call in sim.ended_calls(before))

    reply = answers(client, "short", [*items, question("GATE_loop")])

    assert levels == [False, *[True] * 5]
    assert summaries <= 2
    assert reply.output_text == value_of("GATE_loop")


COMPACT_AFTER_TOKENS = 14_000
INSTRUCTIONS = {
    "role": "developer",
    "content": "You are a coding agent. " + "Read the file before you change it. " * 600,
}
TOOLS = [
    {
        "type": "function",
        "name": f"tool_{n}",
        "description": "Runs a command in a shell and returns what it printed. " * 20,
        "parameters": {"type": "object", "properties": {"cmd": {"type": "string"}}},
        "strict": None,
    }
    for n in range(9)
]


def tool_output(step: int) -> str:
    chatter = random.Random(step)  # noqa: S311 - the same output each time
    return "\n".join(f"{n} {chatter.randrange(10**6)} ok" for n in range(300))


@pytest.mark.requirement("compaction-doors:no-churn")
@pytest.mark.parametrize("model", ["wide", "short", "council"])
def test_a_client_that_compacts_near_its_limit_does_not_compact_at_every_turn(
    client: openai.OpenAI, model: str
):
    """Shaped like Codex: instructions and users' messages are sent again beside the item."""
    said: list[Any] = [{"role": "user", "content": "The value of HARBOUR is 7-blue-7."}]
    item: list[Any] = []
    since: list[Any] = []
    compactions: list[int] = []
    for step in range(12):
        since += [
            {"role": "user", "content": f"Run step {step}."},
            {"type": "function_call", "call_id": f"c{step}", "name": "tool_1", "arguments": "{}"},
            {"type": "function_call_output", "call_id": f"c{step}", "output": tool_output(step)},
        ]
        window = [INSTRUCTIONS, *said, *item, *since]
        reply = answers(client, model, window, tools=TOOLS)
        since.append({"role": "assistant", "content": reply.output_text})
        if reply.usage.input_tokens + reply.usage.output_tokens > COMPACT_AFTER_TOKENS:
            trigger = [INSTRUCTIONS, *said, *item, *since, {"type": "compaction_trigger"}]
            (made,) = answers(client, model, trigger, tools=TOOLS).output
            said += [each for each in since if each.get("role") == "user"]
            item, since = [made.to_dict(mode="json", warnings=False)], []
            compactions.append(step)

    reply = answers(
        client, model, [INSTRUCTIONS, *said, *item, *since, question("HARBOUR")], tools=TOOLS
    )

    assert 1 <= len(compactions) <= 5
    assert all(later - earlier > 1 for earlier, later in itertools.pairwise(compactions))
    assert reply.output_text == "7-blue-7"


@pytest.mark.requirement("compaction-doors:counted")
@pytest.mark.parametrize("beside", [True, False])
def test_the_count_of_a_request_with_an_item_is_what_opening_it_costs(
    client: openai.OpenAI, *, beside: bool
):
    """With the messages that the client sends again, and where it sends the item alone."""
    run = {"type": "function_call", "call_id": "c", "name": "tool_1", "arguments": "{}"}
    ran = {"type": "function_call_output", "call_id": "c", "output": tool_output(0)}
    said: list[Any] = [INSTRUCTIONS, *history(3, {}), run, ran]
    made = client.responses.compact(model="wide", input=said)
    kept: list[Any] = [item.to_dict(mode="json", warnings=False) for item in made.output]
    window: list[Any] = [*(kept if beside else kept[-1:]), {"role": "user", "content": "Go on."}]

    counted = client.responses.input_tokens.count(model="wide", input=window).input_tokens

    spent = answers(client, "wide", window).usage.input_tokens
    assert 0.8 < counted / spent < 1.25


@pytest.mark.requirement("compaction-doors:context-management")
@pytest.mark.parametrize("streams", [True, False])
def test_context_management_compacts_and_goes_on_in_the_same_response(
    client: openai.OpenAI, *, streams: bool
):
    managed: Any = [{"type": "compaction", "compact_threshold": 2000}]
    items = [*history(20, {1: "GATE_managed"}), question("GATE_managed")]

    if streams:
        events = list(answers(client, "council", items, context_management=managed, stream=True))
        response = events[-1].response
    else:
        response = answers(client, "council", items, context_management=managed)

    below = answers(client, "council", items[-1:], context_management=managed)
    assert [item.type for item in response.output] == ["compaction", "message"]
    assert response.output_text == value_of("GATE_managed")
    assert [item.type for item in below.output] == ["message"]


@pytest.mark.requirement("compaction-doors:context-management")
def test_what_follows_a_managed_response_begins_with_its_item(client: openai.OpenAI):
    managed: Any = [{"type": "compaction", "compact_threshold": 2000}]
    items: list[Any] = [*history(20, {1: "GATE_chain"}), {"role": "user", "content": "Go on."}]
    first = client.responses.create(model="short", input=items, context_management=managed)

    reply = client.responses.create(
        model="short", previous_response_id=first.id, input=[question("GATE_chain")]
    )

    assert [item.type for item in first.output] == ["compaction", "message"]
    assert reply.output_text == value_of("GATE_chain")


@pytest.mark.requirement("compaction-doors:sealed")
def test_a_damaged_item_is_refused_in_either_mode(client: openai.OpenAI):
    made = client.responses.compact(model="short", input=history(4, {}))
    sealed: Any = made.output[-1].to_dict(mode="json", warnings=False)
    text = str(sealed["encrypted_content"])
    damaged = {
        **sealed,
        "encrypted_content": text[:80] + ("A" if text[80] != "A" else "B") + text[81:],
    }

    for streams in (False, True):
        with pytest.raises(openai.BadRequestError) as refused:
            answers(client, "council", [damaged, question("GATE_x")], stream=streams)
        assert refused.value.code == "invalid_encrypted_content"
