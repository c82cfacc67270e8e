"""Chat passed through: only what must change changes."""

import itertools
import json
import random
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api_gateway.dialects import json_members
from api_gateway.dialects.chat.head import decode_head
from api_gateway.dialects.chat.splice import (
    StreamSplicer,
    VendorFailedError,
    failure_frame,
    splice_completion,
    splice_request,
)
from wire.conversation import Usage
from wire.errors import UpstreamProtocolError
from wire.openai_chat import ChatRequest
from wire.sse import SseReader

DONE = b"data: [DONE]\n\n"
USAGE = {
    "prompt_tokens": 10,
    "completion_tokens": 5,
    "total_tokens": 15,
    "prompt_tokens_details": {"cached_tokens": 4},
    "completion_tokens_details": {"reasoning_tokens": 2},
}
COUNTED = Usage(10, 5, cached_tokens=4, reasoning_tokens=2)


# ------------------------------------------------------------------------------------- requests

texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
KNOWN = frozenset(ChatRequest.__struct_fields__)
extras = st.dictionaries(texts.filter(lambda name: name not in KNOWN), values, max_size=4)


@given(extras, texts, texts, st.randoms(), st.sampled_from([None, 1]))
@pytest.mark.requirement("splice:request:only-the-model")
def test_only_the_models_value_changes(
    extra: dict[str, Any], asked: str, upstream: str, order: random.Random, indent: int | None
) -> None:
    members = [
        *extra.items(),
        ("model", asked),
        ("messages", [{"role": "user", "content": '{"model":"trap"} \\"model\\":\\"trap\\"'}]),
        ("temperature", 0.25),
    ]
    order.shuffle(members)
    body = json.dumps(dict(members), indent=indent).encode()

    spliced = splice_request(decode_head(body), upstream)

    before, after = json_members.split(body), json_members.split(spliced)
    assert msgspec.json.decode(after.pop("model")) == upstream
    del before["model"]
    assert {name: bytes(raw) for name, raw in after.items()} == {
        name: bytes(raw) for name, raw in before.items()
    }


def spliced(**members: object) -> dict[str, Any]:
    body = {"model": "gpt-sim", "messages": [{"role": "user", "content": "x"}], **members}
    return json.loads(splice_request(decode_head(json.dumps(body).encode()), "sim-1"))


@pytest.mark.requirement("splice:metered")
def test_a_stream_is_asked_for_its_usage() -> None:
    assert spliced(stream=True)["stream_options"] == {"include_usage": True}
    assert spliced(stream=True, stream_options=None)["stream_options"] == {"include_usage": True}
    assert spliced(stream=True, stream_options={"include_obfuscation": False, "x": 1})[
        "stream_options"
    ] == {"include_usage": True, "include_obfuscation": False}
    assert "stream_options" not in spliced(stream=False)


def test_a_model_said_twice_reaches_the_backend_once() -> None:
    body = b'{"model":"a","messages":[{"role":"user","content":"x"}],"model":"b"}'

    assert splice_request(decode_head(body), "real").count(b'"model"') == 1


# ------------------------------------------------------------------------------- whole answers


def test_a_completion_comes_back_under_the_asked_name_with_its_usage() -> None:
    body = {"id": "x", "model": "vendor-2024", "choices": [{"a": '"model":"x"'}], "usage": USAGE}

    answer, usage = splice_completion(json.dumps(body).encode(), "gpt-sim", "sim")

    assert json.loads(answer) == {**body, "model": "gpt-sim"}
    assert usage == COUNTED


@pytest.mark.parametrize("usage", [None, {}, {"prompt_tokens": "x"}, 5])
def test_counts_that_cannot_be_read_are_no_counts(usage: object) -> None:
    body = json.dumps({"choices": [], "usage": usage}).encode()

    assert splice_completion(body, "m", "sim")[1] is None


def test_an_error_with_status_200_is_an_error() -> None:
    with pytest.raises(VendorFailedError) as failed:
        splice_completion(b'{"error":{"message":"no"}}', "m", "sim")

    assert failed.value.raw == b'{"message":"no"}'


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'{"id":"x"}'])
def test_what_is_no_completion_is_a_protocol_error(body: bytes) -> None:
    with pytest.raises(UpstreamProtocolError):
        splice_completion(body, "m", "sim")


# ------------------------------------------------------------------------------------- streams


def chunk(**members: object) -> dict[str, Any]:
    return {"id": "chatcmpl-9", "object": "chat.completion.chunk", "model": "vendor", **members}


def delta(text: str, **members: object) -> dict[str, Any]:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": None}
    return chunk(choices=[choice], **members)


END: dict[str, Any] = {"index": 0, "delta": {}, "finish_reason": "stop"}
FINISH = chunk(choices=[END])
TRAP = '"model":"vendor" [DONE] ,"usage":null "error": data: "finish_reason":"stop"\n\n'


