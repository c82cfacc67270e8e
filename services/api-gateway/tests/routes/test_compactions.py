"""The doors by which clients compact, each with a scripted compactor behind it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from service_kit.internal_server import InternalApp
from service_kit.lifecycle import Lifecycle
from service_kit.testing import running_service
from tests.scenes.gateway import TOKEN, GatewayScene, answered, gateway
from tests.scenes.responses import read_frames
from wire.compaction import CompactRequest, CompactResult, OpenRequest, OpenResult
from wire.conversation import CompactionItem, ItemDone, Message, Usage
from wire.coordination import RunStarted
from wire.endpoints import COMPACT, OPEN_COMPACTION
from wire.errors import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence
    from pathlib import Path

    from service_kit.call_context import CallContext
    from wire.conversation import Item
    from wire.coordination import RunEvent, StartRun

HISTORY: list[Any] = [
    {"role": "developer", "content": "Be terse."},
    {"role": "user", "content": "What is a heap?"},
    {"role": "assistant", "content": "A tree."},
    {"role": "user", "content": [{"type": "input_text", "text": "And a trie?"}]},
]
TRIGGER = {"type": "compaction_trigger"}
SEALED = CompactionItem("cmp1.sealed")
MANAGED = [{"type": "compaction", "compact_threshold": 1000}]


@dataclass
class ScriptedCompactor:
    """Keeps every message that is not the assistant's."""

    asked: list[CompactRequest] = field(default_factory=list[CompactRequest])
    usage: Usage = field(default_factory=lambda: Usage(700, 70))

    def app(self, lifecycle: Lifecycle) -> InternalApp:
        app = InternalApp(TOKEN, lifecycle)
        app.add(COMPACT, self._compact)
        app.add(OPEN_COMPACTION, self._open)
        return app

    async def _compact(
        self, request: CompactRequest, _context: CallContext, _params: dict[str, str]
    ) -> CompactResult:
        self.asked.append(request)
        if any(isinstance(item, CompactionItem) for item in request.items):
            raise InvalidRequestError("Not readable.", code="invalid_encrypted_content")
        kept = [
            item for item in request.items if isinstance(item, Message) and item.role != "assistant"
        ]
        return CompactResult(
            items=(*kept, SEALED),
            level="summary",
            tokens_before=900,
            tokens_after=90,
            item_tokens=60,
            budget_tokens=100,
            compaction=SEALED,
            usage=self.usage,
        )

    async def _open(
        self, request: OpenRequest, _context: CallContext, _params: dict[str, str]
    ) -> OpenResult:
        if SEALED not in [msgspec.structs.replace(i, id=None) for i in _sealed(request.items)]:
            raise InvalidRequestError("Not readable.", code="invalid_encrypted_content")
        return OpenResult(items=(), level="extractive", tokens=4321)


def _sealed(items: Sequence[Item]) -> list[CompactionItem]:
    return [item for item in items if isinstance(item, CompactionItem)]


@dataclass
class Doors:
    scene: GatewayScene
    compactor: ScriptedCompactor

    async def compact(self, **members: object) -> Any:  # noqa: ANN401 - a reply's JSON
        reply = await self.scene.send("POST", "/v1/responses/compact", members)
        assert reply.status == 200, reply.body
        return reply.json


@asynccontextmanager
async def opened(folder: Path) -> AsyncGenerator[Doors]:
    lifecycle, compactor = Lifecycle(), ScriptedCompactor()
    async with (
        running_service(compactor.app(lifecycle), lifecycle=lifecycle) as service,
        gateway(folder, compactor_url=service.url()) as scene,
    ):
        yield Doors(scene, compactor)


@pytest.fixture
async def doors(tmp_path: Path) -> AsyncGenerator[Doors]:
    async with opened(tmp_path) as running:
        yield running


