"""Web pages that call from a browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.scenes.gateway import GatewayScene, gateway

if TYPE_CHECKING:
    from pathlib import Path

PAGE = "https://chat.example.com"
CHAT = "/v1/chat/completions"
PREFLIGHT = {
    "origin": PAGE,
    "access-control-request-method": "POST",
    "access-control-request-headers": "authorization,content-type,x-stainless-os",
}


def cors_headers(headers: dict[str, str]) -> set[str]:
    return {name for name in headers if name.startswith("access-control-")}


@pytest.mark.requirement("surface:cors")
async def test_no_page_may_call_unless_it_was_named(scene: GatewayScene) -> None:
    preflight = await scene.send("OPTIONS", CHAT, key=None, headers=PREFLIGHT)
    answer = await scene.chat(headers={"origin": PAGE})

    assert (preflight.status, answer.status) == (204, 200)
    assert cors_headers(preflight.headers) == cors_headers(answer.headers) == set()
    assert "vary" not in answer.headers


@pytest.mark.requirement("surface:cors")
async def test_a_named_page_is_let_in_before_it_shows_its_key(tmp_path: Path) -> None:
    async with gateway(tmp_path, cors_origins=f"{PAGE}, http://localhost:3000") as scene:
        known = await scene.send("OPTIONS", CHAT, key=None, headers=PREFLIGHT)
        unknown = await scene.send("OPTIONS", "/v1/no/such", key=None, headers=PREFLIGHT)

    assert (known.status, known.body) == (204, b"")
    assert known.headers["access-control-allow-origin"] == PAGE
    assert "POST" in known.headers["access-control-allow-methods"]
    asked = PREFLIGHT["access-control-request-headers"]
    assert known.headers["access-control-allow-headers"] == asked
    assert known.headers["vary"] == "origin"
    told = cors_headers(known.headers)
    assert (unknown.status, cors_headers(unknown.headers)) == (204, told)
    assert "access-control-allow-credentials" not in told


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.requirement("surface:cors")
async def test_a_named_page_may_read_every_answer(tmp_path: Path, *, stream: bool) -> None:
    async with gateway(tmp_path, cors_origins=PAGE) as scene:
        replies = [
            await scene.chat(headers={"origin": PAGE}, stream=stream),
            await scene.chat("no-such", headers={"origin": PAGE}, stream=stream),
            await scene.send("GET", "/v1/models", key=None, headers={"origin": PAGE}),
        ]

    assert [reply.status for reply in replies] == [200, 404, 401]
    for reply in replies:
        assert reply.headers["access-control-allow-origin"] == PAGE
        assert "x-request-id" in reply.headers["access-control-expose-headers"]


@pytest.mark.requirement("surface:cors")
async def test_another_page_is_not(tmp_path: Path) -> None:
    async with gateway(tmp_path, cors_origins=PAGE) as scene:
        foreign = await scene.chat(headers={"origin": "https://evil.example"})
        plain = await scene.chat()

    assert cors_headers(foreign.headers) == cors_headers(plain.headers) == set()
    assert foreign.headers["vary"] == plain.headers["vary"] == "origin"


async def test_every_page_may_be_let_in_at_once(tmp_path: Path) -> None:
    async with gateway(tmp_path, cors_origins="*") as scene:
        reply = await scene.chat(headers={"origin": "https://anywhere.example"})

    assert reply.headers["access-control-allow-origin"] == "*"
    assert "vary" not in reply.headers


async def test_a_question_for_methods_is_no_preflight(tmp_path: Path) -> None:
    async with gateway(tmp_path, cors_origins=PAGE) as scene:
        reply = await scene.send("OPTIONS", CHAT, key=None, headers={"origin": PAGE})

    assert (reply.status, reply.headers["allow"]) == (204, "GET, POST")