def stream(*events: object, end: str = "\n\n", separators: tuple[str, str] = (",", ":")) -> bytes:
    frames = [f"data: {json.dumps(each, separators=separators)}{end}" for each in events]
    return ("".join(frames) + f"data: [DONE]{end}").encode()


def splice(
    data: bytes, cuts: Sequence[int] = (), *, include_usage: bool = False
) -> tuple[bytes, StreamSplicer]:
    splicer = StreamSplicer(public_model="gpt-sim", include_usage=include_usage, provider="sim")
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    pieces = [data[a:b] for a, b in itertools.pairwise(edges)]
    out = b"".join(splicer.feed(piece) for piece in pieces)
    return out + splicer.end(), splicer


def payloads(data: bytes) -> list[Any]:
    lines = [line for line in data.decode().splitlines() if line.startswith("data:")]
    bodies = [line.removeprefix("data:").strip() for line in lines]
    assert bodies[-1] == "[DONE]"
    assert bodies.count("[DONE]") == 1
    return [json.loads(body) for body in bodies[:-1]]


@given(
    said=st.lists(texts, max_size=4),
    cuts=st.lists(st.integers(0, 2000), max_size=12),
    end=st.sampled_from(["\n\n", "\r\n\r\n"]),
    separators=st.sampled_from([(",", ":"), (", ", ": ")]),
    wanted=st.booleans(),
    nulls=st.booleans(),
)
@pytest.mark.requirement("splice:stream:only-the-model")
def test_a_stream_cut_anywhere_keeps_all_but_the_model(
    *,
    said: list[str],
    cuts: list[int],
    end: str,
    separators: tuple[str, str],
    wanted: bool,
    nulls: bool,
) -> None:
    extra = {"usage": None} if nulls else {}
    events = [*(delta(text, **extra) for text in [*said, TRAP]), {**FINISH, **extra}]
    counted = chunk(choices=[], usage=USAGE)

    out, splicer = splice(
        stream(*events, counted, end=end, separators=separators), cuts, include_usage=wanted
    )

    visible = extra if wanted else {}
    expected = [*(delta(text, **visible) for text in [*said, TRAP]), {**FINISH, **visible}]
    if wanted:
        expected.append(counted)
    assert payloads(out) == [{**each, "model": "gpt-sim"} for each in expected]
    assert splicer.usage == COUNTED
    assert splicer.done


@given(
    cuts=st.lists(st.integers(0, 400), max_size=6),
    end=st.sampled_from(["\n\n", "\r\n\r\n"]),
    separators=st.sampled_from([(",", ":"), (", ", ": ")]),
)
@pytest.mark.requirement("splice:stream:only-the-model")
def test_azures_nameless_opening_is_left_out(
    cuts: list[int], end: str, separators: tuple[str, str]
) -> None:
    verdict = [{"prompt_index": 0, "content_filter_results": {"hate": {"filtered": False}}}]
    opening = {"choices": [], "id": "", "model": "", "object": "", "prompt_filter_results": verdict}
    said = {**delta("Hi"), "prompt_filter_results": verdict}

    out, _ = splice(stream(opening, said, FINISH, end=end, separators=separators), cuts)

    assert payloads(out) == [{**said, "model": "gpt-sim"}, {**FINISH, "model": "gpt-sim"}]


def test_an_event_is_passed_on_as_soon_as_it_is_whole() -> None:
    splicer = StreamSplicer(public_model="m", include_usage=False, provider="sim")
    data = stream(delta("a"))[: -len(DONE)]

    early = splicer.feed(data[:20])
    rest = splicer.feed(data[20:])

    assert early == b""
    assert payloads(rest + DONE) == [{**delta("a"), "model": "m"}]


@pytest.mark.requirement("splice:metered")
def test_usage_on_the_last_chunk_is_moved_to_one_of_its_own() -> None:
    data = stream(delta("a"), {**FINISH, "usage": USAGE})

    wanted, splicer = splice(data, include_usage=True)
    unwanted, _ = splice(data, include_usage=False)

    *_, finish, usage = payloads(wanted)
    assert (finish["choices"][0]["finish_reason"], finish["usage"]) == ("stop", None)
    assert (usage["choices"], usage["usage"], usage["id"]) == ([], USAGE, "chatcmpl-9")
    assert splicer.usage == COUNTED
    assert all("usage" not in each for each in payloads(unwanted))


def test_running_counts_end_as_the_last_one() -> None:
    first = {**USAGE, "completion_tokens": 1}

    out, splicer = splice(stream(delta("a", usage=first), {**FINISH, "usage": USAGE}))

    assert splicer.usage == COUNTED
    assert len(payloads(out)) == 2


