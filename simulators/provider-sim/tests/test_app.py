"""The routes."""

import pytest
from openai import AsyncOpenAI

from provider_sim.json_types import object_at
from provider_sim.testing import SimulatorClient


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/v1/no/such/path", 404),
        ("POST", "/v1/responses/compact", 400),
        ("GET", "/v1/messages", 405),
        ("POST", "/openai/deployments/d/no/such", 404),
        ("GET", "/v1/responses/resp_1", 404),
        ("GET", "/v1/chat/completions", 405),
        ("GET", "/p/ttft=1/v1/embeddings", 405),
        ("GET", "/nowhere", 404),
        ("GET", "/v1/models/org/name:7b", 200),
    ],
)
async def test_every_path_has_an_answer_in_openais_form(
    sim: SimulatorClient, method: str, path: str, status: int
) -> None:
    async with sim.session.request(method, f"{sim.url}{path}") as response:
        answer = await response.json()

        assert response.status == status
        assert response.headers["x-request-id"].startswith("req_sim_")
        assert bool(object_at(answer, "error")) is (status != 200)


async def test_a_base_url_selects_a_profile_for_every_route(sim: SimulatorClient) -> None:
    url = sim.profiled_url("ttft=1,call=2")

    async with AsyncOpenAI(base_url=url, api_key="k", max_retries=0) as sdk:
        assert "sim" in [model.id async for model in sdk.models.list()]
        assert (await sdk.responses.create(model="m", input="hello")).output_text
        assert (await sdk.embeddings.create(model="m", input="hello")).data
