"""Token counts under the names chat clients read."""

from api_gateway.dialects.chat.usage import chat_usage
from wire.conversation import Usage


def test_totals_are_sums_and_details_are_parts() -> None:
    counted = chat_usage(Usage(10, 5, cached_tokens=4, reasoning_tokens=2))

    assert (counted.prompt_tokens, counted.completion_tokens, counted.total_tokens) == (10, 5, 15)
    assert counted.prompt_tokens_details.cached_tokens == 4
    assert counted.completion_tokens_details.reasoning_tokens == 2
