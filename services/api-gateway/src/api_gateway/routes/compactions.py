"""POST /v1/responses/compact."""

from __future__ import annotations

from typing import TYPE_CHECKING

from api_gateway import openai_errors
from api_gateway.dialects.responses.compaction import (
    compacted_items,
    compacted_of,
    compacted_response,
    shown_usage,
)
from api_gateway.dialects.responses.head import decode_compact_head
from api_gateway.dialects.responses.response_object import Outcome, echo_of, encode_response
from api_gateway.lanes.choice import panel_of
from api_gateway.lanes.compaction import compact, sealed_item
from api_gateway.lanes.run import RUN_MARGIN_S
from api_gateway.routes.responses import name_in_responses_terms, response_id_of
from api_gateway.routes.responses_keeping import kept_items, own_items
from api_gateway.routes.responses_plan import History, ResponsePlan, history_of, read_body
from api_gateway.stores.errors import StoreUnavailableError
from api_gateway.stores.records import NewResponse
from service_kit.call_context import CallContext
from service_kit.http import cancel_on_disconnect
from service_kit.logging import get_logger
from wire.deadline import Deadline
from wire.errors import ModelNotFoundError, PlatformError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from api_gateway.dialects.responses.head import ResponsesHead
    from api_gateway.dialects.responses.output_items import OutputItem
    from api_gateway.routes.exchange import Exchange
    from api_gateway.routes.responses import ResponseStores
    from catalogue import Catalogue
    from service_kit.clock import Clock
    from service_kit.internal_client import InternalClient
    from wire.compaction import CompactResult
    from wire.specs import PanelSpec

log = get_logger(__name__)


class CompactionsRoute:
    """A conversation in, a smaller one out; kept like a response, so that it can be continued."""

    def __init__(
        self,
        catalogue: Callable[[], Catalogue],
        compactor: InternalClient,
        stores: ResponseStores,
        clock: Clock,
    ) -> None:
        self._catalogue = catalogue
        self._compactor = compactor
        self._stores = stores
        self._clock = clock

    async def create(self, exchange: Exchange) -> None:
        """Answer one request.

        Raises:
            PlatformError: it is wrong, or cannot be compacted.
            ClientDisconnectedError: the client left; nothing is compacted any more.
        """
        try:
            await self._create(exchange)
        except PlatformError as error:
            name_in_responses_terms(error)
            raise

    async def _create(self, exchange: Exchange) -> None:
        head, instructions = decode_compact_head(await exchange.body())
        entry = self._catalogue().resolve(head.parameters.model)
        if entry is None:
            raise ModelNotFoundError(head.parameters.model)
        exchange.model, exchange.lane = head.parameters.model, "compact"
        async with cancel_on_disconnect(exchange.receive):
            plan = await self._plan(exchange, head)
            panel = panel_of(entry)
            result = await compact(
                self._compactor,
                panel,
                plan.request.items,
                self._context(exchange, panel),
                instructions=instructions,
            )
            exchange.usage = result.usage
            sealed_item(result)
            await self._deliver(exchange, plan, result)

    async def _plan(self, exchange: Exchange, head: ResponsesHead) -> ResponsePlan:
        body = await read_body(head, self._stores.history, exchange.tenant_id)
        history = History()
        previous_id = head.parameters.previous_response_id
        if previous_id is not None:
            items = await self._stores.history.chain(exchange.tenant_id, previous_id)
            history = history_of(items, "previous_response_id")
        request = body.unchecked_request(history.decoded())
        if not request.items:
            raise openai_errors.empty_array("input")
        return ResponsePlan(
            tenant_id=exchange.tenant_id,
            body=body,
            echo=echo_of(
                body,
                response_id=response_id_of(exchange),
                created_unix_s=int(self._clock.unix_s()),
                shows_reasoning=False,
            ),
            history=history.items,
            request=request,
        )

    def _context(self, exchange: Exchange, panel: PanelSpec) -> CallContext:
        now_s = self._clock.monotonic_s()
        deadline = Deadline.after(panel.limits.wall_s + RUN_MARGIN_S, now_s=now_s)
        return CallContext(exchange.tenant_id, exchange.request_id, deadline, exchange.traceparent)

    async def _deliver(self, exchange: Exchange, plan: ResponsePlan, result: CompactResult) -> None:
        echo = plan.echo
        output = compacted_items(echo.response_id, result.items)
        await self._keep(plan, output, result)
        await exchange.respond(
            compacted_response(echo.response_id, echo.created_unix_s, output, result)
        )

    async def _keep(
        self, plan: ResponsePlan, output: Sequence[OutputItem], result: CompactResult
    ) -> None:
        """As a completed response. Clients without state need none of it, so it may fail."""
        echo = plan.echo
        body = encode_response(
            echo,
            Outcome(
                status="completed",
                output=[item.shown for item in output],
                usage=shown_usage(result),
                completed_unix_s=int(self._clock.unix_s()),
                compacted=compacted_of(result),
            ),
            stored=True,
        )
        kept = NewResponse(
            response_id=echo.response_id,
            tenant_id=plan.tenant_id,
            created_unix_s=echo.created_unix_s,
            model=echo.model,
            status="completed",
            body=body,
            input=own_items(plan),
            output=kept_items(output),
            previous_response_id=echo.previous_response_id,
            begins_chain=True,
        )
        try:
            await self._stores.responses.save(kept)
        except StoreUnavailableError as error:
            log.warning("compaction_not_kept", response_id=echo.response_id, error=error)
