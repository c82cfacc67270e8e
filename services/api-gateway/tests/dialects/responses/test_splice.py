"""Responses passed through: what changes in a request and its answer, and what does not."""

import contextlib
import json
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api_gateway.dialects.responses.decode import ResponsesBody, decode_body
from api_gateway.dialects.responses.encode import ResponseEncoder
from api_gateway.dialects.responses.head import decode_head
from api_gateway.dialects.responses.items import split_input
from api_gateway.dialects.responses.response_object import ResponseEcho, echo_of
from api_gateway.dialects.responses.splice import (
    SplicedResponse,
    StreamSplicer,
    VendorFailedError,
    splice_request,
)
from tests.scenes.responses import check_response, read_frames, strict
from wire.conversation import (
    ChoiceFinished,
    TextDelta,
    ToolArgumentsDelta,
    ToolCallStarted,
    Usage,
    UsageReported,
)
from wire.errors import OverloadedError, UpstreamProtocolError
from wire.specs import Capabilities, ModelSpec, ProviderKind, ProviderSpec

REASONING: Any = {"type": "reasoning", "summary": [], "id": "rs_1"}


def body(**members: object) -> ResponsesBody:
    head = decode_head(json.dumps({"model": "sim", "input": "hi", **members}).encode())
    return decode_body(head, split_input(head.parameters.input))


def model(kind: ProviderKind = "openai", can: Capabilities | None = None) -> ModelSpec:
    provider = ProviderSpec(name="vendor", kind=kind, base_url="http://x")
    return ModelSpec(
        name="sim", provider=provider, upstream_model="up-1", capabilities=can or Capabilities(),
    )  # fmt: skip


def spliced(
    history: list[Any] | None = None, to: ModelSpec | None = None, **members: object
) -> dict[str, Any]:
    before = [msgspec.Raw(json.dumps(item).encode()) for item in history or []]
    return json.loads(splice_request(body(**members), before, to or model()))


def echo(**members: object) -> ResponseEcho:
    return echo_of(body(**members), response_id="resp_ours", created_unix_s=7, shows_reasoning=True)


def vendors_stream(**members: object) -> bytes:
    """A vendor's stream, by our own encoder under another name."""
    vendor = msgspec.structs.replace(
        echo(**{**members, "store": False}), response_id="resp_theirs", model="up-1"
    )
    encoder = ResponseEncoder(vendor)
    events = (
        TextDelta("Hel"), TextDelta("lo"), ToolCallStarted(0, "c", "f"),
        ToolArgumentsDelta(0, "{}"), ChoiceFinished("tool_calls"), UsageReported(Usage(3, 4, 1)),
    )  # fmt: skip
    frames = b"".join(map(encoder.encode, events))
    return encoder.opening() + frames + encoder.complete(9).frames


def passed(
    stream: bytes, cuts: tuple[int, ...] = (), **members: object
) -> tuple[bytes, SplicedResponse]:
    response = SplicedResponse(echo(**members), "vendor")
    splicer = StreamSplicer(response, "vendor")
    bounds = [0, *sorted(cuts), len(stream)]
    out = b"".join(splicer.feed(stream[a:b]) for a, b in pairwise(bounds))
    splicer.check()
    splicer.end()
    return out, response


# --------------------------------------------------------------------------------------- request


@pytest.mark.requirement("responses:splice")
def test_the_vendor_gets_its_own_name_and_keeps_nothing() -> None:
    sent = spliced(metadata={"a": "b"}, store=True, temperature=0.5, user="u")

    assert sent == {
        "model": "up-1", "input": "hi", "store": False, "temperature": 0.5, "user": "u",
    }  # fmt: skip


@pytest.mark.requirement("responses:splice")
def test_members_openai_does_not_know_stay_here_and_others_get_them() -> None:
    odd: Any = {"client_metadata": {"a": 1}, "top_k": 5, "prompt_cache_retention": "24h"}

    assert set(spliced(**odd)) == {"model", "input", "store", "prompt_cache_retention"}
    assert set(spliced(to=model("openai-compatible"), **odd)) == {"model", "input", "store", *odd}


@pytest.mark.requirement("responses:store:continued")
def test_the_history_goes_before_the_input() -> None:
    earlier = {"type": "message", "role": "assistant", "id": "msg_1", "content": "b"}

    sent = spliced([earlier], previous_response_id="resp_1")
    listed = spliced([earlier], input=[{"role": "user", "content": "c"}], conversation="conv_1")

    assert sent["input"] == [earlier, {"role": "user", "content": "hi"}]
    assert listed["input"] == [earlier, {"role": "user", "content": "c"}]
    assert not {"previous_response_id", "conversation"} & (set(sent) | set(listed))


