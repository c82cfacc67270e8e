"""Which lane serves a Responses request, once all that it continues is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from api_gateway import openai_errors
from api_gateway.lanes.choice import Lane, Run, Splice, Translate, is_past_threshold, panel_of
from api_gateway.lanes.compaction import Compact
from api_gateway.lanes.context_window import narrowest_window, refuse_too_long, shortened
from api_gateway.lanes.run import panel_of_one
from catalogue import ModelEntry, PanelEntry
from model_providers.token_estimate import estimate_request
from wire.conversation import (
    CompactionItem,
    FilePart,
    ImagePart,
    Message,
    ReasoningItem,
    ToolResult,
)
from wire.errors import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Callable

    from api_gateway.dialects.responses.decode import ResponsesBody
    from catalogue import Entry
    from wire.conversation import GenerationRequest, Part
    from wire.specs import ModelSpec, PanelSpec

ResponsesLane = Lane | Compact
_OPENAI_KINDS = ("openai", "azure-openai")


def choose_responses_lane(
    entry: Entry, body: ResponsesBody, request: GenerationRequest, size_bytes: int
) -> tuple[ResponsesLane, GenerationRequest]:
    """The lane, and the request as it goes there: shortened if the client allows it.

    `size_bytes` is the size of all items as JSON.

    Raises:
        InvalidRequestError: it asks for what this model cannot do and we cannot do for it.
        ContextLengthExceededError: it cannot fit the model's window.
    """
    if body.own.triggers_compaction:
        return Compact(panel_of(entry)), request
    match entry:
        case PanelEntry(spec=panel):
            return Run(panel), _for_panel(panel, body, request, size_bytes)
        case ModelEntry(spec=model):
            _check_model(entry, body, request)
            if _is_managed(body, request):
                return Run(panel_of_one(model)), request
            lane = _lane_of_model(model, body)
            if not body.head.truncates:
                if is_past_threshold(model, size_bytes, lambda: estimate_request(request)):
                    return Run(panel_of_one(model)), request
                refuse_too_long(request, model.context_window_tokens, size_bytes)
                return lane, request
            fitted = shortened(request, model.context_window_tokens, size_bytes)
            is_spliced = isinstance(lane, Splice) and fitted is not request
            return Translate(model) if is_spliced else lane, fitted


def _is_managed(body: ResponsesBody, request: GenerationRequest) -> bool:
    """Whether something is to be sealed or opened on the way."""
    sealed = any(isinstance(item, CompactionItem) for item in request.items)
    return sealed or body.head.compacts


def _for_panel(
    panel: PanelSpec, body: ResponsesBody, request: GenerationRequest, size_bytes: int
) -> GenerationRequest:
    """Earlier reasoning is sealed for one vendor's model; a panel has several, and needs none."""
    if body.head.wants_logprobs:
        raise _no_logprobs(": it is a panel")
    _check_parts([agent.model for agent in panel.agents], request)
    items = tuple(item for item in request.items if not isinstance(item, ReasoningItem))
    if len(items) < len(request.items):
        request = msgspec.structs.replace(request, items=items)
    return (
        shortened(request, narrowest_window(panel), size_bytes) if body.head.truncates else request
    )


def _lane_of_model(model: ModelSpec, body: ResponsesBody) -> Lane:
    if body.head.wants_strict_output and not model.capabilities.structured_outputs:
        return Run(panel_of_one(model))
    return Splice(model) if _passes_through(model, body) else Translate(model)


def _passes_through(model: ModelSpec, body: ResponsesBody) -> bool:
    """Every backend that may answer speaks the dialect, and knows the tools of the request."""
    backends = (model, *model.fallbacks)
    if not all("responses" in each.dialects for each in backends):
        return False
    are_openais = all(each.provider.kind in _OPENAI_KINDS for each in backends)
    return are_openais or not (body.tools.hosted or body.own.more_tools)


def _check_model(entry: ModelEntry, body: ResponsesBody, request: GenerationRequest) -> None:
    model, can = entry.spec, entry.spec.capabilities
    if entry.only_embeds:
        raise InvalidRequestError(
            f"'{model.name}' makes embeddings; use it with /v1/embeddings.",
            param="model",
            code="unsupported_value",
        )
    if body.head.wants_logprobs and not can.logprobs:
        raise _no_logprobs()
    if request.tools and not can.tools:
        raise openai_errors.unsupported_parameter(
            "tools", "'tools' is not supported with this model."
        )
    _check_parts([model], request)


def _check_parts(models: list[ModelSpec], request: GenerationRequest) -> None:
    """What nobody who is asked can read would be answered as if it had not been sent."""
    if not any(each.capabilities.images for each in models) and _has(request, _is_image):
        raise InvalidRequestError(
            "Invalid value for 'input': this model reads no images.",
            param="input",
            code="invalid_value",
        )
    if not any(map(_fetches_files, models)) and _has(request, _is_file_url):
        raise openai_errors.unsupported_parameter(
            "input", "'file_url' is not supported with this model; send 'file_data' instead."
        )


def _fetches_files(model: ModelSpec) -> bool:
    """Chat Completions takes files by value only."""
    return "responses" in model.dialects or model.provider.kind == "anthropic"


def _is_image(part: Part) -> bool:
    return isinstance(part, ImagePart)


def _is_file_url(part: Part) -> bool:
    return isinstance(part, FilePart) and part.file_data is None


def _has(request: GenerationRequest, wanted: Callable[[Part], bool]) -> bool:
    for item in request.items:
        parts = item.content if isinstance(item, Message) else ()
        parts = item.output if isinstance(item, ToolResult) else parts
        if any(map(wanted, parts)):
            return True
    return False


def _no_logprobs(why: str = "") -> InvalidRequestError:
    return openai_errors.unsupported_parameter(
        "include", f"'message.output_text.logprobs' is not supported with this model{why}."
    )
