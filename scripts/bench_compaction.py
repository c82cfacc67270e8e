"""How much of a conversation survives a compaction: level x ratio x data set, beside baselines.

    python scripts/bench_compaction.py                       # written and synthetic conversations
    python scripts/bench_compaction.py --data DIR            # and agent traces: DIR holds
                                                             # tau_airline.json.gz, swe/*.traj.gz
    python scripts/bench_compaction.py --data DIR --retention FILE    # retention.py elsewhere

Retention is literal: the share of words (identifiers) that a later turn needs and that still stand
in what is left; in chats they must stand in what is left of their own turn. No model judges it.

`--retention` names a Python file with `METHODS`, `load_tau` and `load_swe`; its methods are run on
the same cases, and `compact_messages` below is a method of the same form. Tokens are counted with
tiktoken (o200k_base) where it is installed with its ranks, else with the platform's estimator.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import importlib.util
import random
import re
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from compactor.__main__ import COLLECTOR_THRESHOLDS
from compactor.envelope import packed_bytes, sealed_characters
from compactor.history import History
from compactor.memory import Remembered, Transcript
from compactor.payload import Payload, encode_payload
from compactor.strategies.extractive import Passage, Speaker, condense
from compactor.strategies.extractive.lexicon import Commonness
from compactor.strategies.extractive.tokens import tokens_of
from compactor.turns import Turn
from compactor.vault import allowed_characters
from model_providers.token_estimate import estimate_text

if TYPE_CHECKING:
    from types import ModuleType

_WRITTEN = Path(__file__).parents[1] / "services" / "compactor" / "tests" / "data"
CHATS, OTHER_CHATS = _WRITTEN / "chats", _WRITTEN / "other_chats"
DEFAULT_RATIOS = "4,10,20"
_TRIES = 4
_CLOSE_ENOUGH = 0.05

Count = Callable[[str], int]
JsonMessage = dict[str, Any]
Method = Callable[[list[JsonMessage], int, Count], list[JsonMessage]]

# --------------------------------------------------------------------------------------- adapters

_CALL = re.compile(r"(?s)^(.*?) ?\bcall (\w+) (\{.*\})$")


def compact_messages(
    messages: list[JsonMessage], budget_tokens: int, ntok: Count
) -> list[JsonMessage]:
    """The extractive level as a method: what is left of each message, by its number `i`.

    A message is `{"i", "role", "text"}`; `ntok(text) + 1` is what one costs.
    """
    left: dict[int, list[str]] = {}
    for each in condense(_passages(messages), budget_tokens, ntok):
        left.setdefault(each.index, []).append(each.text)
    return [{"i": index, "text": " ".join(texts)} for index, texts in left.items()]


def recall_messages(
    messages: list[JsonMessage],
    question: str,
    budget_tokens: int,
    ntok: Count,
    history: History | None = None,
) -> list[JsonMessage]:
    """The same budget with recall, as an item is opened: what the question asks for verbatim.

    `history`: of the same messages, where several questions are asked about them.
    """
    passages = _passages(messages)
    remembered = Remembered(history or history_of(messages))
    transcript = Transcript(remembered, budget_tokens, ntok, question)
    room, spent, best = budget_tokens, 0, list[JsonMessage]()
    for _ in range(_TRIES):
        lines, complete = transcript.lines(room)
        left = [{"i": passages[place].index, "text": line.strip()} for place, line in lines]
        tokens = _tokens(left, ntok)
        if spent < tokens <= budget_tokens:
            spent, best = tokens, left
        if complete or (1 - _CLOSE_ENOUGH) * budget_tokens <= tokens <= budget_tokens:
            break
        room += budget_tokens - tokens
    return best


def history_of(messages: list[JsonMessage]) -> History:
    """Messages read for any number of questions."""
    return History(tuple(Turn(each.speaker, each.text) for each in _passages(messages)))


def _passages(messages: list[JsonMessage]) -> list[Passage]:
    passages: list[Passage] = []
    for message in messages:
        index, role, text = int(message["i"]), str(message["role"]), str(message["text"])
        call = _CALL.match(text) if role == "assistant" else None
        if call is None:
            passages.append(Passage(index, _speaker(role), text))
            continue
        if call[1].strip():
            passages.append(Passage(index, "assistant", call[1]))
        passages.append(Passage(index, "call", f"{call[2]} {call[3]}"))
    return passages


def _speaker(role: str) -> Speaker:
    return cast("Speaker", role) if role in {"assistant", "tool"} else "user"


# -------------------------------------------------------------------------------------- baselines


def tail(messages: list[JsonMessage], budget_tokens: int, ntok: Count) -> list[JsonMessage]:
    """The newest messages, and the end of the one that does not fit."""
    left: list[JsonMessage] = []
    for message in reversed(messages):
        text = str(message["text"])
        price = ntok(text) + 1
        if price > budget_tokens:
            words = text.split(" ")
            while words and ntok(" ".join(words)) + 1 > budget_tokens:
                words = words[max(1, len(words) // 8) :]
            return [{"i": message["i"], "text": " ".join(words)}, *left] if words else left
        budget_tokens -= price
        left.insert(0, {"i": message["i"], "text": text})
    return left


def random_messages(
    messages: list[JsonMessage], budget_tokens: int, ntok: Count
) -> list[JsonMessage]:
    """Whole messages by a fixed die, as many as fit."""
    order = list(messages)
    random.Random(0).shuffle(order)  # noqa: S311 - a baseline's die
    kept: list[JsonMessage] = []
    for message in order:
        price = ntok(str(message["text"])) + 1
        if price <= budget_tokens:
            budget_tokens -= price
            kept.append(message)
    return sorted(kept, key=lambda message: int(message["i"]))


def clear_old_tool_results(
    messages: list[JsonMessage], budget_tokens: int, ntok: Count
) -> list[JsonMessage]:
    """Oldest tool results replaced by a remark until it fits, then the tail."""
    cleared = [dict(message) for message in messages]
    total = sum(ntok(str(message["text"])) + 1 for message in cleared)
    for message in cleared:
        if total <= budget_tokens:
            break
        if message["role"] == "tool":
            total -= ntok(str(message["text"]))
            message["text"] = "[tool result cleared]"
            total += ntok(message["text"])
    return tail(cleared, budget_tokens, ntok)


def full(messages: list[JsonMessage], _budget_tokens: int, _ntok: Count) -> list[JsonMessage]:
    """Everything, as the upper bound."""
    return messages


BASELINES: dict[str, Method] = {
    "tail": tail,
    "random": random_messages,
    "tool-clear": clear_old_tool_results,
}

# -------------------------------------------------------------------------------------- data sets


@dataclass(frozen=True, slots=True)
class Probe:
    """Words that a later turn needs; `turn` None: wherever they stand. `question` asks for them."""

    words: tuple[str, ...]
    turn: int | None = None
    question: str | None = None


@dataclass(frozen=True, slots=True)
class Case:
    messages: list[JsonMessage]
    probes: list[Probe]


@dataclass(frozen=True, slots=True)
class DataSet:
    name: str
    cases: list[Case]


_GOLD = re.compile(r"\{\{(.*?)\|(.*?)\}\}")


def written_chats(name: str, folder: Path) -> DataSet:
    """Each written chat by itself, and all of them in a row as one long conversation."""
    paths = sorted(folder.glob("*.txt"))
    return DataSet(name, [*(_chat_case([path]) for path in paths), _chat_case(paths)])


def _chat_case(paths: Iterable[Path]) -> Case:
    messages: list[JsonMessage] = []
    probes: list[Probe] = []
    for path in paths:
        speakers: list[str] = []
        for line in path.read_text(encoding="utf-8").splitlines():
            if not line.strip() or line[0] in "#@":
                continue
            speaker, text = line.split(": ", 1)
            if speaker not in speakers:
                speakers.append(speaker)
            text = text.replace("\\n", "\n")
            role = "assistant" if speakers.index(speaker) else "user"
            for gold, question in _GOLD.findall(text):
                probes.append(Probe(_informative(gold), len(messages), question))
            plain = _GOLD.sub(lambda found: found.group(1), text)
            messages.append({"i": len(messages), "role": role, "text": plain})
    return Case(messages, probes)


def _informative(text: str) -> tuple[str, ...]:
    return tuple(t.key for t in tokens_of(text) if t.commonness is not Commonness.GRAMMAR)


_THINGS = ("cello", "greenhouse", "kayak", "telescope", "sewing machine", "accordion", "loom")
_PLACES = ("Trieste", "Aarhus", "Cusco", "Hobart", "Tampere", "Oaxaca", "Kanazawa", "Galway")
_PEOPLE = ("Amira", "Jonas", "Beatriz", "Kofi", "Yuki", "Svetlana", "Tariq", "Mirela")
_CHATTER = (
    "That sounds really nice, I am so happy for you!",
    "How have you been lately? It feels like ages since we talked.",
    "I totally get that, it is so important to take some time for yourself.",
    "Thanks so much for your support, it really means a lot to me.",
    "Wow, that is amazing! You should be proud of yourself.",
    "Anyway, what are your plans for the weekend? Anything fun?",
    "I hope it all works out for you, keep me posted about it.",
    "Life is busy at the moment, but I am trying to enjoy the little things.",
)


def synthetic_chat(turns: int, seed: int) -> Case:
    """Small talk with facts of many kinds planted in it; the same seed gives the same chat."""
    chance = random.Random(seed)  # noqa: S311 - a test's die
    messages: list[JsonMessage] = []
    probes: list[Probe] = []
    for index in range(turns):
        said = [chance.choice(_CHATTER) for _ in range(chance.randint(1, 3))]
        if index % 4 == 1:
            fact, gold, question = _planted(chance)
            said.insert(chance.randint(0, len(said)), fact)
            probes.append(Probe(_informative(gold), index, question))
        role = "assistant" if index % 2 else "user"
        messages.append({"i": index, "role": role, "text": " ".join(said)})
    return Case(messages, probes)


def _planted(chance: random.Random) -> tuple[str, str, str]:
    """A sentence, the words of it that matter, and the question they answer."""
    who, place, thing = (chance.choice(pool) for pool in (_PEOPLE, _PLACES, _THINGS))
    number, year, hour = chance.randint(3, 90), chance.randint(1970, 2025), chance.randint(1, 6)
    kinds = (
        (f"My cousin {who} moved to {place} in {year}.", f"{place} {year}", f"Where is {who}?"),
        (f"I bought a used {thing} for {number} euros.", f"{number} euros", f"{thing} price?"),
        (f"{who} is allergic to peanuts and cats.", "peanuts cats", f"{who} is allergic to what?"),
        (f"We saw {number} seals near {place}.", f"{number} seals", f"What was near {place}?"),
        (f"I never drink coffee after {hour}, I can't sleep.", "coffee", "What ruins the sleep?"),
        (f"My sister {who} is a welder at the harbor.", "welder harbor", f"What is {who}'s work?"),
        (f"Our dog was born in March {year}.", f"March {year}", "When was the dog born?"),
        (f"I am learning the {thing} with {who}.", f"{thing} {who}", "What is being learned?"),
    )  # fmt: skip
    return chance.choice(kinds)


def synthetic() -> DataSet:
    """Long planted chats of three seeds."""
    return DataSet("synthetic chats", [synthetic_chat(600, seed) for seed in (1, 2, 3)])


def agent_traces(data: Path, retention: ModuleType, count: Count) -> Iterator[DataSet]:
    """The cases of a retention bench: identifiers that later tool calls need, wherever left."""
    tau = data / "tau_airline.json.gz"
    if tau.exists():
        yield DataSet("tau-bench airline", _cases(retention.load_tau(str(tau), count)))
    traces = sorted(str(path) for path in (data / "swe").glob("*.traj.gz"))
    if traces:
        yield DataSet("SWE-agent", _cases(retention.load_swe(traces, count)))


def _cases(loaded: Iterable[tuple[str, list[JsonMessage], set[str]]]) -> list[Case]:
    return [
        Case(messages, [Probe((word,)) for word in sorted(wanted)])
        for _, messages, wanted in loaded
    ]


# ------------------------------------------------------------------------------------------ scores


@dataclass(slots=True)
class Row:
    """The figures of one method at one ratio, gathered case by case."""

    tokens_in: list[int] = field(default_factory=list[int])
    tokens_out: list[int] = field(default_factory=list[int])
    retained: list[float] = field(default_factory=list[float])
    complete: list[bool] = field(default_factory=list[bool])
    ms: list[float] = field(default_factory=list[float])


def score(left: list[JsonMessage], probe: Probe) -> float:
    """The share of the probe's words that are left where they must be."""
    if probe.turn is None:
        text = "\n".join(str(each["text"]) for each in left)
        return sum(word in text for word in probe.words) / len(probe.words)
    words = {
        token.key
        for each in left
        if each["i"] == probe.turn
        for token in tokens_of(str(each["text"]))
    }
    return sum(word in words for word in probe.words) / max(1, len(probe.words))


