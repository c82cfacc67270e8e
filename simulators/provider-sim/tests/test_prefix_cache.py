"""The prompt prefix cache."""

import pytest

from provider_sim.prefix_cache import BLOCK_TOKENS, PrefixCache


def tokens(count: int, word: str = "a") -> list[str]:
    return [f"{word}{n}" for n in range(count)]


@pytest.mark.requirement("provider-sim:usage")
def test_a_repeated_prefix_is_cached_in_whole_blocks() -> None:
    cache = PrefixCache(100)
    first = tokens(2 * BLOCK_TOKENS + 500)

    assert cache.cached_tokens("sim", first) == 0
    assert cache.cached_tokens("sim", [*first[:2200], "other"]) == 2 * BLOCK_TOKENS
    assert cache.cached_tokens("sim", ["other", *first]) == 0
    assert cache.cached_tokens("another", first) == 0


def test_short_prompts_are_never_cached() -> None:
    cache = PrefixCache(100)

    for _ in range(2):
        assert cache.cached_tokens("sim", tokens(BLOCK_TOKENS - 1)) == 0


def test_the_cache_is_bounded_and_forgets_the_oldest() -> None:
    cache = PrefixCache(3)
    for word in "abcd":
        cache.cached_tokens("sim", tokens(BLOCK_TOKENS, word))

    assert len(cache) == 3
    assert cache.cached_tokens("sim", tokens(BLOCK_TOKENS, "d")) == BLOCK_TOKENS
    assert cache.cached_tokens("sim", tokens(BLOCK_TOKENS, "a")) == 0
