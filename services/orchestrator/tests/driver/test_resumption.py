"""A client's tool result goes on from the turn that asked for it."""

import re
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from orchestrator.driver.resumption import conversation_sha256, referred_run, tool_call_id
from services.orchestrator.tests.running import (
    Orchestrator,
    ended,
    model,
    orchestrator,
    panel,
    start_run,
    text_of,
)
from wire.conversation import (
    FunctionTool,
    GenerationRequest,
    Item,
    Message,
    TextPart,
    ToolCall,
    ToolCallStarted,
    ToolResult,
    user_text,
)
from wire.coordination import RunEvent
from wire.ids import new_run_id, new_tool_call_id
from wire.specs import AgentSpec, Capabilities, PanelSpec

EVERY_VENDOR_TAKES = re.compile(r"[a-zA-Z0-9_-]{1,40}")
ERRAND = (
    'Call the tool named `look` exactly once with these arguments: {"x": 1} . '
    "After the tool result, reply with exactly: done and dusted"
)
LOOK = FunctionTool("look", "Looks.", msgspec.Raw(b'{"type":"object"}'))


def asking(*items: Item) -> GenerationRequest:
    return GenerationRequest(items=items, tools=(LOOK,))


def continued(events: list[RunEvent], before: tuple[Item, ...]) -> tuple[Item, ...]:
    """What a client sends next: everything so far, the call, its result."""
    (call,) = [event for event in events if isinstance(event, ToolCallStarted)]
    told = text_of(events)
    said = (Message("assistant", (TextPart(told),)),) if told else ()
    return (
        *before,
        *said,
        ToolCall(call.call_id, call.name, '{"x":1}'),
        ToolResult(call.call_id, (TextPart("seen"),)),
    )


def one_writes_the_others_call(service: Orchestrator) -> PanelSpec:
    """cyd's model knows no tools: it answers at once where ada and bob look first."""
    able = model(service.sim)
    unable = msgspec.structs.replace(able, capabilities=Capabilities(tools=False))
    seats = (
        AgentSpec(agent_id=name, model=unable if name == "cyd" else able, persona=f"You are {name}")
        for name in ("ada", "bob", "cyd")
    )
    return panel(service.sim, *seats, tools="vote")


async def first_turn(service: Orchestrator, council: PanelSpec) -> tuple[Item, ...]:
    """The conversation as it stands after a turn that ended in a tool call."""
    begun = (user_text(ERRAND),)
    events = await service.run(start_run(council, request=asking(*begun)))
    assert Counter(call.phase for call in ended(events).calls) == {"answer": 3}
    return continued(events, begun)


def answers(events: list[RunEvent]) -> list[str]:
    """Who was asked for an answer."""
    return sorted(call.agent_id for call in ended(events).calls if call.phase == "answer")


@pytest.mark.requirement("coordination:tools:resume")
async def test_an_answer_of_the_turn_before_is_not_bought_again(service: Orchestrator) -> None:
    council = one_writes_the_others_call(service)
    items = await first_turn(service, council)

    events = await service.run(start_run(council, request=asking(*items)))

    record = ended(events)
    assert answers(events) == ["ada", "bob"]
    assert text_of(events) == "done and dusted"
    assert [call.phase for call in record.calls].count("ballot") >= 2


@pytest.mark.requirement("coordination:tools:resume")
async def test_a_draft_is_found_in_the_store_too(tmp_path: Path) -> None:
    async with orchestrator(tmp_path, ended_runs_kept_s=0) as service:
        council = one_writes_the_others_call(service)
        items = await first_turn(service, council)

        events = await service.run(start_run(council, request=asking(*items)))

    assert answers(events) == ["ada", "bob"]


@pytest.mark.requirement("coordination:tools:resume")
@pytest.mark.parametrize("foreign", ["tenant_id", "key_id"])
async def test_a_foreign_reference_is_a_turn_without_a_past(
    service: Orchestrator, foreign: str
) -> None:
    council = one_writes_the_others_call(service)
    items = await first_turn(service, council)
    start = start_run(council, request=asking(*items))

    events = await service.run(msgspec.structs.replace(start, **{foreign: "another"}))

    assert answers(events) == ["ada", "bob", "cyd"]
    assert ended(events).status == "completed"


@pytest.mark.requirement("coordination:tools:resume")
async def test_another_conversation_or_panel_gets_nothing_of_it(service: Orchestrator) -> None:
    council = one_writes_the_others_call(service)
    items = await first_turn(service, council)
    elsewhere = (user_text("Something else."), *items[1:])
    renamed = msgspec.structs.replace(council, name="other")

    for spec, said in ((council, elsewhere), (renamed, items)):
        events = await service.run(start_run(spec, request=asking(*said)))
        assert answers(events) == ["ada", "bob", "cyd"]


@pytest.mark.requirement("coordination:tools:resume")
async def test_whoever_stood_in_for_the_lead_goes_on(service: Orchestrator) -> None:
    await service.sim.add_rules(
        {"match": {"persona_regex": "ada"}, "profile": {"fault": "400"}, "times": 1}
    )
    council, begun = panel(service.sim), (user_text(ERRAND),)
    first = await service.run(start_run(council, request=asking(*begun)))

    events = await service.run(start_run(council, request=asking(*continued(first, begun))))

    assert [c.agent_id for c in ended(first).calls if c.status == "completed"] == ["bob"]
    led = [call.agent_id for call in ended(events).calls if call.phase == "tool"]
    assert led == ["bob"]
    assert text_of(events) == "done and dusted"


async def test_where_there_is_nothing_to_come_back_for_the_vendors_id_stays(
    service: Orchestrator,
) -> None:
    start = start_run(panel(service.sim), request=asking(user_text(ERRAND)))

    (call,) = [e for e in await service.run(start) if isinstance(e, ToolCallStarted)]

    assert call.call_id != tool_call_id(start.run_id, 0)


def test_a_reference_is_an_id_that_every_vendor_takes() -> None:
    run_id = new_run_id()

    ids = [tool_call_id(run_id, index) for index in range(256)]

    assert len(set(ids)) == 256
    assert all(call_id and EVERY_VENDOR_TAKES.fullmatch(call_id) for call_id in ids)
    assert tool_call_id(run_id, 256) is None
    assert tool_call_id("resp_1", 0) is None


def test_only_the_last_turns_tool_result_refers_to_a_run() -> None:
    run_id = new_run_id()
    call_id = tool_call_id(run_id, 3) or ""
    result = ToolResult(call_id, ())

    assert referred_run((user_text("hi"), result)) == run_id
    assert referred_run((result, user_text("and be quick"))) == run_id
    assert referred_run((result, Message("assistant", (TextPart("done"),)))) is None
    assert referred_run((ToolResult(new_tool_call_id(), ()),)) is None
    assert referred_run((user_text("hi"),)) is None


def test_a_conversation_is_the_same_whatever_ids_its_items_bear() -> None:
    one, other = user_text("hi"), user_text("ho")
    named = msgspec.structs.replace(one, id="msg_1")

    assert conversation_sha256((one,)) == conversation_sha256((named,))
    assert conversation_sha256((one,)) != conversation_sha256((other,))