@pytest.mark.requirement("compaction-doors:endpoint")
@pytest.mark.parametrize("model", ["sim", "council"])
async def test_kept_messages_come_back_and_one_sealed_item_last(doors: Doors, model: str) -> None:
    made = await doors.compact(model=model, input=HISTORY, instructions="Keep the numbers.")

    (asked,) = doors.compactor.asked
    assert made["object"] == "response.compaction"
    assert [item["type"] for item in made["output"]] == ["message"] * 3 + ["compaction"]
    assert [item.get("role") for item in made["output"][:3]] == ["developer", "user", "user"]
    assert made["output"][2]["content"] == [{"type": "input_text", "text": "And a trie?"}]
    assert made["output"][-1]["encrypted_content"] == "cmp1.sealed"
    assert made["usage"]["total_tokens"] == 770
    assert made["usage"]["compaction_details"] == {
        "level": "summary", "tokens_before": 900, "tokens_after": 90
    }  # fmt: skip
    assert (asked.mode, asked.instructions, len(asked.items)) == (
        "explicit",
        "Keep the numbers.",
        4,
    )


@pytest.mark.requirement("compaction-doors:endpoint")
async def test_where_no_model_was_asked_usage_is_what_went_in_and_what_the_item_opens_to(
    doors: Doors,
) -> None:
    doors.compactor.usage = Usage()

    made = await doors.compact(model="sim", input="hi")

    assert (made["usage"]["input_tokens"], made["usage"]["output_tokens"]) == (900, 60)


@pytest.mark.requirement("compaction-doors:counted")
@pytest.mark.parametrize("model", ["sim", "council"])
async def test_an_item_counts_as_what_it_opens_to(doors: Doors, model: str) -> None:
    item: Any = {"type": "compaction", "encrypted_content": SEALED.encrypted_content}
    tool: Any = {"type": "function", "name": "f", "parameters": {"type": "object"}}

    alone = await doors.scene.sdk.responses.input_tokens.count(model=model, input=[item])
    offered = await doors.scene.sdk.responses.input_tokens.count(
        model=model, input=[item], tools=[tool]
    )

    assert 4321 < alone.input_tokens < 4330
    assert offered.input_tokens > alone.input_tokens


@pytest.mark.requirement("compaction-doors:counted")
async def test_an_item_that_cannot_be_opened_cannot_be_counted(doors: Doors) -> None:
    body = {"model": "sim", "input": [{"type": "compaction", "encrypted_content": "cmp1.other"}]}

    reply = await doors.scene.send("POST", "/v1/responses/input_tokens", body)

    assert (reply.status, reply.error["code"]) == (400, "invalid_encrypted_content")


@pytest.mark.requirement("compaction-doors:endpoint")
@pytest.mark.parametrize(
    ("body", "param", "code"),
    [
        ({"input": "hi"}, "model", "missing_required_parameter"),
        ({"model": "sim"}, "input", "missing_required_parameter"),
        ({"model": "sim", "input": []}, "input", "empty_array"),
        ({"model": "nobody", "input": "hi"}, "model", "model_not_found"),
        (
            {"model": "sim", "input": [{"type": "compaction", "encrypted_content": "x"}]},
            None,
            "invalid_encrypted_content",
        ),
    ],
)
async def test_what_cannot_be_compacted_is_refused(
    doors: Doors, body: dict[str, object], param: str | None, code: str
) -> None:
    reply = await doors.scene.send("POST", "/v1/responses/compact", body)

    assert reply.status == (404 if code == "model_not_found" else 400)
    assert (reply.error["param"], reply.error["code"]) == (param, code)


@pytest.mark.requirement("compaction-doors:stored")
async def test_a_compaction_is_kept_and_begins_the_chain_that_continues_it(doors: Doors) -> None:
    made = await doors.compact(model="council", input=HISTORY)

    kept = await doors.scene.send("GET", f"/v1/responses/{made['id']}")
    await doors.scene.ask("council", "Go on.", previous_response_id=made["id"])

    (start,) = doors.scene.orchestrator.started
    kinds = [type(item).__name__ for item in start.request.items]
    assert (kept.json["status"], kept.json["object"]) == ("completed", "response")
    assert kept.json["output"] == made["output"]
    assert kinds == ["Message", "Message", "Message", "CompactionItem", "Message"]


