from pathlib import Path

import msgspec
import pytest
from aiohttp import web

from cli.tests.endpoint_double import serving
from conclave_cli.commands.compact import Comparison, compact, read_items, table
from conclave_cli.errors import RequestFailedError
from wire.conversation import Compacted

USER = msgspec.Raw(b'{"role":"user","content":"hi"}')
ASSISTANT = msgspec.Raw(b'{"role":"assistant","content":"hello"}')
CALL = msgspec.Raw(b'{"type":"function_call","call_id":"c","name":"n","arguments":"{}"}')
SEALED = msgspec.Raw(b'{"type":"compaction","encrypted_content":"x"}')


@pytest.mark.requirement("compaction-doors:command")
def test_the_table_shows_each_kind_of_item_tokens_and_bytes():
    compared = Comparison([USER, ASSISTANT, CALL], [USER, SEALED], Compacted("summary", 2000, 500))

    assert [line.split() for line in table(compared)] == [
        ["before", "after", "left"],
        ["user", "messages", "1", "1"],
        ["assistant", "messages", "1", "0"],
        ["tool", "calls", "1", "0"],
        ["sealed", "0", "1"],
        ["items", "3", "2"],
        ["tokens,", "as", "read", "2,000", "500", "25", "%"],
        ["bytes,", "as", "sent", "134", "75", "56", "%"],
        [],
        ["level:", "summary"],
    ]


@pytest.mark.requirement("compaction-doors:command")
async def test_the_conversation_goes_to_the_endpoint_as_it_stands_in_the_file(tmp_path: Path):
    file = tmp_path / "conversation.json"
    file.write_bytes(b'{"model":"other","messages":[%b,%b]}' % (bytes(USER), bytes(ASSISTANT)))
    asked: list[bytes] = []

    async def answer(request: web.Request) -> web.Response:
        assert request.path == "/v1/responses/compact"
        asked.append(await request.read())
        details = {"level": "extractive", "tokens_before": 10, "tokens_after": 5}
        usage = {"total_tokens": 15, "compaction_details": details}
        return web.json_response({"output": [{"type": "compaction"}], "usage": usage})

    async with serving(answer) as endpoint:
        compared = await compact(endpoint, "council", read_items(file))

    assert msgspec.json.decode(asked[0]) == {
        "model": "council",
        "input": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}],
    }
    assert compared.compacted == Compacted("extractive", 10, 5)
    assert len(compared.after) == 1


@pytest.mark.parametrize("content", ["{}", "[]", "3", "no json"])
def test_a_file_without_items_is_refused_by_name(tmp_path: Path, content: str):
    file = tmp_path / "conversation.json"
    file.write_text(content)

    with pytest.raises(RequestFailedError, match=r"conversation\.json"):
        read_items(file)
