"""The compactor's lane: a client asks for a compaction, and for nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from api_gateway.dialects.responses.compaction import compacted_of, shown_usage
from service_kit.call_context import CallContext
from wire.compaction import CompactRequest, OpenRequest, reader_of
from wire.conversation import ChoiceFinished, ItemDone, UsageReported
from wire.coordination import RunEnded
from wire.endpoints import COMPACT, OPEN_COMPACTION
from wire.errors import PlatformFaultError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from api_gateway.lanes.answers import AnswerItem, Turn
    from service_kit.internal_client import InternalClient
    from wire.compaction import CompactResult
    from wire.conversation import CompactionItem, Item
    from wire.specs import PanelSpec


@dataclass(frozen=True, slots=True)
class Compact:
    """What `panel` would be asked is made smaller in place of being answered."""

    panel: PanelSpec


async def compact(
    client: InternalClient,
    panel: PanelSpec,
    items: tuple[Item, ...],
    context: CallContext,
    *,
    instructions: str | None = None,
) -> CompactResult:
    """A compaction that a client asked for, however short the conversation is.

    Raises:
        PlatformError: it cannot be made; 400 `invalid_encrypted_content` for a sealed item that
            is not this team's, or damaged.
    """
    reader, spec = reader_of(panel)
    request = CompactRequest(
        items=items, model=reader, mode="explicit", spec=spec, instructions=instructions
    )
    return await client.call(COMPACT, request, context)


async def opened_tokens(
    client: InternalClient, panel: PanelSpec, items: tuple[Item, ...], context: CallContext
) -> int:
    """What a conversation with a sealed item in it puts before the models of `panel`.

    Raises:
        PlatformError: it cannot be opened; see `compact`.
    """
    reader, spec = reader_of(panel)
    request = OpenRequest(items=items, model=reader, spec=spec)
    return (await client.call(OPEN_COMPACTION, request, context)).tokens


def sealed_item(result: CompactResult) -> CompactionItem:
    """The one item that an explicit compaction always has.

    Raises:
        PlatformFaultError: it has none.
    """
    if result.compaction is None:
        raise PlatformFaultError("The conversation could not be compacted. Please try again.")
    return result.compaction


class CompactionSource:
    """Answers a `compaction_trigger`: with the sealed item alone, whatever tools are offered."""

    def __init__(self, client: InternalClient, panel: PanelSpec) -> None:
        self._client = client
        self._panel = panel

    async def stream(self, turn: Turn) -> AsyncGenerator[AnswerItem]:
        """The item, and what it cost.

        Raises:
            PlatformError: see `compact`.
        """
        context = CallContext(
            turn.caller.tenant_id, turn.request_id, turn.deadline, turn.traceparent
        )
        result = await compact(self._client, self._panel, turn.request.items, context)
        yield ItemDone(sealed_item(result))
        yield ChoiceFinished("stop")
        compacted = compacted_of(result)
        yield UsageReported(shown_usage(result), compacted=compacted)
        yield RunEnded("completed", result.usage, calls=result.calls, compacted=compacted)
