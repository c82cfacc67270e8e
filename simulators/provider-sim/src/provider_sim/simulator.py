"""The way of one request through the simulator: read, steer, answer, record."""

from __future__ import annotations

import asyncio
import hmac
import os
from dataclasses import dataclass, replace
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, TypeAlias

from aiohttp import web

from provider_sim import (
    anthropic_messages,
    azure,
    openai_chat,
    openai_compaction,
    openai_completions,
    openai_embeddings,
    openai_responses,
)
from provider_sim.delivery import LONGEST_HANG_S, Courier, reset_connection
from provider_sim.faults import asked_refusal, shown_usage
from provider_sim.frames import Answer, Decoded, Stamp
from provider_sim.json_types import JsonObject, dumps
from provider_sim.latency import pace_for
from provider_sim.model_list import ModelList
from provider_sim.prefix_cache import BLOCK_TOKENS
from provider_sim.profiles import (
    DELIVERED_WHOLE,
    Profile,
    combine,
    parse_profile,
    split_model,
)
from provider_sim.replies import kind_of, reply_to
from provider_sim.request_fields import Fields, parse_body
from provider_sim.rules import RequestTraits, Rules
from provider_sim.scene import Scene, read_scene
from provider_sim.stable_hash import seeded, stable_hash
from provider_sim.token_counter import count_tokens, pieces
from provider_sim.usage import Usage, measure, rendered, reply_tokens
from provider_sim.usage_look_up import billed
from provider_sim.vendors import OPENAI, VENDOR, vendor_of
from provider_sim.wire_errors import ContextLengthError, WireError, unknown_model

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from provider_sim.compaction import Vault
    from provider_sim.model_list import ModelShape
    from provider_sim.prefix_cache import PrefixCache
    from provider_sim.profiles import Overrides
    from provider_sim.prompt import Prompt
    from provider_sim.recorder import Clocks, Exchange, Outcome, Recorder
    from provider_sim.settings import Settings
    from provider_sim.vendors import Vendor

Handler: TypeAlias = "Callable[[web.Request], Awaitable[web.StreamResponse]]"
Work: TypeAlias = "Callable[[web.Request, Exchange], Awaitable[web.StreamResponse]]"
_PERSONA_CHARS = 120
_POSTED = frozenset({"chat/completions", "responses", "embeddings", "completions", "messages"})


@dataclass(frozen=True, slots=True)
class Wire:
    """One way of asking for generated text."""

    name: str
    decode: Callable[[Fields], Decoded]
    known_fields: frozenset[str]
    closed: bool = False
    """Unknown fields are refused, whatever the settings say."""


@dataclass(frozen=True, slots=True)
class _Staged:
    """A request read, understood and steered, before anything is answered."""

    decoded: Decoded
    prompt: Prompt
    scene: Scene
    profile: Profile


CHAT = Wire("openai_chat", openai_chat.decode, openai_chat.KNOWN_FIELDS)
COMPLETIONS = Wire("openai_completions", openai_completions.decode, openai_completions.KNOWN_FIELDS)
MESSAGES = Wire(
    "anthropic_messages", anthropic_messages.decode, anthropic_messages.KNOWN_FIELDS, closed=True
)
AZURE_CHAT = Wire("azure_chat", azure.decode, openai_chat.KNOWN_FIELDS)
_RESPONSES = "openai_responses"
_EMBEDDINGS = "openai_embeddings"


def responses_wire(vault: Vault) -> Wire:
    """The Responses wire of the vendor whose sealed items this vault opens."""
    decode = partial(openai_responses.decode, vault)
    return Wire(_RESPONSES, decode, openai_responses.KNOWN_FIELDS)


