import pytest
from aiohttp import web

from cli.tests.endpoint_double import serving
from conclave_cli.commands.models import list_models
from conclave_cli.errors import RequestFailedError


async def test_names_come_with_their_owners_in_the_endpoints_order():
    async def answer(request: web.Request) -> web.Response:
        assert request.path == "/v1/models"
        models = [{"id": "council", "owned_by": "conclave"}, {"id": "sim", "owned_by": "sim"}]
        return web.json_response({"object": "list", "data": models})

    async with serving(answer) as endpoint:
        models = await list_models(endpoint)

    assert [(model.id, model.owned_by) for model in models] == [
        ("council", "conclave"), ("sim", "sim")
    ]  # fmt: skip


async def test_an_answer_that_is_no_list_is_told_as_such():
    async def answer(_: web.Request) -> web.Response:
        return web.json_response({"models": []})

    async with serving(answer) as endpoint:
        with pytest.raises(RequestFailedError, match="no list of models"):
            await list_models(endpoint)
