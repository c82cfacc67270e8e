import pytest

from catalogue.massgen.backend_types import (
    AG2_API_TYPES,
    BACKEND_TYPES,
    host_of,
    type_of_host,
    type_of_model,
)


def test_ag2_speaks_of_types_that_are_in_the_table() -> None:
    assert set(AG2_API_TYPES.values()) <= set(BACKEND_TYPES)


def test_a_host_belongs_to_one_vendor() -> None:
    hosts = [host for known in BACKEND_TYPES.values() if not known.program for host in known.hosts]

    assert len(hosts) == len(set(hosts))
    assert all(type_of_host(host) for host in hosts)
    assert type_of_host("example.org") is None
    assert type_of_host(None) is None


@pytest.mark.parametrize(
    ("model", "backend_type"),
    [
        ("gpt-5.4", "openai"),
        ("o3-mini", "openai"),
        ("Claude-opus-4-6", "claude"),
        ("gemini-3-pro", "gemini"),
        ("grok-4", "grok"),
        ("qwen3", None),
    ],
)
def test_a_model_says_whose_it_is(model: str, backend_type: str | None) -> None:
    assert type_of_model(model) == backend_type


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://API.x.ai/v1", "api.x.ai"),
        ("${URL}", None),
        ("http://[half", None),
        ("", None),
        (None, None),
    ],
)
def test_a_host_is_read_from_what_may_be_no_url(url: str | None, host: str | None) -> None:
    assert host_of(url) == host
