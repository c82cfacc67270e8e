"""Compactions between our services: a conversation goes in, a smaller one comes out.

A compaction's product is one sealed item that stands for everything before it. Only the compactor
can read it; `COMPACT` makes one, `OPEN_COMPACTION` turns it back into items a model can read.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from wire.conversation import CompactedBy, CompactionItem, Item, Usage
from wire.coordination import CallRecord
from wire.specs import CompactionSpec, ModelSpec, PanelSpec

CompactionMode = Literal["automatic", "explicit"]
NoopReason = Literal[
    "disabled",  # the specification says so
    "below_threshold",  # it fits
    "hysteresis",  # it grew too little since the last compaction
    "mid_turn",  # tool calls are under way and it still fits
    "nothing_new",  # nothing was said since the compaction it ends with
    "not_smaller",  # no level made it smaller; an explicit one opens to what it was made of
]
Signal = Literal[
    "half_window_not_free",  # what must stay verbatim takes more than half of the window
    "budget_raised",  # what must stay verbatim takes more than the target
    "tail_condensed",  # the last exchange was too large to stay whole
    "history_thinned",  # the sealed item holds a part of the history, the rest is kept beside it
    "history_unavailable",  # what was kept beside the sealed item is gone
    "native_left",  # sealed by a vendor that cannot continue it here; our own part was used
]

# min(75 % of the window, window - 20,000): room for a long answer in a large window.
_THRESHOLD_RATIO = 0.75
_HEADROOM_TOKENS = 20_000
# Small windows: never below this share, or the threshold meets the target.
_LOWEST_THRESHOLD_RATIO = 0.36
# A context_management threshold below this compacts the compaction.
_SMALLEST_THRESHOLD_TOKENS = 200


def threshold_tokens(spec: CompactionSpec, window_tokens: int) -> int:
    """The size from which a window is compacted."""
    if spec.threshold_tokens is not None:
        wanted = float(spec.threshold_tokens)
    elif spec.threshold_ratio is not None:
        wanted = spec.threshold_ratio * window_tokens
    else:
        lowest = _LOWEST_THRESHOLD_RATIO * window_tokens
        wanted = max(
            lowest, min(_THRESHOLD_RATIO * window_tokens, window_tokens - _HEADROOM_TOKENS)
        )
    return int(max(_SMALLEST_THRESHOLD_TOKENS, min(wanted, window_tokens)))


def reader_of(panel: PanelSpec) -> tuple[ModelSpec, CompactionSpec]:
    """For whom a panel's conversation is compacted, and how.

    That is the agent with the narrowest window. All agents read the same, and what a vendor seals
    only that vendor's model can read: unless all of them are one model, the reader stands under a
    provider that is the panel's own.
    """
    narrowest = min(
        (agent.model for agent in panel.agents), key=lambda model: model.context_window_tokens
    )
    if panel.kind == "model":
        return narrowest, narrowest.compaction
    name = f"panel {panel.name}"
    provider = msgspec.structs.replace(narrowest.provider, name=name, kind="openai-compatible")
    reader = msgspec.structs.replace(narrowest, name=panel.name, provider=provider)
    if all(agent.model == narrowest for agent in panel.agents):
        reader = narrowest
    spec = panel.compaction
    if spec.summariser is None:
        spec = msgspec.structs.replace(spec, summariser=panel.agents[0].model)
    return reader, spec


class LevelFailure(msgspec.Struct, frozen=True):
    """A level that was tried and did not serve; `reason` is a constant, never a vendor's text."""

    level: CompactedBy
    reason: str


class CompactRequest(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Make `items` smaller for `model`.

    `explicit`: a client asked for it; every user message stays beside the sealed item, and there
    always is one. `automatic`: only past the threshold and at the end of a turn, unless `force`;
    otherwise the result is `none` and the items are unchanged.

    `spec` has the thresholds, the level and the summariser; without one `model` summarises.
    `target_tokens` overrides its target. `reserved_tokens`: tools, schemas and the answer, which
    share the window. `pinned`: texts that must survive byte for byte. `instructions` steer the
    summary and are not kept. `max_usd` bounds what the summary may cost; 0 forbids all calls.
    `expand`: also return the window, opened for the last user turn.
    """

    items: tuple[Item, ...]
    model: ModelSpec
    mode: CompactionMode = "automatic"
    spec: CompactionSpec = CompactionSpec()
    target_tokens: int | None = None
    reserved_tokens: int = 0
    pinned: tuple[str, ...] = ()
    instructions: str | None = None
    force: bool = False
    max_usd: float | None = None
    expand: bool = False
    merge_roles: bool = False


class CompactResult(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """`items` is what the conversation is from now on.

    `explicit`: the kept messages, then exactly one compaction item, last. `automatic`: the kept
    messages, the item, and what came after it if an earlier compaction was taken up again.
    `window` (with `expand`): the same, opened, without any compaction item.

    Tokens are estimates of what a model would read: the sealed item counts as what it opens to,
    `item_tokens` by itself.
    `calls` are the summariser's or the vendor's, to be booked by the caller; empty when the result
    was remembered or another caller paid for it.
    """

    items: tuple[Item, ...]
    level: CompactedBy
    tokens_before: int
    tokens_after: int
    budget_tokens: int
    item_tokens: int = 0
    noop: NoopReason | None = None
    compaction: CompactionItem | None = None
    reused: bool = False
    calls: tuple[CallRecord, ...] = ()
    usage: Usage = Usage()
    signals: tuple[Signal, ...] = ()
    fallbacks: tuple[LevelFailure, ...] = ()
    window: tuple[Item, ...] = ()


class OpenRequest(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Turn a conversation with a compaction item into one that `model` can read.

    `question` is what the recall looks for; None: the last user message. `budget_tokens` bounds
    the whole result; None: the target of `spec`, of the model's window. `merge_roles`: the backend
    wants user and assistant messages to alternate strictly.
    """

    items: tuple[Item, ...]
    model: ModelSpec
    spec: CompactionSpec = CompactionSpec()
    budget_tokens: int | None = None
    reserved_tokens: int = 0
    question: str | None = None
    recall: bool = True
    merge_roles: bool = False


class OpenResult(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """`items` hold no compaction item. `level` made what was opened; `none`: nothing was sealed."""

    items: tuple[Item, ...]
    level: CompactedBy
    tokens: int
    recalled: int = 0
    recalled_tokens: int = 0
    signals: tuple[Signal, ...] = ()
