"""The way of one request: who may ask, what fits, which profile, what is recorded."""

import pytest
from openai import AsyncOpenAI, AuthenticationError, NotFoundError

from provider_sim.json_types import Json, JsonObject, dumps, object_at
from provider_sim.profiles import parse_profile
from provider_sim.settings import Settings
from provider_sim.testing import SimulatorClient, running_client

CHAT = "/v1/chat/completions"


def body_of(text: str = "Why so?", model: str = "sim", **rest: Json) -> JsonObject:
    return {"model": model, "messages": [{"role": "user", "content": text}], **rest}


def code_of(answer: JsonObject) -> Json:
    return object_at(answer, "error")["code"]


@pytest.mark.requirement("provider-sim:strict")
async def test_a_wrong_key_is_refused_before_the_body_is_read() -> None:
    async with running_client(Settings(port=0, api_key="right")) as sim:
        status, answer = await sim.post(CHAT, "no object", {"authorization": "Bearer wrong"})
        bare, _ = await sim.post(CHAT, body_of())
        good, _ = await sim.post(CHAT, body_of(), {"authorization": "Bearer right"})
        async with AsyncOpenAI(base_url=sim.base_url, api_key="wrong", max_retries=0) as sdk:
            with pytest.raises(AuthenticationError):
                await sdk.models.list()

    assert (status, code_of(answer)) == (401, "invalid_api_key")
    assert (bare, good) == (401, 200)


@pytest.mark.requirement("provider-sim:strict")
async def test_other_models_do_not_exist_when_some_are_named() -> None:
    async with running_client(Settings(port=0, models=("a", "b"))) as sim:
        status, answer = await sim.post(CHAT, body_of(model="c"))
        good, _ = await sim.post(CHAT, body_of(model="b@ttft=0"))
        async with AsyncOpenAI(base_url=sim.base_url, api_key="k", max_retries=0) as sdk:
            listed = [model.id async for model in sdk.models.list()]
            with pytest.raises(NotFoundError):
                await sdk.models.retrieve("c")

    assert (status, code_of(answer), good) == (404, "model_not_found", 200)
    assert listed == ["a", "b"]


@pytest.mark.requirement("provider-sim:context-window")
async def test_a_prompt_above_the_window_is_refused() -> None:
    async with running_client(Settings(port=0, window_tokens={"small": 100})) as sim:
        long = body_of("word " * 200, model="small")
        status, answer = await sim.post(CHAT, long)
        other, _ = await sim.post(CHAT, {**long, "model": "large"})
        asked, _ = await sim.post(CHAT, {**long, "model": "large@window=50"})
        responses, refused = await sim.post(
            "/v1/responses", {"model": "small", "input": "word " * 200}
        )

    assert (status, code_of(answer)) == (400, "context_length_exceeded")
    assert (other, asked, responses) == (200, 400, 400)
    assert object_at(refused, "error")["param"] == "input"


async def test_a_picture_is_not_counted_by_its_bytes() -> None:
    url = "data:image/png;base64," + "A" * 400_000
    picture: JsonObject = {"type": "image_url", "image_url": {"url": url, "detail": "low"}}
    body: JsonObject = {"model": "sim", "messages": [{"role": "user", "content": [picture]}]}

    async with running_client(Settings(port=0, default_window_tokens=200)) as sim:
        status, answer = await sim.post(CHAT, body)

    assert status == 200
    assert object_at(answer, "usage")["prompt_tokens"] == 85 + 9


@pytest.mark.requirement("provider-sim:usage")
async def test_reported_usage_is_the_records(sim: SimulatorClient) -> None:
    body = body_of("word " * 3_000)

    answers = [(await sim.post(CHAT, body))[1] for _ in range(2)]

    record = await sim.record()
    for answer, line in zip(answers, record, strict=True):
        usage = object_at(answer, "usage")
        assert usage["prompt_tokens"] == line["prompt_tokens"]
        assert usage["completion_tokens"] == line["completion_tokens"]
    assert [line["cached_tokens"] for line in record] == [0, 2048]
    details = object_at(answers[1], "usage", "prompt_tokens_details")
    assert details["cached_tokens"] == 2048


async def test_wrong_or_missing_usage_is_still_recorded_rightly(sim: SimulatorClient) -> None:
    _, plain = await sim.post(CHAT, body_of())
    _, wrong = await sim.post(CHAT, body_of(model="sim@wrong_usage"))
    _, none = await sim.post(CHAT, body_of(model="sim@no_usage"))

    assert "usage" not in none
    assert object_at(wrong, "usage") != object_at(plain, "usage")
    assert len({str(line["completion_tokens"]) for line in await sim.record()}) == 1


@pytest.mark.requirement("provider-sim:steering")
async def test_rules_override_the_model_and_the_model_the_path() -> None:
    settings = Settings(port=0, profile=parse_profile("fault=400"))
    path = "/p/fault=none+500{}/v1/chat/completions"

    async with running_client(settings) as sim:
        default, _ = await sim.post(CHAT, body_of())
        in_path, _ = await sim.post("/p/fault=none,reply=path/v1/chat/completions", body_of())
        _, by_model = await sim.post(
            "/p/fault=none,reply=path/v1/chat/completions", body_of(model="sim@reply=model")
        )
        await sim.add_rules({"match": {"model": "sim"}, "profile": {"reply": "rule"}})
        _, by_rule = await sim.post(
            "/p/fault=none,reply=path/v1/chat/completions", body_of(model="sim@reply=model")
        )
        mixed, _ = await sim.post(path.format(""), body_of())

    assert (default, in_path, mixed) == (400, 200, 500)
    assert "model" in str(object_at({"c": by_model["choices"]}).get("c"))
    assert "'content': 'rule'" in str(by_rule["choices"])


