"""A Responses request as a `GenerationRequest`, once its history is there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from api_gateway import openai_errors
from api_gateway.dialects.json_schema import check_response_schema
from api_gateway.dialects.responses.items import (
    DecodedInput,
    check_results,
    continued,
    decode_items,
)
from api_gateway.dialects.responses.tools import (
    DecodedTools,
    decode_tool_choice,
    decode_tools,
    joined,
)
from wire.conversation import (
    GenerationRequest,
    Message,
    ResponseFormat,
    Sampling,
    TextPart,
    ToolChoice,
)
from wire.raw_json import is_present

if TYPE_CHECKING:
    from collections.abc import Sequence

    import msgspec

    from api_gateway.dialects.responses.head import ResponsesHead
    from wire.conversation import Item
    from wire.openai_responses import ResponsesRequest, TextFormat

_NOTHING = DecodedInput(())


@dataclass(frozen=True, slots=True)
class ResponsesBody:
    """A checked request. `raw_input` are its own items as they are kept, references resolved."""

    head: ResponsesHead
    raw_input: str | Sequence[msgspec.Raw]
    own: DecodedInput
    tools: DecodedTools
    tool_choice: ToolChoice

    def request(self, history: DecodedInput = _NOTHING) -> GenerationRequest:
        """The neutral form; `history` goes between the instructions and the request's own items.

        Raises:
            InvalidRequestError: a tool call without output, or an output without call.
        """
        request = self.unchecked_request(history)
        check_results(request.items)
        return request

    def unchecked_request(self, history: DecodedInput = _NOTHING) -> GenerationRequest:
        """The same where nothing will be generated, so that loose ends do not matter."""
        parameters = self.head.parameters
        more = [decode_tools(raw, "input.tools") for raw in (*history.more_tools, *self._more)]
        return GenerationRequest(
            items=(*_instructions(parameters), *continued(history.items, self.own.items)),
            tools=joined([self.tools, *more]).tools,
            tool_choice=self.tool_choice,
            parallel_tool_calls=parameters.parallel_tool_calls,
            sampling=_sampling(self.head),
            response_format=_response_format(parameters.text and parameters.text.format),
            user=parameters.user or parameters.safety_identifier,
            prompt_cache_key=parameters.prompt_cache_key,
            service_tier=parameters.service_tier,
        )

    @property
    def _more(self) -> tuple[msgspec.Raw, ...]:
        return self.own.more_tools


def decode_body(head: ResponsesHead, raw_input: str | Sequence[msgspec.Raw]) -> ResponsesBody:
    """The second stage: items, tools and schemas.

    Raises:
        InvalidRequestError: with the path of the first fault.
    """
    _require_input(head, raw_input)
    parameters = head.parameters
    tools = decode_tools(parameters.tools)
    body = ResponsesBody(
        head,
        raw_input,
        decode_items(raw_input, "input"),
        tools,
        decode_tool_choice(parameters.tool_choice, tools),
    )
    wanted = parameters.text and parameters.text.format
    if wanted and wanted.type == "json_schema":
        check_response_schema(
            wanted.schema,
            strict=wanted.strict is True,
            param="text.format.schema",
            place="text.format.schema",
        )
    return body


def _require_input(head: ResponsesHead, raw_input: str | Sequence[msgspec.Raw]) -> None:
    if isinstance(raw_input, str) or raw_input or head.has_history:
        return
    if is_present(head.parameters.input):
        raise openai_errors.empty_array("input")
    raise openai_errors.missing("input")


def _instructions(parameters: ResponsesRequest) -> tuple[Item, ...]:
    """First of all, and not inherited from an earlier response."""
    if not parameters.instructions:
        return ()
    return (Message("system", (TextPart(parameters.instructions),)),)


def _sampling(head: ResponsesHead) -> Sampling:
    parameters = head.parameters
    return Sampling(
        temperature=parameters.temperature,
        top_p=parameters.top_p,
        max_output_tokens=parameters.max_output_tokens,
        presence_penalty=parameters.presence_penalty,
        frequency_penalty=parameters.frequency_penalty,
        logprobs=head.wants_logprobs,
        top_logprobs=parameters.top_logprobs if head.wants_logprobs else None,
        reasoning_effort=parameters.reasoning and parameters.reasoning.effort,
        verbosity=parameters.text and parameters.text.verbosity,
    )


def _response_format(wanted: TextFormat | None) -> ResponseFormat:
    if wanted is None or wanted.type == "text":
        return ResponseFormat()
    if wanted.type == "json_object":
        return ResponseFormat("json_object")
    return ResponseFormat(
        "json_schema",
        name=wanted.name,
        schema=wanted.schema,
        strict=wanted.strict is True,
        description=wanted.description,
    )
