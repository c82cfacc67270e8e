"""Sends one answer over one connection, at its pace and with its faults."""

from __future__ import annotations

import asyncio
import socket
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import web

from provider_sim.faults import Delivery, Ending, deliver_body, deliver_frames
from provider_sim.latency import frame_deadlines

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from provider_sim.frames import Answer, Frame
    from provider_sim.latency import Pace
    from provider_sim.profiles import Profile
    from provider_sim.recorder import Clocks, Exchange, Recorder

LONGEST_HANG_S = 3600.0
_TIMER_SLACK_S = 0.0005  # uvloop's timers count whole milliseconds
_BYTE_FAULTS = frozenset(
    {"hang_after_headers", "trickle", "malformed", "truncated", "split", "utf8_split", "huge_event",
     "endless"}
)  # fmt: skip
_EVENT_STREAM = "text/event-stream; charset=utf-8"
_LINGER_OFF = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class Courier:
    """Everything that one sending needs to know."""

    request: web.Request
    exchange: Exchange
    recorder: Recorder
    clocks: Clocks
    profile: Profile
    pace: Pace
    headers: Mapping[str, str]

    def _elapsed_s(self) -> float:
        return self.clocks.monotonic_s() - self.exchange.started_s

    async def _until(self, offset_s: float) -> None:
        remaining_s = offset_s - self._elapsed_s()
        if remaining_s > _TIMER_SLACK_S:
            await asyncio.sleep(remaining_s)

    def _all_headers(self, content_type: str) -> dict[str, str]:
        processing_ms = str(int(self._elapsed_s() * 1000))
        return {
            **self.headers,
            "content-type": content_type,
            "openai-processing-ms": processing_ms,
        }

    async def send_body(self, answer: Answer) -> web.StreamResponse:
        """Answer as one JSON body when the whole call's time has passed."""
        await self._perhaps_hang("application/json")
        await self._generate(answer)
        body = answer.body()
        headers = self._all_headers("application/json")
        if self._is_plain():
            response = web.Response(body=body, headers=headers)
            self.recorder.first_byte(self.exchange)
            await response.prepare(self.request)
            await response.write_eof()
            return response
        response = web.StreamResponse(headers=headers)
        delivery = deliver_body(body, self.profile)
        return await self._deliver(response, delivery, [0.0] * len(delivery.frames))

    def _is_plain(self) -> bool:
        profile = self.profile
        numbered = (
            profile.stall_after,
            profile.reset_after,
            profile.cut_after,
            profile.close_after,
            profile.mid_error_after,
        )
        return not (profile.faults & _BYTE_FAULTS) and all(after is None for after in numbered)

    async def _generate(self, answer: Answer) -> None:
        """Let the call's time pass; what is billed if the client leaves is what was generated."""
        usage = answer.usage
        try:
            await self._until(self.pace.end_s)
        except asyncio.CancelledError:
            beats = self.pace.beats_by(self._elapsed_s())
            share = beats / max(1, answer.beats)
            self.exchange.completion_tokens = round(usage.completion_tokens * share)
            self.exchange.reasoning_tokens = min(
                usage.reasoning_tokens, self.exchange.completion_tokens
            )
            raise
        self.exchange.completion_tokens = usage.completion_tokens
        self.exchange.reasoning_tokens = usage.reasoning_tokens

    async def send_stream(self, answer: Answer) -> web.StreamResponse:
        await self._perhaps_hang(_EVENT_STREAM)
        headers = self._all_headers(_EVENT_STREAM)
        headers.update({"cache-control": "no-cache", "x-accel-buffering": "no"})
        response = web.StreamResponse(headers=headers)
        if self._is_plain():
            delivery = Delivery(answer.frames())
        else:
            delivery = deliver_frames(answer.frames(), self.profile, answer.error_frames)
        due = frame_deadlines((frame.tokens for frame in delivery.frames), self.pace)
        return await self._deliver(response, delivery, due)

    async def _perhaps_hang(self, content_type: str) -> None:
        """Say that an answer comes, and nothing more."""
        if "hang_after_headers" in self.profile.faults:
            response = web.StreamResponse(headers=self._all_headers(content_type))
            await response.prepare(self.request)
            await asyncio.sleep(LONGEST_HANG_S)

    async def _deliver(
        self, response: web.StreamResponse, delivery: Delivery, due_s: list[float]
    ) -> web.StreamResponse:
        for batch, batch_due_s in self._batches(delivery, due_s):
            await self._until(batch_due_s)
            if not response.prepared:
                await response.prepare(self.request)
            self.recorder.first_byte(self.exchange)
            await self._write(response, batch, delivery)
        await self._end(response, delivery)
        return response

    def _batches(
        self, delivery: Delivery, due_s: list[float]
    ) -> Iterator[tuple[list[Frame], float]]:
        """Frames that are due by now leave in one write, so that lateness does not add up."""
        frames = delivery.frames
        start = 0
        while start < len(frames):
            horizon_s = max(due_s[start], self._elapsed_s()) + _TIMER_SLACK_S
            end = start + 1
            while end < len(frames) and due_s[end] <= horizon_s:
                end += 1
            yield frames[start:end], due_s[start]
            start = end

    async def _write(
        self, response: web.StreamResponse, batch: list[Frame], delivery: Delivery
    ) -> None:
        self.exchange.completion_tokens += sum(frame.tokens for frame in batch)
        self.exchange.reasoning_tokens += sum(frame.reasoning_tokens for frame in batch)
        data = batch[0].data if len(batch) == 1 else b"".join(frame.data for frame in batch)
        if not data:  # thought and not shown; an empty chunk would end the body
            return
        size = delivery.piece_bytes
        if size is None:
            await response.write(data)
            return
        for start in range(0, len(data), size):
            await response.write(data[start : start + size])
            await asyncio.sleep(delivery.pause_s)

    async def _end(self, response: web.StreamResponse, delivery: Delivery) -> None:
        match delivery.ending:
            case Ending.COMPLETE:
                if not response.prepared:
                    await response.prepare(self.request)
                await response.write_eof()
            case Ending.STALL:
                await asyncio.sleep(LONGEST_HANG_S)
            case Ending.RESET:
                reset_connection(self.request)
            case Ending.CLOSE:
                if self.request.transport is not None:
                    self.request.transport.close()
            case Ending.ENDLESS:
                await self._repeat(response, delivery)

    async def _repeat(self, response: web.StreamResponse, delivery: Delivery) -> None:
        last = delivery.frames[-1:]
        step_s = max(self.pace.step_s, 0.001)
        while last and self._elapsed_s() < LONGEST_HANG_S:
            await asyncio.sleep(step_s)
            await self._write(response, last, delivery)


def reset_connection(request: web.Request) -> None:
    """Drop the connection with a TCP RST."""
    transport = request.transport
    if transport is None:
        return
    handle = transport.get_extra_info("socket")
    if handle is not None:
        handle.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_OFF)
    transport.abort()