@pytest.mark.requirement("responses:splice")
def test_reasoning_that_does_not_carry_itself_stays_here() -> None:
    sealed: Any = {**REASONING, "encrypted_content": "e"}
    text = {"role": "user", "content": 'about "reasoning"'}

    assert spliced(input=[REASONING, sealed, text])["input"] == [sealed, text]


@pytest.mark.parametrize("asked", [None, [], ["message.output_text.logprobs"]])
@pytest.mark.requirement("responses:splice")
def test_a_reasoning_model_is_asked_for_its_sealed_reasoning(asked: list[str] | None) -> None:
    thinking, plain = model(can=Capabilities(reasoning=True)), model()
    options: dict[str, Any] = {"include": asked, "reasoning": {"effort": "high"}}

    sent = spliced(to=thinking, **options)

    assert sent["include"] == [*(asked or []), "reasoning.encrypted_content"]
    assert sent["reasoning"] == {"effort": "high"}
    assert spliced(to=plain, **options).get("include") == (asked or None)
    assert "reasoning" not in spliced(to=plain, **options)


def test_a_backend_without_sampling_gets_none() -> None:
    sent = spliced(to=model(can=Capabilities(sampling=False)), temperature=0.5, top_p=0.5)

    assert not {"temperature", "top_p"} & set(sent)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), JSON))
@pytest.mark.requirement("responses:splice")
def test_a_compatible_backend_gets_every_unknown_member_as_it_is(odd: dict[str, Any]) -> None:
    known = set(type(body().head.parameters).__struct_fields__)
    odd = {name: value for name, value in odd.items() if name not in known}

    sent = spliced(to=model("openai-compatible"), **odd)

    assert {name: sent[name] for name in odd} == odd


# ---------------------------------------------------------------------------------------- answer


@pytest.mark.requirement("responses:splice")
def test_a_stream_gets_our_names_and_keeps_all_else() -> None:
    theirs = vendors_stream(conversation="conv_1")

    out, response = passed(theirs, conversation="conv_1", metadata={"a": "b"})
    final = response.complete(11, stored=True)

    events = strict(out + final.frames)
    for event in events:
        if "response" in event:
            told = event["response"]
            assert (told["id"], told["model"], told["created_at"]) == ("resp_ours", "sim", 7)
            assert (told["store"], told["metadata"]) == (True, {"a": "b"})
            assert told["conversation"] == {"id": "conv_1"}
    items = [e for e in read_frames(theirs) if "response" not in e]
    assert [e for e in events if "response" not in e] == items
    assert final.status == "completed"
    assert response.usage == Usage(3, 4, 1)


@pytest.mark.requirement("responses:splice")
def test_the_items_are_kept_as_the_vendor_wrote_them() -> None:
    out, response = passed(vendors_stream())

    final = json.loads(response.complete(11, stored=True).body)

    assert [json.loads(item.kept) for item in response.output] == final["output"]
    assert [item.item_id for item in response.output] == [i["id"] for i in final["output"]]
    assert b"resp_theirs" not in out


@given(st.data())
@pytest.mark.requirement("responses:splice")
def test_however_the_bytes_are_cut_the_stream_is_the_same(data: st.DataObject) -> None:
    stream = vendors_stream()
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=6))

    out, response = passed(stream, tuple(cuts))

    whole, other = passed(stream)
    assert out == whole
    assert response.complete(11, stored=True) == other.complete(11, stored=True)


@pytest.mark.requirement("responses:object:all-keys")
def test_what_a_vendor_leaves_out_is_filled_in() -> None:
    message: Any = {"type": "message", "role": "assistant", "content": []}
    bare = {"id": "r", "status": "completed", "output": [message], "usage": None}
    response = SplicedResponse(echo(), "vendor")

    response.take_whole(json.dumps(bare).encode())
    told = json.loads(response.complete(11, stored=False).body)

    assert set(told) >= {"tools", "text", "truncation", "metadata"}
    assert (told["store"], told["completed_at"]) == (False, 11)
    assert told["usage"]["total_tokens"] == 0
    assert response.output[0].item_id.startswith("item_")
    assert response.usage is None


@pytest.mark.requirement("responses:incomplete")
@pytest.mark.requirement("responses:object:all-keys")
def test_a_vendor_that_was_not_told_what_was_asked_does_not_speak_for_it() -> None:
    asked = {"effort": "low", "summary": "auto"}
    answer = SplicedResponse(echo(reasoning=asked), "vendor")
    theirs: dict[str, Any] = {
        "output": [], "service_tier": "on_demand", "reasoning": {"effort": None, "summary": None},
    }  # fmt: skip

    answer.take_whole(json.dumps(theirs).encode())

    told = json.loads(answer.complete(9, stored=True).body)
    check_response(told)
    assert (told["reasoning"], told["service_tier"]) == (asked, "default")


