"""What a model can read at once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api_gateway.lanes.context_window import narrowest_window, refuse_too_long, shortened
from model_providers.token_estimate import estimate_request
from wire.conversation import (
    GenerationRequest,
    Item,
    Message,
    Sampling,
    TextPart,
    ToolCall,
    ToolResult,
    user_text,
)
from wire.errors import ContextLengthExceededError
from wire.specs import AgentSpec, ModelSpec, PanelSpec, ProviderSpec

WORDS = "several words that count " * 20  # some 100 tokens
BIG = 10**9


def system(text: str) -> Message:
    return Message("system", (TextPart(text),))


def turn(name: str) -> list[Item]:
    return [ToolCall(name, "f", "{}"), ToolResult(name, (TextPart(WORDS),))]


def request(*items: Item, sampling: Sampling | None = None) -> GenerationRequest:
    return GenerationRequest(items=items, sampling=sampling or Sampling())


def test_a_panel_reads_what_its_narrowest_agent_reads() -> None:
    provider = ProviderSpec(name="p", kind="openai", base_url="http://x")
    agents = tuple(
        AgentSpec(
            agent_id=f"a{window}",
            model=ModelSpec(
                name="m", provider=provider, upstream_model="m", context_window_tokens=window
            ),
        )
        for window in (8000, 4000, 16000)
    )

    assert narrowest_window(PanelSpec(name="p", agents=agents)) == 4000


@pytest.mark.requirement("responses:errors:context-length")
def test_only_what_cannot_fit_is_refused() -> None:
    long = request(user_text(WORDS * 10))
    tokens = estimate_request(long)

    refuse_too_long(long, int(tokens * 0.8), BIG)
    with pytest.raises(ContextLengthExceededError) as refused:
        refuse_too_long(long, int(tokens * 0.7), BIG)

    assert (refused.value.status, refused.value.param) == (400, "input")
    assert refused.value.code == "context_length_exceeded"


@pytest.mark.requirement("responses:truncation")
def test_the_oldest_go_first_and_instructions_stay() -> None:
    items = [system("Be brief."), *(user_text(f"{n} {WORDS}") for n in range(10))]

    kept = shortened(request(*items), 700, BIG)

    assert kept.items[0] == items[0]
    assert kept.items[1:] == tuple(items[-len(kept.items) + 1 :])
    assert 1 < len(kept.items) < len(items)
    assert estimate_request(kept) <= 700 * 0.8


@pytest.mark.requirement("responses:truncation")
def test_a_call_goes_with_its_output() -> None:
    items = [user_text("old"), *turn("a"), *turn("b"), *turn("c"), user_text("new")]

    kept = shortened(request(*items), 400, BIG).items

    calls = [item.call_id for item in kept if isinstance(item, ToolCall)]
    outputs = [item.call_id for item in kept if isinstance(item, ToolResult)]
    assert calls == outputs
    assert 0 < len(calls) < 3
    assert kept[-1] == user_text("new")


@pytest.mark.requirement("responses:truncation")
def test_the_last_words_and_the_last_output_stay_whatever_they_cost() -> None:
    items = [user_text(WORDS), *turn("a"), user_text("ask"), *turn("b")]

    kept = shortened(request(*items), 10, BIG).items

    assert list(kept) == [user_text("ask"), *turn("b")]


@pytest.mark.requirement("responses:truncation")
def test_room_is_left_for_the_answer() -> None:
    items = [user_text(f"{n} {WORDS}") for n in range(10)]

    roomy = shortened(request(*items), 1000, BIG)
    tight = shortened(request(*items, sampling=Sampling(max_output_tokens=400)), 1000, BIG)

    assert len(tight.items) < len(roomy.items)


def test_what_fits_is_left_alone() -> None:
    short = request(user_text("hi"))

    assert shortened(short, 1000, BIG) is short
    assert shortened(short, 1000, 10) is short


ITEMS = st.lists(
    st.sampled_from([[user_text(WORDS)], [system(WORDS)], turn("a"), turn("b")]), max_size=8
)


@given(ITEMS, st.integers(10, 2000))
@pytest.mark.requirement("responses:truncation")
def test_whatever_goes_the_rest_is_a_conversation(groups: list[list[Item]], window: int) -> None:
    unique = {id(group): group for group in groups}
    items = [item for group in unique.values() for item in group]

    kept = shortened(request(*items), window, BIG).items

    assert [item for item in items if item in kept] == list(kept)
    calls = {item.call_id for item in kept if isinstance(item, ToolCall)}
    assert calls == {item.call_id for item in kept if isinstance(item, ToolResult)}
    assert kept[-1:] == tuple(items[-1:])
