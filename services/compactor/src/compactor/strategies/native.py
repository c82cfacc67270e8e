"""The level where the vendor compacts: OpenAI's own endpoint, through its own SDK.

What comes back is kept as it came, byte for byte, and only handed to who made it: the same
provider, place, key and deployment. A vendor that answers 404 or 400 does not have the feature; it
is asked again an hour later.
"""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import msgspec

from compactor.calls import AGENT
from compactor.payload import NativePart
from compactor.strategies.failures import LevelFailedError, reason_of
from model_providers import vendor_errors
from model_providers.attempt_record import AttemptRecord
from model_providers.calls import CallOpened, Observers
from model_providers.openai_responses.encode import encode_items
from model_providers.provider import SendProgress
from model_providers.token_estimate import estimate_items
from wire.conversation import OtherItem, Usage, text_of
from wire.errors import (
    ContextLengthExceededError,
    PlatformError,
    UpstreamError,
    UpstreamProtocolError,
    UpstreamTimeoutError,
)
from wire.ids import new_call_id, upstream_request_id

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from openai import AsyncOpenAI

    from model_providers.calls import CallObserver
    from service_kit.clock import Clock
    from wire.conversation import Item, Message
    from wire.specs import ModelSpec, ProviderSpec

KINDS = frozenset({"openai", "azure-openai"})
_PROBE_AGAIN_S = 3600.0
# "There is no such endpoint" in its variants.
_NOT_OFFERED = frozenset({400, 404, 405, 501})


class NativeSupport:
    """Which providers turned out not to compact; each is asked again after an hour.

    `noticed` hears what each attempt showed: provider and model, and whether it compacts.
    """

    def __init__(self, clock: Clock, noticed: Callable[[str, bool], None]) -> None:
        self._clock = clock
        self._noticed = noticed
        self._without_until_s: dict[str, float] = {}

    def may_compact(self, model: ModelSpec) -> bool:
        """Whether it is worth asking. Only Responses can carry the vendor's item afterwards."""
        if model.provider.kind not in KINDS or "responses" not in model.dialects:
            return False
        return self._without_until_s.get(_place(model), 0.0) <= self._clock.monotonic_s()

    def found(self, model: ModelSpec, *, offered: bool) -> None:
        """Note what an attempt showed."""
        place = _place(model)
        self._noticed(place, offered)
        self._without_until_s.pop(place, None)
        if not offered:
            self._without_until_s[place] = self._clock.monotonic_s() + _PROBE_AGAIN_S


@dataclass(frozen=True, slots=True, kw_only=True)
class NativeJob:
    """`items` hold no sealed item of ours; `timeout_s` bounds the whole exchange."""

    model: ModelSpec
    items: Sequence[Item]
    timeout_s: float
    instructions: str | None = None


class _InputDetails(msgspec.Struct):
    cached_tokens: int = 0


class _OutputDetails(msgspec.Struct):
    reasoning_tokens: int = 0


class _Usage(msgspec.Struct):
    input_tokens: int = 0
    output_tokens: int = 0
    input_tokens_details: _InputDetails = msgspec.field(default_factory=_InputDetails)
    output_tokens_details: _OutputDetails = msgspec.field(default_factory=_OutputDetails)


class _Answer(msgspec.Struct):
    output: list[msgspec.Raw]
    usage: _Usage | None = None


class _Part(msgspec.Struct):
    text: str = ""


class _Item(msgspec.Struct):
    """As much of a vendor's item as decides where it goes."""

    type: str = "message"
    role: str = ""
    content: str | list[_Part] | None = None

    def text(self) -> str:
        if isinstance(self.content, list):
            return "".join(part.text for part in self.content)
        return self.content or ""


_decode_answer = msgspec.json.Decoder(_Answer).decode
_decode_item = msgspec.json.Decoder(_Item).decode


def affinity_of(model: ModelSpec) -> str:
    """Who can continue from a vendor's item: the same account at the same place, same model."""
    provider = model.provider
    key = provider.api_key
    parts = (
        provider.name,
        provider.kind,
        provider.base_url,
        provider.api_version or "",
        (key.env or key.file or "") if key is not None else "",
        model.upstream_model,
    )
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def can_continue(native: NativePart, model: ModelSpec) -> bool:
    """Whether this model can read these items: their maker, asked in Responses."""
    return "responses" in model.dialects and native.affinity == affinity_of(model)


def continued(native: NativePart, before: Sequence[Message]) -> tuple[Item, ...]:
    """A vendor's items as they came, behind those of our messages that are not among them.

    Its list is passed on whole: it holds the users' messages beside the sealed item.
    """
    items: list[Item] = []
    said: set[tuple[str, str]] = set()
    for raw in native.items:
        item = _decode_item(raw)
        if item.type == "message":
            said.add((item.role, item.text()))
        items.append(OtherItem(item.type, raw))
    missing = (m for m in before if (m.role, text_of(m.content)) not in said)
    return (*missing, *items)


