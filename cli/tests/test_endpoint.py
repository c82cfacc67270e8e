import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from aiohttp import web

from cli.tests.endpoint_double import KEY, refusing, serving
from conclave_cli.endpoint import Endpoint, endpoint_from
from conclave_cli.errors import RequestFailedError
from conclave_cli.settings import CliSettings
from conclave_cli.state_directory import StateDirectory


async def failure_of(endpoint: Endpoint) -> str:
    with pytest.raises(RequestFailedError) as failed:
        async with endpoint.request("GET", "/models") as response:
            await response.read()
    return failed.value.message


async def test_the_key_travels_as_bearer():
    seen: list[str | None] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append(request.headers.get("authorization"))
        return web.json_response({})

    async with serving(answer) as endpoint, endpoint.request("GET", "/models") as response:
        assert response.status == 200

    assert seen == [f"Bearer {KEY}"]


async def test_a_refusal_is_told_with_status_message_and_request_id():
    async with serving(refusing(401, "Incorrect API key provided.")) as endpoint:
        message = await failure_of(endpoint)

    assert message == "HTTP 401: Incorrect API key provided. (request id req_1)"


async def test_a_page_of_something_else_is_told_as_such():
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=502, text="<html>Bad gateway</html>")

    async with serving(answer) as endpoint:
        message = await failure_of(endpoint)

    assert message.startswith("HTTP 502: not an answer of an OpenAI-compatible endpoint: b'<html>")


async def test_nobody_there_is_told_with_what_to_look_at(free_port: Callable[[], int]):
    message = await failure_of(Endpoint(f"http://127.0.0.1:{free_port()}/v1", KEY, 5))

    assert "nothing answers at http://127.0.0.1:" in message
    assert "CONCLAVE_BASE_URL" in message


async def test_an_answer_that_never_comes_ends_at_the_timeout():
    async def answer(_: web.Request) -> web.Response:
        await asyncio.Event().wait()
        return web.Response()

    async with serving(answer, timeout_s=0.05) as endpoint:
        message = await failure_of(endpoint)

    assert message.endswith("gave no whole answer within 0.05 s")


def settings(**values: object) -> CliSettings:
    return CliSettings.model_validate(values)


def test_argument_beats_environment_beats_this_machine(tmp_path: Path):
    elsewhere = settings(base_url="https://there.example/v1/", api_key="sk-1", port=9000)

    assert endpoint_from(elsewhere, "http://arg/v1").base_url == "http://arg/v1"
    assert endpoint_from(elsewhere, None).base_url == "https://there.example/v1"
    here = settings(api_key="sk-1", port=9000, state_dir=tmp_path)
    assert endpoint_from(here, None).base_url == "http://127.0.0.1:9000/v1"


def test_without_a_key_in_the_environment_it_is_the_state_directorys(tmp_path: Path):
    state = StateDirectory(tmp_path)
    state.prepare()

    endpoint = endpoint_from(settings(state_dir=tmp_path), None)

    assert endpoint.api_key == state.api_key_file.read_text().strip()


def test_no_key_at_all_is_told_with_where_it_was_looked_for(tmp_path: Path):
    with pytest.raises(RequestFailedError, match=r"no API key: .*api-key is not there; set CONC"):
        endpoint_from(settings(state_dir=tmp_path), None)
