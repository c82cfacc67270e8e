"""Which lane serves a request. One exchange is the gateway's; what needs more is a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from api_gateway import openai_errors
from api_gateway.dialects.chat.messages import first_image
from api_gateway.lanes.run import panel_of_one
from catalogue import ModelEntry, PanelEntry
from wire.errors import InvalidRequestError

if TYPE_CHECKING:
    from api_gateway.dialects.chat.decode import ChatBody
    from catalogue import Entry
    from wire.specs import ModelSpec, PanelSpec


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


def _lane_of_model(model: ModelSpec, body: ChatBody) -> Lane:
    if body.wants_strict_output and not model.capabilities.structured_outputs:
        return Run(panel_of_one(model))
    counts_itself = body.head.choices == 1 or model.capabilities.multiple_choices
    if "chat" in model.dialects and counts_itself and not body.is_legacy:
        return Splice(model)
    return Translate(model)


def _check_panel(body: ChatBody, panel_choices: int) -> None:
    if body.head.choices > panel_choices:
        raise openai_errors.out_of_range(
            "n", body.head.choices, minimum=None, maximum=panel_choices, kind="integer"
        )
    if body.head.parameters.logprobs:
        raise openai_errors.unsupported_parameter(
            "logprobs", "'logprobs' is not supported with this model: it is a panel."
        )


def _check_model(entry: ModelEntry, body: ChatBody) -> None:
    model, can = entry.spec, entry.spec.capabilities
    if entry.only_embeds:
        raise InvalidRequestError(
            f"'{model.name}' makes embeddings; use it with /v1/embeddings.",
            param="model",
            code="unsupported_value",
        )
    if body.head.parameters.logprobs and not can.logprobs:
        raise openai_errors.unsupported_parameter(
            "logprobs", "'logprobs' is not supported with this model."
        )
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