class NativeCompaction:
    """Asks vendors to compact; every call passes the observer."""

    def __init__(
        self,
        secrets: Callable[[ProviderSpec], str | None],
        clock: Clock,
        support: NativeSupport,
        observer: CallObserver,
    ) -> None:
        self._secrets = secrets
        self._clock = clock
        self._observer = observer
        self.support = support

    async def compact(self, job: NativeJob, observer: CallObserver) -> tuple[NativePart, Usage]:
        """The vendor's items, as they came, and what it counted.

        Raises:
            LevelFailedError: it does not offer this, failed, or answered with nothing of use.
        """
        try:
            answer = await self._exchange(job, observer)
        except ContextLengthExceededError as error:
            raise LevelFailedError(reason_of(error)) from error
        except PlatformError as error:
            if error.status in _NOT_OFFERED:
                self.support.found(job.model, offered=False)
                raise LevelFailedError("not_offered") from error
            raise LevelFailedError(reason_of(error)) from error
        self.support.found(job.model, offered=True)
        items = tuple(raw.copy() for raw in answer.output)
        if not _holds_one_compaction(items):
            raise LevelFailedError("provider_protocol")
        return NativePart(affinity_of(job.model), items), _usage(answer.usage)

    async def _exchange(self, job: NativeJob, observer: CallObserver) -> _Answer:
        progress = SendProgress()
        record = self._record(job, Observers((self._observer, observer)), progress)
        ended: BaseException | None = None
        try:
            await record.open()
            progress.sent = True
            answer = await self._post(job, record.opened)
            if answer.usage is not None:
                record.report(_usage(answer.usage))
        except BaseException as error:
            progress.refused = isinstance(error, PlatformError)
            ended = error
            raise
        else:
            return answer
        finally:
            await record.close(ended)

    async def _post(self, job: NativeJob, opened: CallOpened) -> _Answer:
        import openai  # noqa: PLC0415  45 MB that a process without native providers never needs

        provider = job.model.provider.name
        encoded = msgspec.json.encode(encode_items(job.items, job.model))
        items = cast("list[Any]", msgspec.json.decode(encoded))
        try:
            async with asyncio.timeout(job.timeout_s), self._client(job) as client:
                response = await client.responses.with_raw_response.compact(
                    model=job.model.upstream_model,
                    input=items,
                    instructions=job.instructions,
                    extra_headers={
                        "x-request-id": upstream_request_id(opened.call_id, opened.attempt)
                    },
                )
                return _decode_answer(response.content)
        except openai.APIStatusError as error:
            headers = dict(error.response.headers)
            raise vendor_errors.from_status(
                provider, error.status_code, error.response.content, headers
            ) from error
        except (TimeoutError, openai.APITimeoutError) as error:
            raise UpstreamTimeoutError(
                f"{provider} did not compact within {job.timeout_s:g} s", provider=provider
            ) from error
        except openai.APIConnectionError as error:
            raise UpstreamError(f"{provider} cannot be reached", provider=provider) from error
        except msgspec.DecodeError as error:
            raise UpstreamProtocolError(
                f"{provider} answered a compaction with something else", provider=provider
            ) from error

    def _client(self, job: NativeJob) -> AsyncOpenAI:
        from openai import AsyncAzureOpenAI, AsyncOpenAI  # noqa: PLC0415

        provider = job.model.provider
        key = self._secrets(provider) or "none"
        if provider.kind == "azure-openai":
            return AsyncAzureOpenAI(
                azure_endpoint=provider.base_url,
                api_version=provider.api_version,
                api_key=key,
                default_headers=provider.headers,
                max_retries=0,
                timeout=job.timeout_s,
            )
        return AsyncOpenAI(
            base_url=provider.base_url,
            api_key=key,
            default_headers=provider.headers,
            max_retries=0,
            timeout=job.timeout_s,
        )

    def _record(
        self, job: NativeJob, observer: CallObserver, progress: SendProgress
    ) -> AttemptRecord:
        model = job.model
        opened = CallOpened(
            call_id=new_call_id(),
            attempt=1,
            provider=model.provider.name,
            model=model.name,
            upstream_model=model.upstream_model,
            agent_id=AGENT,
            phase="compact",
            reserved_output_tokens=None,
            opened_at_s=self._clock.monotonic_s(),
        )
        return AttemptRecord(
            opened,
            observer,
            self._clock,
            progress,
            estimate_input=lambda: estimate_items(job.items),
            estimate_output=lambda: 0,
        )


def _holds_one_compaction(items: Sequence[msgspec.Raw]) -> bool:
    try:
        return sum(_decode_item(item).type == "compaction" for item in items) == 1
    except msgspec.DecodeError:
        return False


def _place(model: ModelSpec) -> str:
    return f"{model.provider.name}/{model.upstream_model}"


def _usage(counted: _Usage | None) -> Usage:
    if counted is None:
        return Usage(estimated=True)
    return Usage(
        input_tokens=counted.input_tokens,
        output_tokens=counted.output_tokens,
        cached_tokens=counted.input_tokens_details.cached_tokens,
        reasoning_tokens=counted.output_tokens_details.reasoning_tokens,
    )