@pytest.mark.requirement("compaction-doors:stored")
async def test_a_chain_can_be_compacted_by_its_last_id(doors: Doors) -> None:
    said = await doors.scene.ask("council", "What is a heap?")

    await doors.compact(model="council", previous_response_id=said.json["id"])

    (asked,) = doors.compactor.asked
    assert [item.role for item in asked.items if isinstance(item, Message)] == [
        "user",
        "assistant",
    ]


@pytest.mark.requirement("compaction-doors:trigger")
@pytest.mark.parametrize("model", ["sim", "council"])
async def test_a_trigger_is_answered_by_the_sealed_item_alone(doors: Doors, model: str) -> None:
    whole = await doors.scene.ask(model, [*HISTORY, TRIGGER])
    streamed = await doors.scene.ask(model, [*HISTORY, TRIGGER], stream=True)

    events = read_frames(streamed.body)
    done = [event["item"] for event in events if event["type"] == "response.output_item.done"]
    assert [event["type"] for event in events] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.output_item.done",
        "response.completed",
    ]
    assert [item["type"] for item in done] == ["compaction"]
    assert events[-1]["response"]["output"] == done
    assert [item["encrypted_content"] for item in whole.json["output"]] == ["cmp1.sealed"]
    assert whole.json["usage"]["compaction_details"]["level"] == "summary"
    assert doors.scene.orchestrator.started == []


@pytest.mark.requirement("compaction-doors:trigger")
async def test_a_trigger_that_is_not_last_is_refused(doors: Doors) -> None:
    reply = await doors.scene.ask("sim", [TRIGGER, *HISTORY])

    assert (reply.status, reply.error["param"]) == (400, "input")


@pytest.mark.requirement("compaction-doors:context-management")
@pytest.mark.parametrize("model", ["sim", "council"])
async def test_a_managed_context_is_a_run_that_knows_the_threshold(
    doors: Doors, model: str
) -> None:
    async def script(start: StartRun) -> AsyncGenerator[RunEvent]:
        yield RunStarted(start.run_id)
        yield ItemDone(SEALED)
        async for event in answered(start):
            if not isinstance(event, RunStarted):
                yield event

    doors.scene.orchestrator.script = script

    first = await doors.scene.ask(model, HISTORY, context_management=MANAGED)
    await doors.scene.ask(model, "Go on.", previous_response_id=first.json["id"])

    start, following = doors.scene.orchestrator.started
    assert start.compact_threshold_tokens == 1000
    assert [item["type"] for item in first.json["output"]] == ["compaction", "message"]
    assert [type(item).__name__ for item in following.request.items] == [
        "CompactionItem",
        "Message",
        "Message",
    ]


@pytest.mark.requirement("compaction-doors:context-management")
async def test_a_client_may_leave_the_threshold_to_us(doors: Doors) -> None:
    await doors.scene.ask("sim", "hi", context_management=[{"type": "compaction"}])

    (start,) = doors.scene.orchestrator.started
    assert start.compact_threshold_tokens == 96_000  # 75 % of 128,000


@pytest.mark.requirement("compaction-doors:lane")
async def test_a_conversation_past_the_threshold_is_a_run_in_either_dialect(doors: Doors) -> None:
    long = "several words that count " * 24_000

    await doors.scene.chat("sim", long)
    await doors.scene.ask("sim", long)
    await doors.scene.chat("sim", "short")

    assert [start.panel.kind for start in doors.scene.orchestrator.started] == ["model", "model"]


@pytest.mark.requirement("compaction-doors:overflow")
@pytest.mark.parametrize("model", ["sim-overflow", "responses-overflow"])
async def test_a_backend_that_overflows_hands_over_to_a_run(doors: Doors, model: str) -> None:
    said = await doors.scene.ask(model, "hi")
    chatted = await doors.scene.chat("sim-overflow", "hi")

    assert said.json["output"][0]["content"][0]["text"] == "Hello world"
    assert chatted.json["choices"][0]["message"]["content"] == "Hello world"
    assert len(doors.scene.orchestrator.started) == 2
