"""The chain of models, and which failures lead along it."""

import pytest

from model_providers.resilience import fallback
from wire.errors import (
    ContextLengthExceededError,
    DeadlineExceededError,
    OverloadedError,
    PlatformError,
    PlatformFaultError,
    UpstreamAuthError,
    UpstreamError,
    UpstreamRateLimitedError,
    UpstreamRejectedError,
)
from wire.specs import ModelSpec, ProviderSpec

PROVIDER = ProviderSpec(name="v", kind="openai", base_url="http://v/v1")


def model(name: str, *fallbacks: ModelSpec) -> ModelSpec:
    return ModelSpec(name=name, provider=PROVIDER, upstream_model=name, fallbacks=fallbacks)


@pytest.mark.requirement("providers:fallback")
def test_the_chain_is_depth_first_and_names_each_model_once() -> None:
    shared = model("d")

    chain = fallback.chain(model("a", model("b", model("c"), shared), shared, model("a")))

    assert [spec.name for spec in chain] == ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (UpstreamError("x", provider="v"), True),
        (UpstreamAuthError("x", provider="v"), True),
        (UpstreamRateLimitedError("x", provider="v"), True),
        (OverloadedError("x"), True),
        (UpstreamRejectedError("x", provider="v"), False),
        (ContextLengthExceededError("x"), False),
        (DeadlineExceededError("x"), False),
        (PlatformFaultError("x"), False),
    ],
)
def test_another_model_is_asked_unless_it_cannot_help(
    error: PlatformError, *, expected: bool
) -> None:
    assert fallback.may_fall_back(error) is expected
