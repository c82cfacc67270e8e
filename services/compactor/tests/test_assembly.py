"""Parts into a window."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compactor.assembly import Surroundings, assemble, standing_of
from compactor.guarantees import orphans
from compactor.memory import HEAD
from compactor.payload import Payload
from compactor.turns import turns_of
from model_providers.token_estimate import estimate_items
from services.compactor.tests.conversations import (
    assistant,
    call,
    planted_conversation,
    result,
    system,
    text_of,
    user,
    written_chat,
)
from wire.conversation import ImagePart, Message, TextPart

CHAT = written_chat("friends_b")[0]
TURNS = tuple(turns_of(CHAT))


def sealed(**changed: object) -> Payload:
    values: dict[str, object] = {
        "level": "extractive",
        "turns": TURNS,
        "tail": (user("And now?"), assistant("Nothing.")),
        "standing": (system("Be kind."),),
        "leading": 1,
        **changed,
    }
    return Payload(**values)  # pyright: ignore[reportArgumentType]


def test_the_window_reads_standing_memory_tail_and_what_came_after() -> None:
    around = Surroundings((system("Be kind."), user("And now?")), (user("Go on."),))

    window = assemble(sealed(), around, 800)

    assert window.items[0] == system("Be kind.")
    assert window.items[2:] == (user("And now?"), assistant("Nothing."), user("Go on."))
    memory = window.items[1]
    assert isinstance(memory, Message)
    assert memory.role == "user"
    assert text_of((memory,)).startswith(HEAD)


@given(st.integers(300, 4000))
@settings(max_examples=30)
@pytest.mark.requirement("compaction:guarantee:budget")
def test_a_window_is_within_its_budget(budget: int) -> None:
    around = Surroundings((system("Be kind."), *CHAT, user("And now?")), ())

    window = assemble(sealed(), around, budget, question="Where is the bakery?")

    assert estimate_items(window.items) == window.tokens
    assert window.tokens <= budget or "budget_raised" in window.signals


def test_kept_user_messages_are_shown_newest_first_and_not_told_twice() -> None:
    users = tuple(message for message in CHAT if message.role == "user")
    around = Surroundings((system("Be kind."), *users, user("And now?")), ())

    window = assemble(sealed(), around, 1500)

    shown = [item for item in window.items if item in users]
    assert 3 < len(shown) < len(users)
    assert shown == list(users[-len(shown) :])
    memory = next(text_of((i,)) for i in window.items if text_of((i,)).startswith(HEAD))
    assert all(text_of((message,)) not in memory for message in shown)


def test_a_user_message_the_history_does_not_hold_stays_whatever_it_costs() -> None:
    foreign = user("Something new. " * 200)
    around = Surroundings((foreign, user("And now?")), ())

    assert foreign in assemble(sealed(), around, 400).items


def test_a_smaller_window_shortens_the_tail_but_never_the_last_question() -> None:
    tail = (user("And now?"), call("1"), result("1", "row " * 900), assistant("Done."))

    window = assemble(sealed(tail=tail), Surroundings((), ()), 700)

    assert "tail_condensed" in window.signals
    assert user("And now?") in window.items
    assert orphans(window.items) == []
    assert window.tokens <= 700


def test_a_client_that_pruned_gets_its_standing_messages_back() -> None:
    late = Message("developer", (TextPart("Now use tabs."),))
    payload = sealed(standing=(system("Old rules."), late))

    assert standing_of(payload, ()) == (system("Old rules."), late)
    assert standing_of(payload, (system("New rules."),)) == (system("New rules."), late)
    assert standing_of(payload, (user("Hi"),)) == ()


def test_the_clients_own_picture_replaces_the_sealed_one() -> None:
    seen = Message("user", (TextPart("This?"), ImagePart("data:image/png;base64,AAAA")))
    lost = Message("user", (TextPart("This?"), ImagePart("conclave-blob:x")))

    window = assemble(sealed(tail=(lost,)), Surroundings((seen,), ()), 800)

    assert seen in window.items
    assert lost not in window.items


def test_roles_alternate_where_a_backend_insists() -> None:
    around = Surroundings((user("And now?"),), (user("Go on."),))

    window = assemble(sealed(), around, 800, merge_roles=True)

    roles = [item.role for item in window.items if isinstance(item, Message)]
    spoken = [role for role in roles if role in {"user", "assistant"}]
    assert all(one != other for one, other in pairwise(spoken))


@pytest.mark.slow
@pytest.mark.requirement("compaction:recall:question")
def test_every_planted_fact_can_be_asked_for() -> None:
    messages, values = planted_conversation(60, facts=6)
    payload = sealed(turns=tuple(turns_of(messages)))

    for name, value in values.items():
        question = f"What is the value of {name}? Answer only from this conversation."
        around = Surroundings((user("And now?"),), (user(question),))
        window = assemble(payload, around, 1000, question=question)
        assert f"The value of {name} is {value}." in text_of(window.items)


def test_messages_of_the_same_words_stay_themselves() -> None:
    one, other = user("Same."), Message("user", (TextPart("Same."), TextPart("")))
    payload = Payload(level="extractive", tail=(one, other))

    window = assemble(payload, Surroundings((one, other), ()), 1_000)

    assert window.items == (one, other)
