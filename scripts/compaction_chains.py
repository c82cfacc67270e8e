"""Ten compactions in a row, through the service and with provider-sim as the model.

Against one prompt over the whole history each time it has grown. The simulator's summariser loses
facts and the simulator answers only from what it received: this proves mechanics, not a model's
skill. Part of `bench_compaction.py`.
"""

from __future__ import annotations

import random
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from model_providers.provider import ModelCall
from model_providers.registry import ModelClient
from model_providers.token_estimate import estimate_items, estimate_text
from provider_sim.testing import running_client
from service_kit.clock import SystemClock
from service_kit.internal_client import new_session
from wire.compaction import CompactRequest, CompactResult, OpenRequest
from wire.conversation import GenerationRequest, Item, Message, TextDelta, TextPart, user_text
from wire.deadline import Deadline
from wire.ids import new_call_id
from wire.specs import CompactionSpec, ModelSpec, ProviderSpec

sys.path.insert(0, str(Path(__file__).parents[1]))  # the tests' running compactor
from services.compactor.tests.running import RunningCompactor, running_compactor

if TYPE_CHECKING:
    from collections.abc import Iterator

ROUNDS = 10
TURNS = 40
FACTS = 3
_NAMES = ("ORCHID", "FALCON", "GRANITE")
_CHATTER = (
    "That sounds really nice, I am so happy for you!",
    "How have you been lately? It feels like ages since we talked.",
    "I totally get that, it is so important to take some time for yourself.",
    "Anyway, what are your plans for the weekend? Anything fun?",
    "Let me look at the other modules first and then come back to this one.",
    "I agree with the general direction and would only change the order of the steps.",
)

Level = Literal["extractive", "summary", "native"]


@dataclass(frozen=True, slots=True)
class Round:
    """What is said between one compaction and the next, and the facts in it."""

    items: tuple[Item, ...]
    facts: dict[str, str]


@dataclass(slots=True)
class Outcome:
    tokens_spent: int = 0
    answered: int = 0
    facts: int = 0
    tokens_after: int = 0
    sealed_bytes: int = 0


async def compare(seed: int) -> None:
    """Print one line for each way."""
    rounds = [_round(number, random.Random(seed + number)) for number in range(ROUNDS)]  # noqa: S311
    print(f"\nchain of {ROUNDS} compactions, provider-sim as the model")
    print(
        f"  {'level':<14}{'tokens spent':>14}{'answered':>12}{'tokens after':>14}{'item bytes':>13}"
    )
    levels: tuple[Level, ...] = ("extractive", "summary", "native")
    for level in levels:
        async with running_client() as vendor, running_compactor() as compactor:
            _print(
                level, await _Chain(_model(vendor.base_url, level), compactor, level).run(rounds)
            )
    async with running_client() as vendor:
        _print("plain-summary", await _plain_summary(_model(vendor.base_url, "summary"), rounds))


def _print(level: str, outcome: Outcome) -> None:
    answered = f"{outcome.answered}/{outcome.facts}"
    print(
        f"  {level:<14}{outcome.tokens_spent:>14}{answered:>12}{outcome.tokens_after:>14}"
        f"{outcome.sealed_bytes:>13}"
    )


def _round(number: int, chance: random.Random) -> Round:
    facts = {f"{name}_{number}": f"K{chance.randrange(10**6):06d}" for name in _NAMES}
    places = dict(zip(chance.sample(range(TURNS), FACTS), facts, strict=True))
    items: list[Item] = []
    for turn in range(TURNS):
        text = " ".join(chance.choice(_CHATTER) for _ in range(4))
        if turn in places:
            text += f" The value of {places[turn]} is {facts[places[turn]]}."
        items.append(Message("assistant" if turn % 2 else "user", (TextPart(text),)))
    return Round(tuple(items), facts)


def _model(base_url: str, level: Level) -> ModelSpec:
    kind = "openai" if level == "native" else "openai-compatible"
    return ModelSpec(
        name="sim",
        provider=ProviderSpec(name="sim", kind=kind, base_url=base_url),
        upstream_model="sim",
        context_window_tokens=32_000,
        dialects=("chat", "responses"),
    )


class _Chain:
    """The service itself, through its endpoints."""

    def __init__(self, model: ModelSpec, compactor: RunningCompactor, level: Level) -> None:
        self._model = model
        self._compactor = compactor
        self._spec = CompactionSpec(level=level, threshold_tokens=2_000, target_ratio=0.05)

    async def run(self, rounds: list[Round]) -> Outcome:
        outcome = Outcome()
        items: tuple[Item, ...] = ()
        for said in rounds:
            request = CompactRequest(
                items=(*items, *said.items), model=self._model, spec=self._spec, force=True
            )
            made = await self._compactor.compact(request)
            items = made.items
            _add(outcome, made)
        for name, value in _facts(rounds):
            outcome.facts += 1
            outcome.answered += await self._ask(items, name) == value
        return outcome

    async def _ask(self, items: tuple[Item, ...], name: str) -> str:
        opened = await self._compactor.open(
            OpenRequest(items=(*items, _question(name)), model=self._model, spec=self._spec)
        )
        return await _answer(self._model, opened.items)


async def _plain_summary(model: ModelSpec, rounds: list[Round]) -> Outcome:
    """One prompt over the whole history each time; afterwards only the summary is left."""
    outcome = Outcome()
    history: tuple[Item, ...] = ()
    summary = ""
    for said in rounds:
        history = (*history, *said.items)
        prompt = (*history, user_text("Write a summary of the conversation above."))
        summary = await _answer(model, prompt)
        outcome.tokens_spent += estimate_items(prompt) + estimate_text(summary)
    outcome.tokens_after = estimate_text(summary)
    for name, value in _facts(rounds):
        outcome.facts += 1
        window = (user_text(f"Summary so far:\n{summary}"), _question(name))
        outcome.answered += await _answer(model, window) == value
    return outcome


def _question(name: str) -> Message:
    return user_text(f"What is the value of {name}? Answer only from this conversation.")


def _facts(rounds: list[Round]) -> Iterator[tuple[str, str]]:
    for said in rounds:
        yield from said.facts.items()


def _add(outcome: Outcome, made: CompactResult) -> None:
    outcome.tokens_spent += sum(call.usage.total_tokens for call in made.calls)
    outcome.tokens_after = made.tokens_after
    if made.compaction is not None:
        outcome.sealed_bytes = len(made.compaction.encrypted_content)


async def _answer(model: ModelSpec, items: tuple[Item, ...]) -> str:
    """What the simulator says to a window."""
    clock = SystemClock()
    async with new_session(trust_env=False) as session:
        client = ModelClient(
            session, clock=clock, secrets=lambda _provider: None, observer=_Nobody()
        )
        call = ModelCall(
            call_id=new_call_id(),
            model=model,
            request=GenerationRequest(items=items),
            deadline=Deadline.after(30, now_s=clock.monotonic_s()),
        )
        events = [event async for event in client.stream(call)]
    return "".join(event.text for event in events if isinstance(event, TextDelta))


class _Nobody:
    """An observer that is not interested."""

    async def opened(self, call: object, /) -> None: ...

    def first_token(self, call: object, at_s: float, /) -> None: ...

    async def closed(self, call: object, /) -> None: ...