async def test_a_fault_may_come_with_a_probability(sim: SimulatorClient) -> None:
    body = body_of(model="sim@fault=500,fault_probability=0.3")

    statuses = [(await sim.post(CHAT, body))[0] for _ in range(60)]

    assert 5 <= statuses.count(500) <= 35
    assert statuses.count(200) == 60 - statuses.count(500)


async def test_an_unknown_profile_is_refused_by_name(sim: SimulatorClient) -> None:
    status, answer = await sim.post("/p/speed=1/v1/chat/completions", body_of())

    assert status == 400
    assert "unknown key 'speed'" in str(object_at(answer, "error")["message"])


@pytest.mark.requirement("provider-sim:faults")
async def test_an_error_body_may_come_with_status_200(sim: SimulatorClient) -> None:
    status, answer = await sim.post(CHAT, body_of(model="sim@error_body_200"))

    assert (status, set(answer)) == (200, {"error"})
    assert (await sim.record())[0]["outcome"] == "faulted"


@pytest.mark.requirement("provider-sim:faults")
async def test_a_status_fault_comes_with_headers_and_bills_nothing(sim: SimulatorClient) -> None:
    body = dumps(body_of(model="sim@fault=429,retry_after=2"))

    async with sim.session.post(f"{sim.url}{CHAT}", data=body) as response:
        status, headers = response.status, response.headers

    (line,) = await sim.record()
    assert (status, headers["retry-after"]) == (429, "2")
    assert headers["x-request-id"] == line["vendor_request_id"]
    assert (line["status"], line["outcome"], line["faults"]) == (429, "faulted", ["429"])
    assert (line["prompt_tokens"], line["completion_tokens"]) == (0, 0)


@pytest.mark.requirement("provider-sim:record")
async def test_a_request_is_found_by_the_id_its_caller_sent(sim: SimulatorClient) -> None:
    headers = {"x-client-request-id": "call-1.2", "x-request-id": "req-9"}
    async with sim.session.post(f"{sim.url}{CHAT}", data=dumps(body_of()), headers=headers) as r:
        vendor_id = r.headers["x-request-id"]
        assert int(r.headers["openai-processing-ms"]) >= 0

    lines = [await sim.get(f"/_record/{name}") for name in ("call-1.2", "req-9", vendor_id)]

    assert lines[0] == lines[1] == lines[2]
    assert isinstance(lines[0], dict)
    assert lines[0]["id"] == "call-1.2"
    assert lines[0]["outcome"] == "completed"


@pytest.mark.requirement("provider-sim:record")
async def test_a_refused_body_is_recorded_as_rejected(sim: SimulatorClient) -> None:
    await sim.post(CHAT, body_of(temperature=9))

    (line,) = await sim.record()
    assert (line["status"], line["outcome"]) == (400, "rejected")


async def test_unknown_fields_are_refused_only_when_asked() -> None:
    async with running_client(Settings(port=0)) as sim:
        lenient, _ = await sim.post(CHAT, body_of(client_metadata={}))
    async with running_client(Settings(port=0, refuse_unknown_fields=True)) as sim:
        strict, answer = await sim.post(CHAT, body_of(client_metadata={}))

    assert (lenient, strict) == (200, 400)
    assert object_at(answer, "error")["param"] == "client_metadata"


async def test_a_body_above_the_limit_is_too_large() -> None:
    async with running_client(Settings(port=0, most_body_bytes=1000)) as sim:
        status, answer = await sim.post(CHAT, body_of("x" * 2000))

    assert (status, code_of(answer)) == (413, "request_too_large")


@pytest.mark.requirement("provider-sim:ballot")
async def test_a_panel_of_three_with_a_dissenter_delivers_the_exact_text(
    sim: SimulatorClient,
) -> None:
    ask: JsonObject = {
        "role": "user",
        "content": "Reply with exactly this text and nothing else: PONG-1",
    }
    personas = ["You are Ada.", "You are Bob.", "You are Eve; always dissent."]

    def request(persona: str, *later: str) -> JsonObject:
        trailing: list[Json] = [{"role": "developer", "content": t} for t in (persona, *later)]
        return {"model": "sim", "messages": [ask, *trailing]}

    answers = [await content(sim, request(persona, "Answer.")) for persona in personas]
    fences = [
        f'<candidate label="L{index}">\n{text}\n</candidate>' for index, text in enumerate(answers)
    ]
    schema: JsonObject = {
        "type": "object",
        "properties": {"ranking": {"type": "array", "items": {"type": "string"}}},
        "required": ["ranking"],
        "additionalProperties": False,
    }
    form: JsonObject = {
        "type": "json_schema",
        "json_schema": {"name": "ballot", "strict": True, "schema": schema},
    }
    ballots = [
        await content(sim, {**request(p, "Judge.", *fences, "nonce 7"), "response_format": form})
        for p in personas
    ]
    final = await content(sim, request(personas[2], "Write the final answer.", *fences))

    assert answers[:2] == ["PONG-1", "PONG-1"]
    assert "PONG-1" not in answers[2]
    assert all(ballot.endswith('"L2"]}') for ballot in ballots)
    assert final == "PONG-1"
    kinds = [line["kind"] for line in await sim.record()]
    assert kinds == ["answer"] * 3 + ["ballot"] * 3 + ["present"]


async def content(sim: SimulatorClient, body: JsonObject) -> str:
    async with AsyncOpenAI(base_url=sim.base_url, api_key="k", max_retries=0) as sdk:
        answer = await sdk.post("/chat/completions", body=body, cast_to=object)
    assert isinstance(answer, dict)
    return str(answer["choices"][0]["message"]["content"])  # pyright: ignore[reportUnknownArgumentType]
