"""Reasoning that one vendor sealed, in a conversation that goes on with another one."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from service_kit.http import read_body, send_response
from service_kit.testing import running_service
from tests.scenes.gateway import configured
from tests.scenes.waiting import until_async
from wire.conversation import Usage

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from service_kit.http import Receive, Scope, Send
    from tests.scenes.gateway import GatewayScene

REFUSAL = {
    "error": {"message": "cannot be verified", "type": "invalid_request_error",
              "param": None, "code": "invalid_encrypted_content"}
}  # fmt: skip
OURS: Any = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "ours"}
THEIRS: Any = {"type": "reasoning", "id": "rs_2", "summary": [], "encrypted_content": "theirs"}
ASKED = {"role": "user", "content": "x"}


@dataclass
class ThinkingVendor:
    """Speaks Responses, thinks before it answers, and opens only what it has sealed itself."""

    asked: list[dict[str, Any]] = field(default_factory=list[Any])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = json.loads(await read_body(scope, receive, max_bytes=10**6, timeout_s=5))
        self.asked.append(body)
        if any(item.get("encrypted_content", "ours") != "ours" for item in body["input"]):
            await send_response(send, 400, json.dumps(REFUSAL).encode())
            return
        text: Any = {"type": "output_text", "text": "done", "annotations": []}
        message: Any = {"type": "message", "id": "msg_1", "role": "assistant", "content": [text]}
        usage = {"input_tokens": 5, "output_tokens": 6}
        answer: Any = {"status": "completed", "output": [OURS, message], "usage": usage}
        await send_response(send, 200, json.dumps(answer).encode())


@asynccontextmanager
async def vendor(scene: GatewayScene) -> AsyncGenerator[ThinkingVendor]:
    """The scene with the models `thinker`, passed through, and `translated`."""
    app = ThinkingVendor()
    async with running_service(app) as service:
        told = configured(scene.sim)
        told = told.replace(
            "providers:",
            f"""providers:
  thinking: {{kind: openai-compatible, base_url: "{service.url("/v1")}", max_attempts: 1}}""",
        )
        told = told.replace("models:", """models:
  thinker:
    provider: thinking
    dialects: [responses]
    capabilities: {reasoning: true}""", 1)  # fmt: skip
        scene.configuration.write_text(told)

        async def known() -> bool:
            return (await scene.send("GET", "/v1/models/thinker")).status == 200

        await until_async(known)
        yield app


@pytest.mark.requirement("responses:reasoning:foreign")
async def test_a_vendor_is_asked_again_without_what_another_sealed(scene: GatewayScene) -> None:
    async with vendor(scene) as thinking:
        reply = await scene.ask("thinker", [THEIRS, ASKED])

    assert (reply.status, reply.json["output"][1]["content"][0]["text"]) == (200, "done")
    assert [body["input"] for body in thinking.asked] == [[THEIRS, ASKED], [ASKED]]
    items = await scene.send("GET", f"/v1/responses/{reply.json['id']}/input_items?order=asc")
    assert [item["type"] for item in items.json["data"]] == ["reasoning", "message"]


@pytest.mark.requirement("responses:reasoning:foreign")
async def test_a_vendor_gets_its_own_thoughts_back(scene: GatewayScene) -> None:
    async with vendor(scene) as thinking:
        first = await scene.ask("thinker", [ASKED])
        await scene.ask("thinker", [ASKED], previous_response_id=first.json["id"])
        await scene.accounted()

    types = [item.get("type") for item in thinking.asked[1]["input"]]
    assert types == ["message", "reasoning", "message", None]
    assert thinking.asked[1]["input"][1]["encrypted_content"] == "ours"
    assert thinking.asked[0]["include"] == ["reasoning.encrypted_content"]
    assert first.json["usage"]["total_tokens"] == Usage(5, 6).total_tokens


@pytest.mark.requirement("responses:reasoning:foreign")
async def test_a_refusal_of_something_else_is_told(scene: GatewayScene) -> None:
    odd = {"type": "anything", "encrypted_content": "theirs"}
    async with vendor(scene) as thinking:
        reply = await scene.ask("thinker", [odd, ASKED])

    assert (reply.status, reply.error["code"]) == (400, "invalid_encrypted_content")
    assert len(thinking.asked) == 1