def measure(case: Case, method: Method, ratio: float, count: Count, row: Row) -> None:
    """One compaction for all probes of a case."""
    before = _tokens(case.messages, count)
    began_s = time.perf_counter()
    left = method(case.messages, int(before / ratio), count)
    row.ms.append((time.perf_counter() - began_s) * 1000)
    shares = [score(left, probe) for probe in case.probes]
    _note(row, before, _tokens(left, count), shares)


def measure_recall(case: Case, ratio: float, count: Count, row: Row, at_most: int) -> None:
    """One opening for each question, as a live turn would ask it."""
    asked = [probe for probe in case.probes if probe.question]
    before = _tokens(case.messages, count)
    history = history_of(case.messages)
    shares: list[float] = []
    sizes: list[int] = []
    for probe in asked[:: max(1, len(asked) // at_most)]:
        began_s = time.perf_counter()
        left = recall_messages(
            case.messages, probe.question or "", int(before / ratio), count, history
        )
        row.ms.append((time.perf_counter() - began_s) * 1000)
        shares.append(score(left, probe))
        sizes.append(_tokens(left, count))
    if shares:
        _note(row, before, max(sizes), shares)


def _note(row: Row, before: int, after: int, shares: list[float]) -> None:
    row.tokens_in.append(before)
    row.tokens_out.append(after)
    row.retained.append(statistics.fmean(shares))
    row.complete.append(all(share == 1 for share in shares))


def _tokens(messages: list[JsonMessage], count: Count) -> int:
    return sum(count(str(message["text"])) + 1 for message in messages)


def table(data: DataSet, ratios: Sequence[float], methods: dict[str, Method], count: Count) -> None:
    """Print one data set's rows."""
    sizes = sorted(_tokens(case.messages, count) for case in data.cases)
    print(f"\n{data.name}: {len(data.cases)} cases, median {sizes[len(sizes) // 2]} tokens")
    print(
        f"  {'level':<14}{'ratio':>6}{'tokens in':>11}{'out':>9}{'retained':>10}{'complete':>10}"
        f"{'ms':>9}"
    )
    for ratio in ratios:
        for name, method in methods.items():
            row = Row()
            for case in data.cases:
                measure(case, method, ratio, count, row)
            _print(name, ratio, row)
        row = Row()
        for case in data.cases:
            measure_recall(case, ratio, count, row, at_most=16)
        if row.retained:
            _print("with recall", ratio, row)


def _print(name: str, ratio: float, row: Row) -> None:
    means = (statistics.fmean(row.tokens_in), statistics.fmean(row.tokens_out))
    print(
        f"  {name:<14}{ratio:>5g}x{means[0]:>11.0f}{means[1]:>9.0f}"
        f"{statistics.fmean(row.retained):>10.3f}{statistics.fmean(row.complete):>10.3f}"
        f"{statistics.fmean(row.ms):>9.1f}"
    )


# ------------------------------------------------------------------------------------------- speed


def speed() -> None:
    """The extractive level on one core, at 20,000 and 200,000 tokens."""
    gc.set_threshold(*COLLECTOR_THRESHOLDS)
    print("\nCPU time of one core, tokens by the estimator")
    for size in (20_000, 200_000):
        case = synthetic_chat(40 * size // 1000, seed=4)
        passages = _passages(case.messages)
        tokens = sum(estimate_text(passage.text) + 1 for passage in passages)
        for ratio in (4, 10):
            began_s = time.process_time()
            condense(passages, tokens // ratio, estimate_text)
            ms = (time.process_time() - began_s) * 1000
            print(f"  extractive {tokens:>7} tokens {ratio:>3}x {ms:>8.0f} ms")


# -------------------------------------------------------------------------------------- item sizes


def sealed_sizes(cases: Sequence[Case]) -> None:
    """How large the sealed item of a whole conversation is, in bytes for each of its tokens."""
    print("\nsealed items, with all of the history where it fits and a blob where it does not")
    for case in cases:
        payload = Payload(
            level="extractive",
            turns=tuple(Turn(_speaker(m["role"]), str(m["text"])) for m in case.messages),
            original_tokens=_tokens(case.messages, estimate_text),
        )
        whole = sealed_characters(packed_bytes(encode_payload(payload)))
        allowed = allowed_characters(payload.original_tokens)
        print(
            f"  {payload.original_tokens:>7} tokens, history whole: {whole:>7} bytes, "
            f"{whole / payload.original_tokens:.2f} a token; allowed: {allowed}"
            f"{', thinned' if whole > allowed else ''}"
        )


# -------------------------------------------------------------------------------------------- main


def counter(*, exact: bool) -> tuple[str, Count]:
    """How tokens are counted, and its name."""
    if exact:
        try:
            tiktoken = cast("Any", importlib.import_module("tiktoken"))
            encode = tiktoken.get_encoding("o200k_base").encode_ordinary
        except Exception as error:  # noqa: BLE001 - no package, or no ranks offline
            print(f"no tokenizer ({type(error).__name__}): the platform's estimator counts")
        else:
            return "o200k_base", _cached(lambda text: len(encode(text)))
    return "estimator", _cached(estimate_text)


def _cached(count: Count) -> Count:
    known: dict[str, int] = {}

    def cached(text: str) -> int:
        found = known.get(text)
        if found is None:
            found = known[text] = count(text)
        return found

    return cached


def load_module(path: Path) -> ModuleType:
    """A Python file by its path."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise SystemExit(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, help="directory with agent traces")
    parser.add_argument("--retention", type=Path, help="retention.py; default: beside --data")
    parser.add_argument("--ratios", default=DEFAULT_RATIOS)
    parser.add_argument("--tokens", choices=["exact", "estimated"], default="exact")
    parser.add_argument("--without-chains", action="store_true", help="no simulator, no service")
    chosen = parser.parse_args()
    name, count = counter(exact=chosen.tokens == "exact")
    print(f"tokens counted by: {name}")
    ratios = [float(ratio) for ratio in chosen.ratios.split(",")]
    methods: dict[str, Method] = {"extractive": compact_messages, **BASELINES}
    chats = [written_chats("written chats", CHATS), written_chats("other chats", OTHER_CHATS)]
    for data in (*chats, synthetic()):
        table(data, ratios, methods, count)
    sealed_sizes([*chats[0].cases, *synthetic().cases])
    if chosen.data is not None:
        retention = load_module(chosen.retention or chosen.data.parent / "retention.py")
        for data in agent_traces(chosen.data, retention, count):
            table(data, ratios, {**methods, "full": full}, count)
    speed()
    if not chosen.without_chains:
        chains = load_module(Path(__file__).with_name("compaction_chains.py"))
        asyncio.run(chains.compare(seed=11))
    return 0


if __name__ == "__main__":
    sys.exit(main())
