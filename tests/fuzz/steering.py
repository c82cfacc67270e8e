"""The platform's own OpenAPI document, steered towards what gets past the first check.

A generator that makes up models and ids meets nothing but 404. Here models are those that are
listed, ids those of objects that exist, and half of the bodies hold only what fits together.
"""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import openai

Document = dict[str, Any]

BODIES = (
    "ChatRequest",
    "CompletionParameters",
    "ResponsesRequest",
    "ResponsesInputTokensRequest",
    "EmbeddingsRequest",
)
# Members that contradict others more often than not when they are made up one by one.
AT_ODDS = (
    "background",
    "best_of",
    "context_management",
    "conversation",
    "function_call",
    "functions",
    "logprobs",
    "modalities",
    "previous_response_id",
    "prompt_cache_key",
    "stream_options",
    "suffix",
    "tool_choice",
    "top_logprobs",
)
WORD = {"type": "string", "minLength": 1, "maxLength": 40, "pattern": "^[ -~]+$"}
SIMPLE_MESSAGES = {
    "type": "array",
    "minItems": 1,
    "maxItems": 4,
    "items": {
        "type": "object",
        "properties": {"role": {"enum": ["system", "developer", "user"]}, "content": WORD},
        "required": ["role", "content"],
        "additionalProperties": False,
    },
}
SIMPLE = {"messages": SIMPLE_MESSAGES, "input": {"anyOf": [WORD, SIMPLE_MESSAGES]}, "prompt": WORD}


def steered(document: Document, client: openai.OpenAI) -> Document:
    """The document with what exists on this platform."""
    found = deepcopy(document)
    models = [model.id for model in client.models.list()]
    schemas: Document = found["components"]["schemas"]
    for name in BODIES:
        embedding = name == "EmbeddingsRequest"
        schemas[name] = _of_models(
            schemas[name], [m for m in models if ("embed" in m) == embedding]
        )
    kept, doomed = existing(client), existing(client)
    for path, methods in found["paths"].items():
        for method, operation in methods.items():
            _name_ids(operation, doomed if method == "delete" else kept)
            if path == "/v1/models/{model}":
                operation["parameters"][0]["schema"] = {"type": "string", "enum": models}
    return found


def existing(client: openai.OpenAI) -> dict[str, str]:
    """One object of each kind; by the names of path parameters."""
    ask: Any = [{"role": "user", "content": "hi"}]
    completion = client.chat.completions.create(model="council", messages=ask, store=True)
    response = client.responses.create(model="sim", input="hi")
    conversation = client.conversations.create(items=ask)
    (item,) = client.conversations.items.list(conversation.id)
    return {
        "completion": completion.id,
        "run": completion.id,
        "response": response.id,
        "conversation": conversation.id,
        "item": item.id or "",
    }


def _of_models(schema: Document, models: list[str]) -> Document:
    whole = deepcopy(schema)
    whole["properties"]["model"] = {"type": "string", "enum": models}
    whole["required"] = sorted({*whole.get("required", []), "model"})
    simple = deepcopy(whole)
    for name in AT_ODDS:
        simple["properties"].pop(name, None)
    for name in simple["properties"].keys() & SIMPLE.keys():
        if name != "input" or "messages" not in simple["properties"]:
            simple["properties"][name] = SIMPLE[name]
    simple["additionalProperties"] = False
    if "input" in simple["properties"]:
        simple["required"] = sorted({*simple["required"], "input"})
    return {"anyOf": [simple, whole]}


def _name_ids(operation: Document, ids: dict[str, str]) -> None:
    for parameter in operation["parameters"]:
        if parameter["in"] == "path" and parameter["name"] in ids:
            parameter["schema"] = {"type": "string", "enum": [ids[parameter["name"]]]}
