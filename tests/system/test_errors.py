"""What the SDK raises for each kind of bad request, from a plain model and a panel alike."""

from collections.abc import Callable
from typing import Any, cast

import openai
import pytest

from tests.system.platform_process import Platform

pytestmark = pytest.mark.requirement("system:errors")

HELLO: list[Any] = [{"role": "user", "content": "x"}]


def chat(client: openai.OpenAI, model: str, **fields: object) -> object:
    return client.post("/chat/completions", body={"model": model, **fields}, cast_to=object)


def refusal(
    expected: type[openai.APIStatusError], call: Callable[[], object]
) -> openai.APIStatusError:
    with pytest.raises(expected) as refused:
        call()
    body = cast("dict[str, object]", refused.value.body)
    assert set(body) == {"message", "type", "param", "code"}
    assert refused.value.response.headers["x-request-id"]
    return refused.value


@pytest.mark.parametrize(
    ("fields", "param", "code"),
    [
        ({}, "messages", "missing_required_parameter"),
        ({"messages": []}, "messages", "empty_array"),
        ({"messages": "hi"}, "messages", "invalid_type"),
        ({"messages": [{"role": "wizard", "content": "x"}]}, "messages[0].role", "invalid_value"),
        ({"messages": [{"role": "user", "content": 7}]}, "messages[0].content", "invalid_type"),
        ({"messages": HELLO, "temperature": 9}, "temperature", "decimal_above_max_value"),
        ({"messages": HELLO, "top_p": -1}, "top_p", "decimal_below_min_value"),
        ({"messages": HELLO, "n": 0}, "n", "integer_below_min_value"),
        ({"messages": HELLO, "n": 129}, "n", "integer_above_max_value"),
        ({"messages": HELLO, "max_tokens": 0}, "max_tokens", "integer_below_min_value"),
        ({"messages": HELLO, "stream": "yes"}, "stream", "invalid_type"),
        ({"messages": HELLO, "stop": list("abcde")}, "stop", "array_above_max_length"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_malformed_body_is_400_and_says_where(
    client: openai.OpenAI, model: str, fields: dict[str, Any], param: str, code: str
):
    error = refusal(openai.BadRequestError, lambda: chat(client, model, **fields))

    assert (error.type, error.param, error.code) == ("invalid_request_error", param, code)


def test_stream_options_without_stream_is_400(client: openai.OpenAI, model: str):
    error = refusal(
        openai.BadRequestError,
        lambda: chat(client, model, messages=HELLO, stream_options={"include_usage": True}),
    )

    assert error.param == "stream_options"


@pytest.mark.parametrize("body", [b'{"model": ', b"[]", b"", b"\xff\xfe", b"null"])
def test_a_body_that_is_no_json_object_is_400(client: openai.OpenAI, body: bytes):
    error = refusal(
        openai.BadRequestError,
        lambda: client.post(
            "/chat/completions",
            content=body,
            options={"headers": {"content-type": "application/json"}},
            cast_to=object,
        ),
    )

    assert error.type == "invalid_request_error"


def test_an_unknown_model_is_404(client: openai.OpenAI):
    error = refusal(openai.NotFoundError, lambda: chat(client, "no-such-model", messages=HELLO))

    assert error.code == "model_not_found"


def test_an_unknown_path_is_404(client: openai.OpenAI):
    error = refusal(openai.NotFoundError, lambda: client.get("/no/such/path", cast_to=object))

    assert error.type == "invalid_request_error"


def test_a_wrong_method_is_405(client: openai.OpenAI):
    error = refusal(openai.APIStatusError, lambda: client.get("/embeddings", cast_to=object))

    assert error.status_code == 405


def test_a_wrong_key_is_401_and_is_not_repeated(running: Platform):
    wrong = "sk-conclave-wrong-0123456789"
    with openai.OpenAI(base_url=running.base_url, api_key=wrong, max_retries=0) as stranger:
        error = refusal(openai.AuthenticationError, stranger.models.list)

    assert (error.type, error.code) == ("invalid_request_error", "invalid_api_key")
    assert wrong not in str(error.body)


def test_a_stranger_learns_nothing_about_models(running: Platform):
    with openai.OpenAI(base_url=running.base_url, api_key="sk-x", max_retries=0) as stranger:
        refusal(openai.AuthenticationError, lambda: chat(stranger, "no-such-model", messages=7))


def test_a_prompt_beyond_the_models_window_is_400(client: openai.OpenAI):
    long: list[Any] = [{"role": "user", "content": "word " * 500}]

    error = refusal(openai.BadRequestError, lambda: chat(client, "narrow", messages=long))

    assert error.code == "context_length_exceeded"