def test_counts_of_an_unknown_shape_are_passed_on_uncounted() -> None:
    out, splicer = splice(stream({**FINISH, "usage": {"tokens": "many"}}), include_usage=True)

    assert splicer.usage is None
    assert payloads(out)[0]["usage"] == {"tokens": "many"}


@pytest.mark.requirement("chat:stream:failure")
def test_an_error_in_a_stream_is_raised_not_forwarded() -> None:
    splicer = StreamSplicer(public_model="m", include_usage=False, provider="sim")
    splicer.feed(stream(delta("a"))[: -len(DONE)])

    out = splicer.feed(b'data: {"error":{"message":"boom","code":"x"}}\n\n')

    with pytest.raises(VendorFailedError) as failed:
        splicer.check()
    assert out == b""
    assert json.loads(failed.value.raw)["code"] == "x"


@pytest.mark.parametrize("failure", [b'data: {"error":{"code":"x"}}\n\n', b'data: {"usage":{"x"\n'])
@pytest.mark.requirement("chat:stream:failure")
def test_what_came_before_an_error_in_the_same_chunk_is_not_lost(failure: bytes) -> None:
    splicer = StreamSplicer(public_model="m", include_usage=False, provider="sim")

    out = splicer.feed(stream(delta("said"))[: -len(DONE)] + failure + stream(delta("late")))

    (said,) = payloads(out + DONE)
    assert said["choices"][0]["delta"]["content"] == "said"
    assert splicer.feed(stream(delta("later"))) == b""
    with pytest.raises((VendorFailedError, UpstreamProtocolError)):
        splicer.check()


@pytest.mark.requirement("chat:stream:failure")
def test_a_failure_is_an_event_of_its_own_also_behind_an_unfinished_one() -> None:
    splicer = StreamSplicer(public_model="m", include_usage=False, provider="sim")
    cut = splicer.feed(stream(delta("a"))[: -len(DONE)].rstrip(b"\n") + b"\n")

    frames = cut + failure_frame(UpstreamProtocolError("broke", provider="sim").info())

    first, last = [json.loads(event.data) for event in SseReader().feed(frames)]
    assert (first["choices"][0]["delta"]["content"], "error" in last) == ("a", True)


def test_an_error_member_that_is_null_is_no_error() -> None:
    out, _ = splice(stream(delta("a", error=None), FINISH))

    assert len(payloads(out)) == 2


@pytest.mark.requirement("chat:stream:failure")
def test_an_end_without_a_finish_is_a_failure() -> None:
    splicer = StreamSplicer(public_model="m", include_usage=False, provider="sim")
    splicer.feed(stream(delta("a"))[: -len(DONE)])

    with pytest.raises(UpstreamProtocolError):
        splicer.end()


def test_an_end_marker_that_never_came_is_supplied() -> None:
    splicer = StreamSplicer(public_model="m", include_usage=False, provider="sim")
    splicer.feed(stream(delta("a"), FINISH)[: -len(DONE)])

    assert splicer.end() == b"\n" + DONE


@pytest.mark.requirement("chat:stream:shape")
def test_an_end_marker_is_an_event_of_its_own_also_behind_an_unfinished_one() -> None:
    splicer = StreamSplicer(public_model="m", include_usage=False, provider="sim")
    cut = stream(delta("a"), FINISH)[: -len(DONE)].rstrip(b"\n") + b"\n"

    out = splicer.feed(cut) + splicer.end()

    assert [event.data for event in SseReader().feed(out)][-1] == b"[DONE]"


def test_nothing_follows_the_end_marker() -> None:
    splicer = StreamSplicer(public_model="m", include_usage=False, provider="sim")
    out = splicer.feed(stream(FINISH) + b'data: {"late":1}\n\n')

    assert out.endswith(DONE)
    assert (splicer.feed(b"data: more\n\n"), splicer.end()) == (b"", b"")


def test_comments_pass_and_event_names_do_not() -> None:
    splicer = StreamSplicer(public_model="m", include_usage=False, provider="sim")

    out = splicer.feed(b": wait\n\nid: 4\nevent: chunk\n" + stream(FINISH))

    assert out.startswith(b": wait\n\n")
    assert b"event:" not in out


def test_an_event_that_is_not_json_is_a_protocol_error() -> None:
    splicer = StreamSplicer(public_model="m", include_usage=False, provider="sim")

    splicer.feed(b'data: {"usage": {"x": \n')

    with pytest.raises(UpstreamProtocolError):
        splicer.check()


def test_a_line_without_end_is_a_protocol_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api_gateway.dialects.chat.splice.MAX_EVENT_BYTES", 100)
    splicer = StreamSplicer(public_model="m", include_usage=False, provider="sim")

    out = splicer.feed(b"data: 1\n\ndata: " + b"x" * 90)
    splicer.check()
    splicer.feed(b"x" * 10)

    assert out == b"data: 1\n\n"
    with pytest.raises(UpstreamProtocolError):
        splicer.check()
