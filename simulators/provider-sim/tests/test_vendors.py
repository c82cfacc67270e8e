"""What the doors of one vendor share."""

import pytest
from anthropic import AsyncAnthropic, AuthenticationError

from provider_sim.json_types import JsonObject, loads, object_at
from provider_sim.settings import Settings
from provider_sim.testing import SimulatorClient, running_client
from provider_sim.vendors import ANTHROPIC, AZURE, OPENAI, Vendor
from provider_sim.wire_errors import ContextLengthError, WireError

CLAUDE: JsonObject = {
    "model": "sim",
    "max_tokens": 9,
    "messages": [{"role": "user", "content": "x"}],
}


def refused(vendor: Vendor, error: WireError) -> tuple[int, JsonObject]:
    refusal = vendor.refusal(error, "req_1")
    body = loads(refusal.body)
    assert isinstance(body, dict)
    return refusal.status, body


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (402, "billing_error"),
        (403, "permission_error"),
        (404, "not_found_error"),
        (409, "invalid_request_error"),
        (429, "rate_limit_error"),
        (500, "api_error"),
        (529, "overloaded_error"),
    ],
)
def test_anthropic_names_the_type_of_every_status(status: int, expected: str) -> None:
    got, body = refused(ANTHROPIC, WireError("No.", status=status))

    assert got == status
    assert body == {
        "type": "error",
        "error": {"type": expected, "message": "No."},
        "request_id": "req_1",
    }


def test_a_used_up_quota_is_a_bill_at_anthropic_and_a_429_elsewhere() -> None:
    error = WireError("No.", status=429, kind="insufficient_quota", code="insufficient_quota")

    assert refused(ANTHROPIC, error)[0] == 402
    for vendor in (OPENAI, AZURE):
        status, body = refused(vendor, error)
        assert (status, object_at(body, "error")["code"]) == (429, "insufficient_quota")


def test_an_overflow_is_said_in_each_vendors_way() -> None:
    error = ContextLengthError(100, 250, "messages")

    said = {vendor: str(refused(vendor, error)[1]) for vendor in (OPENAI, ANTHROPIC, AZURE)}

    assert "prompt is too long: 250 tokens > 100 maximum" in said[ANTHROPIC]
    assert "context_length_exceeded" in said[OPENAI]
    assert said[AZURE] == said[OPENAI]


@pytest.mark.parametrize(
    ("vendor", "header"), [(ANTHROPIC, "x-api-key"), (AZURE, "api-key"), (OPENAI, None)]
)
def test_a_key_stands_in_its_header_or_is_a_bearer(vendor: Vendor, header: str | None) -> None:
    assert vendor.key_of({"authorization": "Bearer k1"}) == "k1"
    assert vendor.key_of({}) is None
    assert header is None or vendor.key_of({header: "k2"}) == "k2"


@pytest.mark.requirement("provider-sim:strict")
async def test_anthropic_wants_its_version_and_its_key(sim: SimulatorClient) -> None:
    bare, answer = await sim.post("/v1/messages", CLAUDE)
    old, _ = await sim.post("/v1/messages", CLAUDE, {"anthropic-version": "1999-01-01"})

    assert (bare, old) == (400, 400)
    assert "anthropic-version" in str(answer)
    async with running_client(Settings(port=0, api_key="right")) as locked:
        headers = {"anthropic-version": "2023-06-01", "x-api-key": "right"}
        good, _ = await locked.post("/v1/messages", CLAUDE, headers)
        async with AsyncAnthropic(base_url=locked.url, api_key="wrong", max_retries=0) as sdk:
            with pytest.raises(AuthenticationError) as caught:
                await sdk.models.list()
    assert good == 200
    assert caught.value.request_id is not None
