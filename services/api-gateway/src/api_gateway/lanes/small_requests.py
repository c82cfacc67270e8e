"""Which requests to a panel are small: titles, summaries and the like, that one model answers.

The rule is the operator's (`routing.auxiliary`); here a request is held against it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from catalogue import RequestFacts
from model_providers.token_estimate import estimate_request
from wire.conversation import ImagePart, Message, text_of

if TYPE_CHECKING:
    from catalogue import Catalogue
    from wire.conversation import GenerationRequest
    from wire.specs import ModelSpec, PanelSpec


def small_request_model(
    catalogue: Catalogue, panel: PanelSpec, request: GenerationRequest
) -> ModelSpec | None:
    """The model that answers in the panel's place; None: the request is the panel's.

    A model that could not read or do what is asked never answers, whatever the rule says.
    """
    rule = catalogue.auxiliary
    if rule is None or panel.kind != "panel" or not rule.covers(panel.name):
        return None
    if not _is_able(rule.model, request):
        return None
    return rule.model if rule.matches(request_facts(request)) else None


def request_facts(request: GenerationRequest) -> RequestFacts:
    """What a rule looks at."""
    messages = [item for item in request.items if isinstance(item, Message)]
    instructions = [text_of(m.content) for m in messages if m.role in ("system", "developer")]
    asked = [text_of(m.content) for m in messages if m.role == "user"]
    return RequestFacts(
        instructions="\n".join(instructions),
        last_user_text=asked[-1] if asked else "",
        has_tools=bool(request.tools),
        prompt_tokens=estimate_request(request),
        max_output_tokens=request.sampling.max_output_tokens,
    )


def _is_able(model: ModelSpec, request: GenerationRequest) -> bool:
    can = model.capabilities
    if request.tools and not can.tools:
        return False
    return can.images or not any(
        isinstance(part, ImagePart)
        for item in request.items
        if isinstance(item, Message)
        for part in item.content
    )