class Simulator:
    def __init__(
        self,
        settings: Settings,
        recorder: Recorder,
        rules: Rules,
        cache: PrefixCache,
        clocks: Clocks,
    ) -> None:
        self._settings = settings
        self._recorder = recorder
        self._rules = rules
        self._cache = cache
        self._clocks = clocks

    def recorded(self, work: Work, vendor: Vendor = OPENAI) -> Handler:
        """Wrap work in its record: whatever happens, the exchange ends exactly once."""

        async def handle(request: web.Request) -> web.StreamResponse:
            request[VENDOR] = vendor
            exchange = self._open(request)
            try:
                self._authorise(request)
                vendor.check(request)
                response = await work(request, exchange)
            except WireError as error:
                return await self._refuse(request, exchange, error)
            except asyncio.CancelledError:
                gone = request.transport is None or request.transport.is_closing()
                self._recorder.close(exchange, "client_closed" if gone else "faulted")
                raise
            except ConnectionError:
                # The client left amid a write: what aiohttp tells by cancelling at all other
                # times, and does not log as an error of ours.
                self._recorder.close(exchange, "client_closed")
                raise asyncio.CancelledError from None
            finally:
                self._recorder.close(exchange, _outcome(exchange))
            return response

        return handle

    def _open(self, request: web.Request) -> Exchange:
        headers = request.headers
        return self._recorder.open(
            request.path,
            vendor_request_id=_vendor_request_id(),
            client_request_id=headers.get("x-client-request-id"),
            request_id=headers.get("x-request-id"),
        )

    def _authorise(self, request: web.Request) -> None:
        key = self._settings.api_key
        if key is None:
            return
        given = vendor_of(request).key_of(request.headers)
        if given is None:
            raise WireError("You didn't provide an API key.", status=401)
        if not hmac.compare_digest(given.encode(), key.encode()):
            raise WireError("Incorrect API key provided.", status=401, code="invalid_api_key")

    async def _refuse(
        self, request: web.Request, exchange: Exchange, error: WireError
    ) -> web.StreamResponse:
        response = refused(request, error, exchange.vendor_request_id)
        exchange.status = response.status
        self._recorder.first_byte(exchange)
        await response.prepare(request)
        await response.write_eof()
        self._recorder.close(exchange, "faulted" if exchange.faults else "rejected")
        return response

    async def read_fields(self, request: web.Request, exchange: Exchange) -> Fields:
        try:
            raw = await request.read()
        except web.HTTPRequestEntityTooLarge as error:
            raise WireError(
                "The request body is too large.", status=413, code="request_too_large"
            ) from error
        self._recorder.note_body(exchange, raw)
        fields = parse_body(raw)
        deployment = request.match_info.get("deployment")
        if deployment is not None:  # Azure: the path names the model, and the body need not
            fields.data["model"] = deployment
        return fields

    def steered(
        self, request: web.Request, suffix: str, traits: Callable[[], RequestTraits]
    ) -> Profile:
        """The profile out of defaults, path, model name and rules."""
        sources: list[Overrides] = [self._settings.profile]
        in_path = request.match_info.get("profile")
        sources += [parse_profile(in_path)] if in_path else []
        sources += [parse_profile(suffix)] if suffix else []
        sources += [self._rules.profile_for(traits())] if self._rules else []
        return combine(sources)

    def spared(self, profile: Profile, exchange: Exchange) -> Profile:
        """Take the faults away where their probability says so."""
        if profile.fault_probability < 1:
            draw = seeded("fault", self._settings.seed, exchange.sequence).random()
            profile = profile if draw < profile.fault_probability else profile.without_faults()
        exchange.faults = tuple(profile.names_of_faults())
        return profile

    def check_model(self, model: str) -> None:
        if self._settings.models and model not in self._settings.models:
            raise unknown_model(model)

    def window(self, model: str, profile: Profile) -> int:
        if profile.window is not None:
            return profile.window
        return self._settings.window_tokens.get(model, self._settings.default_window_tokens)

    def generation(self, wire: Wire) -> Work:
        """Answer one request for generated text."""

        async def work(request: web.Request, exchange: Exchange) -> web.StreamResponse:
            exchange.dialect = wire.name
            fields = await self.read_fields(request, exchange)
            self._check_unknown(fields, wire.known_fields, closed=wire.closed)
            staged = self._stage(request, exchange, wire.decode(fields))
            early = await self.early_fault(request, exchange, staged.profile)
            return early or await self._answer(request, exchange, staged)

        return work

    def _check_unknown(
        self, fields: Fields, known: frozenset[str], *, closed: bool = False
    ) -> None:
        unknown = set(fields.data) - known
        if unknown and (closed or self._settings.refuse_unknown_fields):
            name = min(unknown)
            raise WireError(f"Unknown parameter: '{name}'.", param=name, code="unknown_parameter")

    def _stage(self, request: web.Request, exchange: Exchange, decoded: Decoded) -> _Staged:
        model, suffix = split_model(decoded.prompt.model)
        prompt = replace(decoded.prompt, model=model) if suffix else decoded.prompt
        exchange.model, exchange.stream = model, decoded.stream
        self.check_model(model)
        scene = read_scene(prompt)
        legacy = exchange.dialect == COMPLETIONS.name
        exchange.kind = "completion" if legacy else kind_of(prompt, scene)
        exchange.persona = scene.persona[:_PERSONA_CHARS]
        profile = self.steered(
            request,
            suffix,
            lambda: RequestTraits(model, exchange.kind, scene.trailing_text, scene.user_text),
        )
        return _Staged(decoded, prompt, scene, self.spared(profile, exchange))

    async def early_fault(
        self, request: web.Request, exchange: Exchange, profile: Profile
    ) -> web.StreamResponse | None:
        """Faults that come instead of an answer."""
        if not profile.faults:
            return None
        await asyncio.sleep(profile.fault_delay_ms / 1000)
        if "hang" in profile.faults:
            await asyncio.sleep(LONGEST_HANG_S)
        if "reset" in profile.faults or "hang" in profile.faults:
            reset_connection(request)
            return web.Response()
        error = asked_refusal(profile, window=self.window(exchange.model, profile))
        if error is not None:
            raise error
        if "error_body_200" not in profile.faults:
            return None
        exchange.status = HTTPStatus.OK
        error = WireError(
            "The server had an error.", status=500, kind="server_error", code="server_error"
        )
        refusal = vendor_of(request).refusal(error, exchange.vendor_request_id)
        return json_response(request, refusal.body, exchange.vendor_request_id)

    async def _answer(
        self, request: web.Request, exchange: Exchange, staged: _Staged
    ) -> web.StreamResponse:
        measured = self._measure(
            exchange, staged.prompt, staged.profile, staged.decoded.messages_param
        )
        choices = range(staged.prompt.sampling.choices)
        script = staged.profile.script
        replies = [reply_to(staged.prompt, staged.scene, script, index) for index in choices]
        usage = replace(
            measured,
            completion_tokens=sum(reply_tokens(reply) for reply in replies),
            reasoning_tokens=sum(len(reply.reasoning) for reply in replies),
        )
        shown = shown_usage(usage, staged.profile)
        answer = staged.decoded.encode(replies, usage, shown, self._stamp())
        courier = self._courier(request, exchange, answer, staged.profile)
        send = courier.send_stream if staged.decoded.stream else courier.send_body
        return await send(answer)

    def _stamp(self) -> Stamp:
        return Stamp(os.urandom(12).hex(), int(self._clocks.unix_s()))

    def _courier(
        self, request: web.Request, exchange: Exchange, answer: Answer, profile: Profile
    ) -> Courier:
        exchange.finish_reason = answer.finish_reason
        exchange.status = HTTPStatus.OK
        seed = (self._settings.seed, exchange.sequence)
        return Courier(
            request=request,
            exchange=exchange,
            recorder=self._recorder,
            clocks=self._clocks,
            profile=profile,
            pace=pace_for(profile.latency, answer.beats, seed),
            headers={vendor_of(request).request_id_header: exchange.vendor_request_id},
        )

    def _measure(
        self, exchange: Exchange, prompt: Prompt, profile: Profile, messages_param: str
    ) -> Usage:
        """Count the prompt and refuse what does not fit the window."""
        text = rendered(prompt)
        tokens = pieces(text)
        window = self.window(prompt.model, profile)
        usage = measure(prompt, tokens)
        if usage.prompt_tokens > window:
            raise ContextLengthError(window, usage.prompt_tokens, messages_param)
        usage = self._with_cache(usage, prompt, tokens)
        exchange.prompt_tokens = usage.prompt_tokens
        exchange.cached_tokens = usage.cached_tokens
        exchange.cache_write_tokens = usage.cache_write_tokens
        exchange.prompt_hash = f"{stable_hash(text):016x}"
        return usage

    def _with_cache(self, usage: Usage, prompt: Prompt, tokens: list[str]) -> Usage:
        """Who sets breakpoints himself also pays for what is written into the cache."""
        if not prompt.caches:
            return usage
        if prompt.cached_messages is None:
            return replace(usage, cached_tokens=self._cache.cached_tokens(prompt.model, tokens))
        prefix = tokens[: count_tokens(rendered(prompt, messages=prompt.cached_messages))]
        cached = self._cache.cached_tokens(prompt.model, prefix)
        written = len(prefix) // BLOCK_TOKENS * BLOCK_TOKENS - cached
        return replace(usage, cached_tokens=cached, cache_write_tokens=written)

    def compaction(self, vault: Vault) -> Work:
        """Fold a conversation into an item that this vault seals."""

        async def work(request: web.Request, exchange: Exchange) -> web.StreamResponse:
            exchange.dialect, exchange.kind = _RESPONSES, "compact"
            fields = await self.read_fields(request, exchange)
            self._check_unknown(fields, openai_compaction.KNOWN_FIELDS)
            wanted = openai_compaction.decode_request(vault, fields)
            model, suffix = split_model(wanted.prompt.model)
            exchange.model = model
            self.check_model(model)
            traits = RequestTraits(model, exchange.kind, "", "")
            profile = self.spared(self.steered(request, suffix, lambda: traits), exchange)
            early = await self.early_fault(request, exchange, profile)
            if early is not None:
                return early
            prompt = replace(wanted.prompt, model=model)
            usage = self._measure(exchange, prompt, profile, "input")
            usage = replace(usage, completion_tokens=count_tokens(wanted.folded))
            answer = openai_compaction.encode_answer(
                wanted,
                vault.seal(wanted.folded),
                usage,
                shown_usage(usage, profile),
                self._stamp(),
            )
            return await self._courier(request, exchange, answer, profile).send_body(answer)

        return work

    async def embeddings(self, request: web.Request, exchange: Exchange) -> web.StreamResponse:
        """Answer one request for vectors."""
        exchange.dialect, exchange.kind = _EMBEDDINGS, "embedding"
        fields = await self.read_fields(request, exchange)
        self._check_unknown(fields, openai_embeddings.KNOWN_FIELDS)
        wanted = openai_embeddings.decode_request(fields)
        model, suffix = split_model(wanted.model)
        exchange.model = model
        self.check_model(model)
        traits = RequestTraits(model, "embedding", "", wanted.texts[0])
        profile = self.spared(self.steered(request, suffix, lambda: traits), exchange)
        early = await self.early_fault(request, exchange, profile)
        if early is not None:
            return early
        answer = openai_embeddings.encode_answer(wanted, self._settings.embedding_dimensions)
        exchange.prompt_tokens = answer.usage.prompt_tokens
        return await self._courier(request, exchange, answer, profile).send_body(answer)

    def token_count(self, wire: Wire, prompt_of: Callable[[Fields], Prompt], kind: str) -> Work:
        """Count a request without answering it; `kind` is what the answer calls itself."""

        async def work(request: web.Request, exchange: Exchange) -> web.StreamResponse:
            exchange.dialect, exchange.kind = wire.name, "tokens"
            prompt = prompt_of(await self.read_fields(request, exchange))
            exchange.model, _ = split_model(prompt.model)
            self.check_model(exchange.model)
            usage = measure(prompt, pieces(rendered(prompt)))
            exchange.status = HTTPStatus.OK
            counted: JsonObject = {"input_tokens": usage.prompt_tokens}
            body: JsonObject = {"object": kind, **counted} if kind else counted
            return json_response(request, dumps(body), exchange.vendor_request_id)

        return work

    def models(self, vendor: Vendor, shape: ModelShape) -> Handler:
        """List the models, or show one. Nothing is generated, so nothing is recorded."""

        async def handle(request: web.Request) -> web.StreamResponse:
            request[VENDOR] = vendor
            name = request.match_info.get("model")
            models = ModelList(self._settings, shape)
            request_id = _vendor_request_id()
            try:
                self._authorise(request)
                vendor.check(request)
                body = models.one(name) if name else models.listing()
            except WireError as error:
                return refused(request, error, request_id)
            return json_response(request, dumps(body), request_id)

        return handle

    async def usage(self, request: web.Request) -> web.StreamResponse:
        """What one request cost that is over. Nothing is generated, so nothing is recorded."""
        request[VENDOR] = OPENAI
        request_id = _vendor_request_id()
        try:
            self._authorise(request)
            body = billed(self._recorder, request.match_info["request_id"])
        except WireError as error:
            return refused(request, error, request_id)
        return json_response(request, dumps(body), request_id)

    async def unknown_route(self, request: web.Request, exchange: Exchange) -> web.StreamResponse:
        """Refuse what no vendor serves, and what needs a memory that this one does not have."""
        exchange.kind = "unknown"
        stored = request.match_info.get("stored")
        if stored:
            raise WireError(f"Response with id '{stored}' not found.", status=404)
        if request.path.rpartition("/v1/")[2] in _POSTED:
            raise WireError(
                f"Not allowed to {request.method} on {request.path}.",
                status=405,
                code="method_not_supported",
            )
        raise WireError(f"Invalid URL ({request.method} {request.path})", status=404)


def _vendor_request_id() -> str:
    return f"req_sim_{os.urandom(12).hex()}"


def json_response(
    request: web.Request, body: bytes, request_id: str, status: int = HTTPStatus.OK
) -> web.Response:
    """A short answer that is no stream."""
    name = vendor_of(request).request_id_header
    headers = {name: request_id, "content-type": "application/json"}
    return web.Response(body=body, status=status, headers=headers)


def refused(request: web.Request, error: WireError, request_id: str) -> web.Response:
    """The error in the vendor's words."""
    refusal = vendor_of(request).refusal(error, request_id)
    response = json_response(request, refusal.body, request_id, refusal.status)
    response.headers.update(error.headers)
    return response


def _outcome(exchange: Exchange) -> Outcome:
    whole = exchange.status == HTTPStatus.OK and DELIVERED_WHOLE.issuperset(exchange.faults)
    return "completed" if whole else "faulted"
