"""Which lane serves a request. One exchange is the gateway's; what needs more is a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from api_gateway import openai_errors
from api_gateway.dialects.chat.decode import audio_refused
from api_gateway.dialects.chat.messages import first_image
from api_gateway.lanes.run import panel_of_one
from catalogue import ModelEntry, PanelEntry
from model_providers.token_estimate import estimate_request
from wire.compaction import threshold_tokens
from wire.errors import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Callable

    from api_gateway.dialects.chat.decode import ChatBody
    from api_gateway.dialects.completions.decode import CompletionsRequest
    from catalogue import Entry
    from wire.specs import ModelSpec, PanelSpec


# Of a model that counts none itself: each is a call of its own. Source: the contract's `n`.
MAX_CHOICES = 128
# Tables of digits; prose has four or more. Source: `model_providers.token_estimate`.
_LEAST_BYTES_PER_TOKEN = 2
# These refuse what a model of theirs cannot do; others answer without the voice asked for.
_KNOWING_AUDIO = ("openai", "azure-openai")
# Nothing this short is worth a look, whatever the threshold.
_SHORT_BYTES = 1000


@dataclass(frozen=True, slots=True)
class Splice:
    """Bytes through."""

    model: ModelSpec


@dataclass(frozen=True, slots=True)
class Translate:
    """One exchange, in other words."""

    model: ModelSpec


@dataclass(frozen=True, slots=True)
class Run:
    """The orchestrator's."""

    panel: PanelSpec


Lane = Splice | Translate | Run


def panel_of(entry: Entry) -> PanelSpec:
    """Whoever answers, as the orchestrator and the compactor take it."""
    return entry.spec if isinstance(entry, PanelEntry) else panel_of_one(entry.spec)


def is_past_threshold(model: ModelSpec, size_bytes: int, tokens: Callable[[], int]) -> bool:
    """Whether a conversation is compacted before the model is asked: a run's work.

    `size_bytes` is its size as JSON. An estimate costs more than passing the request on, so nothing
    is estimated below the densest text we know of. What is denser the backend finds too long.
    """
    if size_bytes < _SHORT_BYTES or not model.compaction.enabled:
        return False
    threshold = threshold_tokens(model.compaction, model.context_window_tokens)
    return size_bytes > threshold * _LEAST_BYTES_PER_TOKEN and tokens() > threshold


def choose_lane(entry: Entry, body: ChatBody, *, panel_choices: int) -> Lane:
    """The lane for a chat request.

    Raises:
        InvalidRequestError: it asks for what this model cannot do and we cannot do for it.
    """
    match entry:
        case PanelEntry(spec=panel):
            _check_panel(body, panel_choices)
            return Run(panel)
        case ModelEntry(spec=model):
            _check_model(entry, body)
            return _lane_of_model(model, body)


def choose_completions_lane(
    entry: Entry, request: CompletionsRequest, *, panel_choices: int
) -> Lane:
    """The lane for a legacy completions request.

    Raises:
        InvalidRequestError: it asks for what this model cannot do and we cannot do for it.
    """
    match entry:
        case PanelEntry(spec=panel):
            _check_choices(request, panel_choices)
            if request.parameters.logprobs is not None:
                raise _no_logprobs(": it is a panel")
            return Run(panel)
        case ModelEntry(spec=model):
            if entry.only_embeds and not model.capabilities.completions:
                raise _only_embeds(model)
            if request.parameters.logprobs is not None and not model.capabilities.logprobs:
                raise _no_logprobs()
            if model.capabilities.completions:
                return Splice(model)
            _check_choices(request, MAX_CHOICES)
            return Translate(model)


def _check_choices(request: CompletionsRequest, limit: int) -> None:
    """Each is a call, or a run, of its own."""
    if request.choices_per_prompt > limit:
        raise openai_errors.out_of_range(
            "n", request.choices_per_prompt, minimum=None, maximum=limit, kind="integer"
        )
    prompts = len(request.texts or ())
    if prompts * request.choices_per_prompt > limit:
        raise openai_errors.array_too_long("prompt", limit // request.choices_per_prompt, prompts)


def _lane_of_model(model: ModelSpec, body: ChatBody) -> Lane:
    if body.wants_strict_output and not model.capabilities.structured_outputs:
        return Run(panel_of_one(model))
    size_bytes = memoryview(body.head.parameters.messages).nbytes
    if is_past_threshold(model, size_bytes, lambda: estimate_request(body.request())):
        return Run(panel_of_one(model))
    counts_itself = body.head.choices == 1 or model.capabilities.multiple_choices
    as_it_is = not body.is_legacy and not body.head.stores  # what is kept is what we made
    if "chat" in model.dialects and counts_itself and as_it_is:
        return Splice(model)
    return Translate(model)


def _check_panel(body: ChatBody, panel_choices: int) -> None:
    if body.head.choices > panel_choices:
        raise openai_errors.out_of_range(
            "n", body.head.choices, minimum=None, maximum=panel_choices, kind="integer"
        )
    if body.head.parameters.logprobs:
        raise _no_logprobs(": it is a panel")


def _check_model(entry: ModelEntry, body: ChatBody) -> None:
    model, can = entry.spec, entry.spec.capabilities
    if entry.only_embeds:
        raise _only_embeds(model)
    if body.head.parameters.logprobs and not can.logprobs:
        raise _no_logprobs()
    if body.wants_audio and model.provider.kind not in _KNOWING_AUDIO:
        raise audio_refused()
    if body.tools and not can.tools:
        raise openai_errors.unsupported_parameter(
            "tools", "'tools' is not supported with this model."
        )
    image = None if can.images else first_image(body.messages)
    if image is not None:
        raise InvalidRequestError(
            f"Invalid value for '{image}': this model reads no images.",
            param=image,
            code="invalid_value",
        )


def _only_embeds(model: ModelSpec) -> InvalidRequestError:
    return InvalidRequestError(
        f"'{model.name}' makes embeddings; use it with /v1/embeddings.",
        param="model",
        code="unsupported_value",
    )


def _no_logprobs(why: str = "") -> InvalidRequestError:
    return openai_errors.unsupported_parameter(
        "logprobs", f"'logprobs' is not supported with this model{why}."
    )
