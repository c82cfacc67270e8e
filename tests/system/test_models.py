"""The list of models, and the doors that take a model's name."""

import http.client
from contextlib import closing

import openai
import pytest

from tests.system.platform_process import Platform
from tests.system.scenery import SLASHED_NAME

pytestmark = pytest.mark.requirement("system:models")


def test_models_panels_and_aliases_are_listed(client: openai.OpenAI):
    listed = {model.id: model for model in client.models.list()}

    assert {"council", "sim", "gpt-sim", "sim-embed", SLASHED_NAME} <= set(listed)
    assert {model.object for model in listed.values()} == {"model"}
    assert listed["council"].owned_by == "conclave"


@pytest.mark.parametrize("name", ["council", "gpt-sim", SLASHED_NAME])
def test_each_can_be_retrieved_by_its_name(client: openai.OpenAI, name: str):
    model = client.models.retrieve(name)

    assert model.id == name
    assert model.created > 0


def test_a_slash_in_the_path_may_stand_as_it_is(running: Platform):
    connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=10)
    with closing(connection):
        connection.request(
            "GET",
            f"/v1/models/{SLASHED_NAME}",
            headers={"authorization": f"Bearer {running.api_key}"},
        )
        response = connection.getresponse()
        body = response.read()

    assert response.status == 200
    assert f'"{SLASHED_NAME}"'.encode() in body


def test_a_name_with_slash_and_colon_answers(client: openai.OpenAI):
    answer = client.chat.completions.create(
        model=SLASHED_NAME,
        messages=[
            {"role": "user", "content": "Reply with exactly this text and nothing else: SLASH"}
        ],
    )

    assert answer.model == SLASHED_NAME
    assert answer.choices[0].message.content == "SLASH"


def test_embeddings_are_the_same_as_base64_and_as_numbers(client: openai.OpenAI):
    packed = client.embeddings.create(model="sim-embed", input=["a", "b"])
    plain = client.embeddings.create(model="sim-embed", input="a", encoding_format="float")

    assert len(packed.data) == 2
    assert packed.data[0].embedding == pytest.approx(plain.data[0].embedding, abs=1e-5)
