"""An answer handed on as the bytes it came in: the splice lane's half of an exchange."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Self

from model_providers import vendor_errors
from model_providers.http_exchange import EVENT_STREAM
from model_providers.resilience.admission import outcome_of
from wire.errors import (
    ContextLengthExceededError,
    PlatformError,
    ProviderError,
    UpstreamProtocolError,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping
    from types import TracebackType

    from model_providers.attempt_record import AttemptRecord
    from model_providers.http_exchange import VendorResponse
    from model_providers.resilience.admission import Admission
    from wire.conversation import Usage
    from wire.specs import ModelSpec

_BYTES_PER_TOKEN = 4
_ERROR_BODY = re.compile(rb"\s*(?:event:[^\n]*\n)?(?:data:)?\s*\{\s*\"error\"\s*:\s*[{\"]")


class RawTally:
    """Tokens of an answer nobody counted: events of a stream, else a share of its bytes."""

    def __init__(self) -> None:
        self.events = 0
        self.other_bytes = 0

    def tokens(self) -> int:
        return self.events + self.other_bytes // _BYTES_PER_TOKEN


class RawExchange:
    """Bytes of a 200, as they come. Close it, or leave its `async with`, exactly once.

    The record is closed as completed when the body was read to its end or `complete` was called;
    as failed when reading failed; as cancelled otherwise. Whoever must book before the last byte
    leaves holds that byte back, calls `report_usage`, `complete` and `close`, and sends it then.
    """

    def __init__(
        self,
        response: VendorResponse,
        first: bytes,
        model: ModelSpec,
        *,
        record: AttemptRecord,
        admission: Admission,
        tally: RawTally,
    ) -> None:
        self.model = model
        self.opened = record.opened
        self._response = response
        self._first = first
        self._record = record
        self._admission = admission
        self._tally = tally
        self._streams = response.content_type == EVENT_STREAM
        self._is_complete = False
        self._failure: PlatformError | None = None

    @property
    def status(self) -> int:
        return self._response.status

    @property
    def headers(self) -> Mapping[str, str]:
        """The vendor's headers: for our own use, never to be forwarded as they are."""
        return self._response.headers

    @property
    def content_type(self) -> str:
        return self._response.content_type

    async def iter_bytes(self) -> AsyncGenerator[bytes]:
        """The body from its first byte, in the pieces the network delivers.

        Raises:
            PlatformError: the connection broke or fell silent; nothing more will come.
        """
        chunk, self._first = self._first, b""
        try:
            while chunk:
                self._count(chunk)
                yield chunk
                chunk = await self._response.read_chunk()
        except PlatformError as error:
            self._failure = error
            raise
        self.complete()

    async def read(self) -> bytes:
        """The whole body, at most 64 MB.

        Raises:
            PlatformError: as `iter_bytes`, or the body is larger.
        """
        try:
            body = self._first + await self._response.read_all()
        except PlatformError as error:
            self._failure = error
            raise
        self._count(body)
        self.complete()
        return body

    def report_usage(self, usage: Usage) -> None:
        """What the vendor counted, read by the lane; the last report counts."""
        self._record.report(usage)

    def complete(self) -> None:
        """The dialect's own end was seen; what may still follow is of no interest."""
        self._is_complete = True
        self._record.complete()

    async def close(self, error: BaseException | None = None) -> None:
        """Book the attempt and free the connection: at once if it is still sending.

        `error` is what ended the reader early; by default it simply stopped reading.
        """
        ended = self._ended(error)
        if ended is not None:
            self._response.close()
        self._admission.leave(outcome_of(ended))
        try:
            await self._record.close(ended)
        finally:
            if ended is None and not self._response.at_eof:
                await self._response.finish()
            self._response.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close(error)

    def _ended(self, error: BaseException | None) -> BaseException | None:
        if self._failure is not None:
            return self._failure
        if isinstance(error, ProviderError | ContextLengthExceededError):
            return error  # what the reader found in the bytes
        if self._is_complete:
            return None
        # Whatever else stopped the reader is no failure of the vendor's.
        return error if isinstance(error, asyncio.CancelledError) else asyncio.CancelledError()

    def _count(self, chunk: bytes) -> None:
        self._record.token_arrived()
        if self._streams:
            self._tally.events += chunk.count(b"\n\n")
        else:
            self._tally.other_bytes += len(chunk)


async def first_bytes(response: VendorResponse, provider: str) -> bytes:
    """The answer's first bytes, unless they say that it failed after all.

    Raises:
        PlatformError: an error object under status 200, or an empty body.
    """
    first = await response.read_chunk()
    if not first:
        raise UpstreamProtocolError(f"{provider} sent an empty answer", provider=provider)
    if b'"error"' not in first or _ERROR_BODY.match(first) is None:
        return first
    if response.content_type != EVENT_STREAM:
        first += await response.read_all(vendor_errors.MAX_ERROR_BYTES)
    raise vendor_errors.from_answer(provider, _data_of(first))


def _data_of(body: bytes) -> bytes:
    """The error event's data, or the whole body when it is no event."""
    for line in body.splitlines():
        if line.startswith(b"data:"):
            return line[5:]
    return body
