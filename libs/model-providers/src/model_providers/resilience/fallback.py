"""Which model is asked next when one is beyond help. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wire.errors import (
    ContextLengthExceededError,
    DeadlineExceededError,
    OverloadedError,
    PlatformError,
    ProviderError,
    UpstreamRejectedError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wire.specs import ModelSpec


def chain(model: ModelSpec) -> Iterator[ModelSpec]:
    """The model and its fallbacks in order, each once; a fallback's own fallbacks come after it."""
    seen: set[str] = set()
    waiting = [model]
    while waiting:
        candidate = waiting.pop(0)
        if candidate.name in seen:
            continue
        seen.add(candidate.name)
        yield candidate
        waiting = [*candidate.fallbacks, *waiting]


def may_fall_back(error: PlatformError) -> bool:
    """Another model can help unless the request itself is wrong or its time is up."""
    if isinstance(error, UpstreamRejectedError | ContextLengthExceededError):
        return False
    if isinstance(error, DeadlineExceededError):
        return False
    return isinstance(error, ProviderError | OverloadedError)
