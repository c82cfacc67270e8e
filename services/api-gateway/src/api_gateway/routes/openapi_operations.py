"""What each public route is for, takes and answers, for people and for tools that read OpenAPI."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Parameter = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """`takes` and `answers` name schemas; `streams` names that of a stream's events."""

    summary: str
    tag: str
    answers: str
    takes: str | None = None
    may_be_empty: bool = False
    streams: str | None = None
    parameters: tuple[Parameter, ...] = ()


def _query(name: str, schema: dict[str, Any], description: str) -> Parameter:
    return {"name": name, "in": "query", "schema": schema, "description": description}


def _switch(name: str, description: str) -> Parameter:
    schema = {"type": "string", "enum": ["on", "off"]}
    return {"name": name, "in": "header", "schema": schema, "description": description}


_PAGE = (
    _query("limit", {"type": "integer", "minimum": 1, "maximum": 100}, "How many at most; 20."),
    _query("order", {"type": "string", "enum": ["asc", "desc"]}, "By age."),
    _query("after", {"type": "string"}, "The id of the last one of the page before."),
)
_PANEL_SWITCHES = (
    _switch("x-conclave-progress", "Stream a panel's progress as reasoning; on."),
    _switch("x-conclave-details", "Tell how a panel decided, as member `conclave`; off."),
    _switch("x-conclave-small-requests", "Let one model answer titles and the like; on."),
)
_ANSWERS = (_query("answers", {"type": "string", "enum": ["0", "1"]}, "With the answers' texts."),)

OPERATIONS: dict[tuple[str, str], Operation] = {
    ("POST", "/v1/chat/completions"): Operation(
        summary="Answer a conversation",
        tag="chat",
        takes="ChatRequest",
        answers="ChatCompletion",
        streams="ChatChunk",
        parameters=_PANEL_SWITCHES,
    ),
    ("GET", "/v1/chat/completions"): Operation(
        summary="List stored completions",
        tag="chat",
        answers="Page",
        parameters=(
            *_PAGE,
            _query("model", {"type": "string"}, "Of this model only."),
        ),
    ),
    ("GET", "/v1/chat/completions/{completion}"): Operation(
        summary="Read a stored completion", tag="chat", answers="ChatCompletion"
    ),
    ("POST", "/v1/chat/completions/{completion}"): Operation(
        summary="Change a stored completion's metadata",
        tag="chat",
        takes="MetadataChange",
        answers="ChatCompletion",
    ),
    ("DELETE", "/v1/chat/completions/{completion}"): Operation(
        summary="Forget a stored completion", tag="chat", answers="Deleted"
    ),
    ("GET", "/v1/chat/completions/{completion}/messages"): Operation(
        summary="List a stored completion's messages", tag="chat", answers="Page", parameters=_PAGE
    ),
    ("POST", "/v1/responses"): Operation(
        summary="Answer a conversation of items",
        tag="responses",
        takes="ResponsesRequest",
        answers="Response",
        streams="AnyObject",
        parameters=_PANEL_SWITCHES,
    ),
    ("POST", "/v1/responses/compact"): Operation(
        summary="Make a conversation of items smaller",
        tag="responses",
        takes="ResponsesRequest",
        answers="AnyObject",
    ),
    ("POST", "/v1/responses/input_tokens"): Operation(
        summary="Count the tokens of an input",
        tag="responses",
        takes="ResponsesInputTokensRequest",
        answers="InputTokens",
    ),
    ("GET", "/v1/responses/{response}"): Operation(
        summary="Read a stored response", tag="responses", answers="Response"
    ),
    ("DELETE", "/v1/responses/{response}"): Operation(
        summary="Forget a stored response", tag="responses", answers="Deleted"
    ),
    ("POST", "/v1/responses/{response}/cancel"): Operation(
        summary="Cancel a background response", tag="responses", answers="Response"
    ),
    ("GET", "/v1/responses/{response}/input_items"): Operation(
        summary="List a response's input", tag="responses", answers="Page", parameters=_PAGE
    ),
    ("POST", "/v1/conversations"): Operation(
        summary="Begin a conversation",
        tag="conversations",
        takes="NewConversation",
        may_be_empty=True,
        answers="Conversation",
    ),
    ("GET", "/v1/conversations/{conversation}"): Operation(
        summary="Read a conversation", tag="conversations", answers="Conversation"
    ),
    ("POST", "/v1/conversations/{conversation}"): Operation(
        summary="Change a conversation's metadata",
        tag="conversations",
        takes="MetadataChange",
        answers="Conversation",
    ),
    ("DELETE", "/v1/conversations/{conversation}"): Operation(
        summary="Forget a conversation", tag="conversations", answers="Deleted"
    ),
    ("GET", "/v1/conversations/{conversation}/items"): Operation(
        summary="List a conversation's items", tag="conversations", answers="Page", parameters=_PAGE
    ),
    ("POST", "/v1/conversations/{conversation}/items"): Operation(
        summary="Append items", tag="conversations", takes="NewItems", answers="Page"
    ),
    ("GET", "/v1/conversations/{conversation}/items/{item}"): Operation(
        summary="Read an item", tag="conversations", answers="Item"
    ),
    ("DELETE", "/v1/conversations/{conversation}/items/{item}"): Operation(
        summary="Forget an item", tag="conversations", answers="Conversation"
    ),
    ("POST", "/v1/completions"): Operation(
        summary="Complete a prompt (legacy)",
        tag="completions",
        takes="CompletionParameters",
        answers="TextCompletion",
        streams="TextCompletion",
    ),
    ("POST", "/v1/embeddings"): Operation(
        summary="Make embeddings", tag="embeddings", takes="EmbeddingsRequest", answers="Embeddings"
    ),
    ("GET", "/v1/models"): Operation(
        summary="List models and panels", tag="models", answers="ModelListing"
    ),
    ("GET", "/v1/models/{model}"): Operation(
        summary="Read one model or panel", tag="models", answers="ModelObject"
    ),
    ("GET", "/v1/conclave/runs/{run}"): Operation(
        summary="How a panel came to its answer",
        tag="conclave",
        answers="RunRecord",
        parameters=_ANSWERS,
    ),
    ("POST", "/v1/conclave/runs/{run}/score"): Operation(
        summary="Say how good a run's answer turned out",
        tag="conclave",
        takes="Score",
        answers="AnyObject",
    ),
    ("GET", "/v1/conclave/weights"): Operation(
        summary="What scores say of the models", tag="conclave", answers="AnyObject"
    ),
    ("GET", "/openapi.json"): Operation(
        summary="This document", tag="conclave", answers="AnyObject"
    ),
}
