"""Whatever bytes come, at whatever door: an answer or a typed refusal, never a crash."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from api_gateway.routes.openapi_operations import OPERATIONS

if TYPE_CHECKING:
    from tests.scenes.gateway import GatewayScene

DOORS = [path for method, path in OPERATIONS if method == "POST"]
READING = [path for method, path in OPERATIONS if method == "GET"]
IDS = {
    "completion": "chatcmpl-1",
    "response": "resp_1",
    "conversation": "conv_1",
    "item": "msg_1",
    "run": "run_1",
    "model": "sim",
}
DEEP = 100_000
MEMBERS = ("model", "messages", "prompt", "input", "items", "metadata", "score")
BODIES = {
    "empty": b"",
    "blank": b" \n",
    "null": b"null",
    "an array": b"[]",
    "a string": b'"x"',
    "a number": b"1e999",
    "cut": b'{"model": "sim", "messages": [{"role": "us',
    "two values": b"{}{}",
    "NaN": b'{"model": "sim", "temperature": NaN}',
    "not UTF-8": b'{"model": "\xff\xfe"}',
    "a lone surrogate": b'{"model": "sim", "input": "\\ud800", "prompt": "\\udfff"}',
    "NUL": b'{"model": "sim\\u0000", "prompt": "\\u0000", "input": "\\u0000"}',
    "deep arrays": b"[" * DEEP,
    "deep objects": b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "deep inside": b'{"model":"sim","metadata":{"a":"b"},"input":'
    + b"[" * DEEP
    + b"]" * DEEP
    + b"}",
    "a huge integer": b'{"model": "sim", "seed": ' + b"9" * 400 + b', "score": 1}',
    "members twice": b'{"model": "sim", "model": 5, "items": [], "items": {}}',
    "every type wrong": json.dumps({name: {"a": [1]} for name in MEMBERS}).encode(),
}


def at(path: str) -> str:
    return path.format(**IDS)


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.requirement("surface:any-body")
async def test_no_body_is_a_fault_of_ours(scene: GatewayScene, body: str) -> None:
    for path in DOORS:
        reply = await scene.send("POST", at(path), BODIES[body])

        assert reply.status < 500, (path, reply.body)
        assert reply.status == 200 or set(reply.error) == {"message", "type", "param", "code"}


QUERIES = (
    "limit=0&order=x&after=%00",
    "limit=%FF&after=%F0%9F",
    "limit=" + "9" * 5000,
    "metadata[" + "k" * 2000 + "]=v&answers=%00&include[]=x&starting_after=-1&stream=true",
    "&&&==;;%zz",
)


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.requirement("surface:any-body")
async def test_no_query_is_a_fault_of_ours(scene: GatewayScene, query: str) -> None:
    for path in READING:
        reply = await scene.send("GET", f"{at(path)}?{query}")

        assert reply.status < 500, (path, reply.body)


ODD_IDS = ("%00", "%FF%FE", "a%2Fb", "%F0%9F%98%80", "x" * 5000, "..%2f..", "%")


@pytest.mark.parametrize("odd", ODD_IDS)
@pytest.mark.requirement("surface:any-body")
async def test_no_id_is_a_fault_of_ours(scene: GatewayScene, odd: str) -> None:
    for method, path in OPERATIONS:
        if "{" not in path:
            continue
        body: Any = {"metadata": {}, "score": 1, "items": [{"role": "user", "content": "x"}]}

        reply = await scene.send(method, path.format_map(dict.fromkeys(IDS, odd)), body)

        assert reply.status < 500, (method, path, reply.body)
