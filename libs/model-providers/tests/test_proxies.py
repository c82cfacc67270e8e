"""The proxy that the environment names."""

import pytest

from model_providers.proxies import environment_proxy


@pytest.fixture(autouse=True)
def proxy_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    monkeypatch.setenv("NO_PROXY", "localhost,.internal")


@pytest.mark.parametrize(
    ("base_url", "expected"),
    [
        ("https://api.vendor.com/v1", "http://proxy:3128"),
        ("http://api.vendor.com/v1", None),
        ("https://model.internal/v1", None),
        ("https://localhost:8000/v1", None),
        ("nonsense", None),
    ],
)
def test_scheme_and_exceptions_decide(base_url: str, expected: str | None) -> None:
    assert environment_proxy(base_url) == expected
