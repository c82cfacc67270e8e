"""Schemas of the public API, taken from the types that requests are decoded with.

What those types keep as raw JSON, and what is checked by code, is added here from the same tables
the code reads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from api_gateway.dialects.chat import head as chat
from api_gateway.dialects.chat.messages import AUDIO_FORMATS, IMAGE_DETAILS, ChatMessage
from api_gateway.dialects.chat.tools import MAX_FUNCTIONS
from api_gateway.dialects.completions import decode as completions
from api_gateway.dialects.completions.logprobs import TextLogprobs
from api_gateway.dialects.parameter_ranges import MAX_BIAS, MAX_STOPS, SAMPLING_DECIMALS
from api_gateway.routes.models import ModelListing, ModelObject
from api_gateway.routes.openapi_types import describable
from wire.coordination import RunRecord
from wire.errors import ErrorEnvelope
from wire.openai_chat import ChatChunk, ChatCompletion, ChatRequest, ToolDefinition
from wire.openai_responses import ResponsesInputTokensRequest, ResponsesRequest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Schema = dict[str, Any]

_REF = "#/components/schemas/"
_ANY_OBJECT: Schema = {"type": "object"}
_TEXT: Schema = {"type": "string"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_BIAS: Schema = {"type": "number", "minimum": -MAX_BIAS, "maximum": MAX_BIAS}
_SHARE: Schema = {"type": "number", "minimum": 0, "maximum": 1}
_METADATA: Schema = {
    "type": "object",
    "maxProperties": 16,
    "propertyNames": {"maxLength": 64},
    "additionalProperties": {"type": "string", "maxLength": 512},
}
_NAME: Schema = {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$"}


def _object(required: Iterable[str], **properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "required": list(required)}


def _array(items: Schema, **bounds: int) -> Schema:
    return {"type": "array", "items": items, **bounds}


def _const(value: str) -> Schema:
    return {"type": "string", "enum": [value]}


def _ref(name: str) -> Schema:
    return {"$ref": _REF + name}


_PARTS = _array(
    {
        "anyOf": [
            _object(("type", "text"), type=_const("input_text"), text=_TEXT),
            _object(("type", "text"), type=_const("output_text"), text=_TEXT),
            _object(("type", "image_url"), type=_const("input_image"), image_url=_TEXT),
            _object(("type", "file_data"), type=_const("input_file"), file_data=_TEXT),
        ]
    }
)
_CALL_ID: Schema = {"type": "string", "minLength": 1, "maxLength": 64}
_OUTPUT: Schema = {"anyOf": [_TEXT, _PARTS]}
_ROLES: Schema = {"type": "string", "enum": ["user", "assistant", "system", "developer"]}
_ITEM: Schema = {
    "anyOf": [
        _object(("role", "content"), role=_ROLES, content=_OUTPUT),
        _object(
            ("type", "call_id", "name", "arguments"),
            type=_const("function_call"),
            call_id=_CALL_ID,
            name=_TEXT,
            arguments=_TEXT,
        ),
        _object(
            ("type", "call_id", "output"),
            type=_const("function_call_output"),
            call_id=_CALL_ID,
            output=_OUTPUT,
        ),
        _object(
            ("type", "call_id", "name", "input"),
            type=_const("custom_tool_call"),
            call_id=_CALL_ID,
            name=_TEXT,
            input=_TEXT,
        ),
        _object(
            ("type", "call_id", "output"),
            type=_const("custom_tool_call_output"),
            call_id=_CALL_ID,
            output=_OUTPUT,
        ),
        _object(("type", "summary"), type=_const("reasoning"), summary=_array(_ANY_OBJECT)),
        _object(("type", "id"), type=_const("item_reference"), id=_TEXT),
    ]
}
_RESPONSES_TOOL: Schema = {
    "anyOf": [
        _object(("type", "name"), type=_const("function"), name=_NAME, parameters=_ANY_OBJECT),
        _object(("type", "name"), type=_const("custom"), name=_NAME, format=_ANY_OBJECT),
        _object(("type",), type=_TEXT),
    ]
}
_MODES: Schema = {"type": "string", "enum": ["none", "auto", "required"]}
_NAMED: Schema = _object(("name",), name=_NAME)
_CHAT_CHOICE: Schema = {
    "anyOf": [
        _MODES,
        _object(("type", "function"), type=_const("function"), function=_NAMED),
        _object(("type", "custom"), type=_const("custom"), custom=_NAMED),
        _object(
            ("type", "allowed_tools"),
            type=_const("allowed_tools"),
            allowed_tools=_object(
                ("mode", "tools"),
                mode={"enum": ["auto", "required"]},
                tools=_array(_object(("type",), type=_TEXT)),
            ),
        ),
    ]
}
_RESPONSES_CHOICE: Schema = {
    "anyOf": [
        _MODES,
        _object(("type", "name"), type={"enum": ["function", "custom"]}, name=_NAME),
        _object(
            ("type", "mode", "tools"),
            type=_const("allowed_tools"),
            mode={"enum": ["auto", "required"]},
            tools=_array(_object(("type",), type=_TEXT)),
        ),
    ]
}
_NULL: Schema = {"type": "null"}
_RESPONSE_STATUS = ["queued", "in_progress", "completed", "incomplete", "failed", "cancelled"]
_VECTOR: Schema = {"anyOf": [_array({"type": "number"}), _TEXT]}
_TOKEN_IDS = _array({"type": "integer"}, minItems=1)

# What no type of ours stands for as a whole.
_WRITTEN: dict[str, Schema] = {
    "EmbeddingsRequest": _object(
        ("model", "input"),
        model=_TEXT,
        input={
            "anyOf": [
                {"type": "string", "minLength": 1},
                _array({"type": "string", "minLength": 1}, minItems=1, maxItems=2048),
                _TOKEN_IDS,
                _array(_TOKEN_IDS, minItems=1, maxItems=2048),
            ]
        },
        dimensions={"type": "integer", "minimum": 1},
        encoding_format={"type": "string", "enum": ["float", "base64"]},
        user=_TEXT,
    ),
    "Embeddings": _object(
        ("object", "data", "model"),
        object=_const("list"),
        data=_array(
            _object(
                ("object", "index", "embedding"),
                object=_const("embedding"),
                index=_COUNT,
                embedding=_VECTOR,
            )
        ),
        model=_TEXT,
        usage=_object(("prompt_tokens", "total_tokens"), prompt_tokens=_COUNT, total_tokens=_COUNT),
    ),
    "TextCompletion": _object(
        ("id", "object", "created", "model", "choices"),
        id=_TEXT,
        object=_const("text_completion"),
        created=_COUNT,
        model=_TEXT,
        choices=_array(
            _object(
                ("text", "index"),
                text=_TEXT,
                index=_COUNT,
                logprobs={"anyOf": [_ref("TextLogprobs"), {"type": "null"}]},
                finish_reason={"type": ["string", "null"]},
            )
        ),
        usage={"anyOf": [_ref("CompletionUsage"), {"type": "null"}]},
    ),
    "Response": _object(
        ("id", "object", "status", "model", "output"),
        id=_TEXT,
        object=_const("response"),
        created_at=_COUNT,
        status={"type": "string", "enum": _RESPONSE_STATUS},
        model=_TEXT,
        output=_array(_object(("type",), type=_TEXT)),
    ),
    "InputTokens": _object(
        ("object", "input_tokens"), object=_const("response.input_tokens"), input_tokens=_COUNT
    ),
    "MetadataChange": _object(("metadata",), metadata=_METADATA),
    "NewConversation": _object((), items=_array(_ITEM, maxItems=20), metadata=_METADATA),
    "NewItems": _object(("items",), items=_array(_ITEM, minItems=1, maxItems=20)),
    "Conversation": _object(
        ("id", "object", "created_at", "metadata"),
        id=_TEXT,
        object=_const("conversation"),
        created_at=_COUNT,
        metadata=_METADATA,
    ),
    "Item": _object(("type",), type=_TEXT),
    "Page": _object(
        ("object", "data", "has_more"),
        object=_const("list"),
        data=_array(_ANY_OBJECT),
        first_id={"type": ["string", "null"]},
        last_id={"type": ["string", "null"]},
        has_more={"type": "boolean"},
    ),
    "Deleted": _object(("id", "deleted"), id=_TEXT, object=_TEXT, deleted={"enum": [True]}),
    "Score": _object(
        ("score",), score=_SHARE, agents={"type": "object", "additionalProperties": _SHARE}
    ),
    "AnyObject": _ANY_OBJECT,
}
_DECODED: tuple[type, ...] = (
    ChatRequest,
    ChatCompletion,
    ChatChunk,
    completions.CompletionParameters,
    ResponsesRequest,
    ResponsesInputTokensRequest,
    ModelListing,
    ModelObject,
    RunRecord,
    ErrorEnvelope,
    ToolDefinition,
    TextLogprobs,
)


def component_schemas() -> dict[str, Schema]:
    """Every schema by the name that references use."""
    types = map(describable, (list[ChatMessage], *_DECODED))
    (messages, *_), components = msgspec.json.schema_components(types, ref_template=_REF + "{name}")
    _refine_chat(components["ChatRequest"]["properties"], messages)
    _refine_chat_parts(components)
    _refine_completions(components["CompletionParameters"]["properties"])
    for name in ("ResponsesRequest", "ResponsesInputTokensRequest"):
        _refine_responses(components[name]["properties"])
    _refine_responses_parts(components)
    _refine_answers(components)
    return {**components, **_WRITTEN}


def _refine_chat(properties: dict[str, Schema], messages: Schema) -> None:
    properties["messages"] = {**messages, "minItems": 1}
    properties["tools"] = _array(_ref("ToolDefinition"))
    properties["tool_choice"] = _CHAT_CHOICE
    properties["metadata"] = _METADATA
    functions = _array(_ref("FunctionDefinition"), minItems=1, maxItems=MAX_FUNCTIONS)
    properties["functions"] = {"anyOf": [functions, _NULL]}
    properties["function_call"] = {"anyOf": [{"enum": ["none", "auto"]}, _NAMED, _NULL]}
    _bound(properties, {**SAMPLING_DECIMALS, **chat.INTEGERS})
    _bound_texts(properties, chat.STRINGS)
    _choose(properties, chat.WORDS)
    _bound_stop(properties)
    _not_null(properties["logit_bias"])["additionalProperties"] = _BIAS
    _not_null(properties["modalities"])["items"] = {"enum": ["text", "audio"]}


def _refine_chat_parts(components: dict[str, Schema]) -> None:
    """What `dialects.chat` checks beyond the types."""
    components["ImageUrl"]["properties"]["url"]["pattern"] = "^(https?://|data:)"
    _choose(components["ImageUrl"]["properties"], {"detail": IMAGE_DETAILS})
    components["InputAudio"]["properties"]["format"]["enum"] = list(AUDIO_FORMATS)
    components["FileInput"] = _object(("file_data",), file_data=_TEXT, filename=_TEXT)
    for name in ("FunctionDefinition", "CustomDefinition", "JsonSchemaSpec"):
        components[name]["properties"]["name"] = _NAME
    components["FunctionDefinition"]["properties"]["parameters"] = {"anyOf": [_ANY_OBJECT, _NULL]}
    components["ResponseFormatSpec"] = {
        "anyOf": [
            _object(("type",), type={"enum": ["text", "json_object"]}),
            _object(
                ("type", "json_schema"),
                type=_const("json_schema"),
                json_schema=_ref("JsonSchemaSpec"),
            ),
        ]
    }
    components["MessageToolCall"] = {
        "anyOf": [
            _object(
                ("id", "function"),
                id=_TEXT,
                type=_const("function"),
                function=_ref("FunctionCallBody"),
            ),
            _object(
                ("id", "type", "custom"),
                id=_TEXT,
                type=_const("custom"),
                custom=_ref("CustomCallBody"),
            ),
        ]
    }


def _refine_completions(properties: dict[str, Schema]) -> None:
    _bound(properties, {**SAMPLING_DECIMALS, **completions.INTEGERS})
    _bound_stop(properties)
    _not_null(properties["logit_bias"])["additionalProperties"] = _BIAS


def _refine_responses(properties: dict[str, Schema]) -> None:
    properties["input"] = {"anyOf": [_TEXT, _array(_ITEM)]}
    properties["tools"] = _array(_RESPONSES_TOOL)
    properties.pop("prompt", None)  # refused: templates of prompts are not kept here
    if "metadata" in properties:
        properties["metadata"] = _METADATA
        properties["tool_choice"] = _RESPONSES_CHOICE
        _bound(properties, {**SAMPLING_DECIMALS, "max_output_tokens": (16, None)})
        _choose(properties, {"truncation": ("auto", "disabled")})


def _refine_responses_parts(components: dict[str, Schema]) -> None:
    """What `dialects.responses` checks beyond the types."""
    _choose(
        components["ReasoningOptions"]["properties"], {"effort": chat.WORDS["reasoning_effort"]}
    )
    _choose(components["TextOptions"]["properties"], {"verbosity": chat.WORDS["verbosity"]})
    components["TextFormat"] = {
        "anyOf": [
            _object(("type",), type={"enum": ["text", "json_object"]}),
            _object(
                ("type", "name", "schema"),
                type=_const("json_schema"),
                name=_NAME,
                schema=_ANY_OBJECT,
                strict={"type": ["boolean", "null"]},
            ),
        ]
    }


def _refine_answers(components: dict[str, Schema]) -> None:
    """These types hold what we read of a vendor's answer; a client gets some members more."""
    for name, kind in (
        ("ChatCompletion", "chat.completion"),
        ("ChatChunk", "chat.completion.chunk"),
    ):
        components[name]["properties"] |= {
            "object": _const(kind),
            "created": _COUNT,
            "model": _TEXT,
        }


def _bound(properties: dict[str, Schema], ranges: Mapping[str, tuple[float, float | None]]) -> None:
    for name, (least, most) in ranges.items():
        number = _not_null(properties[name])
        number["minimum"] = least
        if most is not None:
            number["maximum"] = most


def _bound_texts(properties: dict[str, Schema], limits: Mapping[str, int]) -> None:
    for name, limit in limits.items():
        _not_null(properties[name])["maxLength"] = limit


def _choose(properties: dict[str, Schema], words: Mapping[str, Iterable[str]]) -> None:
    for name, supported in words.items():
        _not_null(properties[name])["enum"] = list(supported)


def _bound_stop(properties: dict[str, Schema]) -> None:
    for alternative in properties["stop"]["anyOf"]:
        if alternative["type"] == "array":
            alternative.update({"minItems": 1, "maxItems": MAX_STOPS})


def _not_null(schema: Schema) -> Schema:
    """The alternative that is a value; every parameter may also be null."""
    return next(each for each in schema["anyOf"] if each["type"] != "null")