def test_an_incomplete_answer_stays_one() -> None:
    usage = {"input_tokens": 3, "output_tokens": 4}
    whole: Any = {"status": "incomplete", "output": [], "usage": usage,
             "incomplete_details": {"reason": "max_output_tokens"}}  # fmt: skip
    response = SplicedResponse(echo(), "vendor")

    response.take_whole(json.dumps(whole).encode())
    final = response.complete(11, stored=True)

    told = json.loads(final.body)
    check_response(told)
    assert (final.status, told["completed_at"]) == ("incomplete", None)
    assert told["incomplete_details"] == {"reason": "max_output_tokens"}


FAILURES: list[bytes] = [
    b'{"error":{"message":"m","code":"c"}}',
    b'{"status":"failed","output":[],"error":{"message":"m","code":"c"}}',
]


@pytest.mark.parametrize("answer", FAILURES)
@pytest.mark.requirement("responses:stream:failure")
def test_a_failure_in_place_of_an_answer_is_noticed(answer: bytes) -> None:
    with pytest.raises(VendorFailedError) as failed:
        SplicedResponse(echo(), "vendor").take_whole(answer)

    assert json.loads(failed.value.raw) == {"message": "m", "code": "c"}


@pytest.mark.parametrize("answer", [b"[]", b"{}", b"\xff", b"<html>", b'{"output":5}'])
def test_what_is_no_response_is_a_protocol_error(answer: bytes) -> None:
    with pytest.raises(UpstreamProtocolError):
        SplicedResponse(echo(), "vendor").take_whole(answer)


FAILED_EVENTS = [
    b'event: error\ndata: {"type":"error","error":{"message":"m","code":"c"}}\n\n',
    b'event: error\ndata: {"type":"error","message":"m","code":"c"}\n\n',
    b'data: {"type":"response.failed","response":{"error":{"message":"m","code":"c"}}}\n\n',
]


@pytest.mark.parametrize("failure", FAILED_EVENTS)
@pytest.mark.requirement("responses:stream:failure")
def test_a_failure_in_the_middle_is_told_in_our_way(failure: bytes) -> None:
    stream = vendors_stream()
    head = stream[: stream.index(b"event: response.output_text.done")]
    response = SplicedResponse(echo(), "vendor")
    splicer = StreamSplicer(response, "vendor")

    out = splicer.feed(head + failure)
    with pytest.raises(VendorFailedError) as failed:
        splicer.check()
    final = response.fail(OverloadedError("busy").info())

    assert json.loads(failed.value.raw)["message"] == "m"
    events = strict(out + final.frames)
    assert [event["type"] for event in events[-2:]] == ["error", "response.failed"]
    assert response.failure(OverloadedError("busy").info()) == final.frames


@pytest.mark.requirement("responses:stream:failure")
def test_a_stream_that_stops_early_is_a_protocol_error() -> None:
    stream = vendors_stream()

    with pytest.raises(UpstreamProtocolError, match="before the answer was complete"):
        passed(stream[: stream.index(b"event: response.completed")])


@pytest.mark.requirement("responses:leniency")
def test_a_stream_without_names_and_numbers_is_followed() -> None:
    lines = [
        line
        for line in vendors_stream().decode().splitlines(keepends=True)
        if not line.startswith("event:")
    ]
    events = [json.loads(line.removeprefix("data: ")) for line in lines if line.strip()]
    for event in events:
        del event["sequence_number"]
    bare = "".join(f"data: {json.dumps(event)}\r\n\r\n" for event in events) + "data: [DONE]\n\n"

    out, response = passed(bare.encode())
    final = response.complete(11, stored=True)

    kinds = [event["type"] for event in read_frames(out + final.frames)]
    assert kinds == [event["type"] for event in events]
    assert b'"sequence_number":%d' % (len(kinds) - 1) in final.frames


@pytest.mark.requirement("responses:hang-up")
def test_a_response_that_was_left_is_cancelled_with_what_there_is() -> None:
    response = SplicedResponse(echo(), "vendor")
    StreamSplicer(response, "vendor").feed(vendors_stream()[:-2000])

    final = response.cancelled()

    told = json.loads(final.body)
    check_response(told)
    assert told["status"] == "cancelled"


@given(st.binary(max_size=300))
@pytest.mark.requirement("responses:errors:typed")
def test_any_bytes_of_a_vendor_are_passed_on_or_a_typed_error(noise: bytes) -> None:
    splicer = StreamSplicer(SplicedResponse(echo(), "vendor"), "vendor")

    splicer.feed(b"data: " + noise + b"\n\n")
    with contextlib.suppress(UpstreamProtocolError, VendorFailedError):
        splicer.check()
        splicer.end()
