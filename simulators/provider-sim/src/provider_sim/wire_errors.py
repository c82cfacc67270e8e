"""A refusal, as OpenAI words it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provider_sim.json_types import JsonObject, dumps

if TYPE_CHECKING:
    from collections.abc import Mapping


class WireError(Exception):
    """The vendor refuses the request: an HTTP status and the four keys of the envelope."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        kind: str = "invalid_request_error",
        param: str | None = None,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.kind = kind
        self.param = param
        self.code = code
        self.headers = dict(headers or {})

    def error_object(self) -> JsonObject:
        return {
            "message": self.message,
            "type": self.kind,
            "param": self.param,
            "code": self.code,
        }

    def body(self) -> bytes:
        return dumps({"error": self.error_object()})


class ContextLengthError(WireError):
    """The prompt is larger than the window; each vendor has words of its own for it."""

    def __init__(self, window_tokens: int, prompt_tokens: int, param: str) -> None:
        super().__init__(
            f"This model's maximum context length is {window_tokens} tokens. However, your "
            f"messages resulted in {prompt_tokens} tokens. Please reduce the length of the "
            "messages.",
            param=param,
            code="context_length_exceeded",
        )
        self.window_tokens = window_tokens
        self.prompt_tokens = prompt_tokens


def missing(param: str) -> WireError:
    """A required field is absent."""
    return WireError(
        f"Missing required parameter: '{param}'.", param=param, code="missing_required_parameter"
    )


def wrong_type(param: str, expected: str, got: object) -> WireError:
    """The JSON type is another."""
    return WireError(
        f"Invalid type for '{param}': expected {expected}, but got {_type_name(got)} instead.",
        param=param,
        code="invalid_type",
    )


def wrong_value(param: str, value: object, allowed: str) -> WireError:
    """The value is none of the allowed ones."""
    return WireError(
        f"Invalid value: '{value}'. Supported values are: {allowed}.",
        param=param,
        code="invalid_value",
    )


def unknown_model(model: str) -> WireError:
    """No such model here."""
    return WireError(
        f"The model `{model}` does not exist or you do not have access to it.",
        status=404,
        code="model_not_found",
    )


def _type_name(value: object) -> str:
    names: dict[type, str] = {
        type(None): "null",
        bool: "a boolean",
        int: "an integer",
        float: "a decimal",
        str: "a string",
        list: "an array",
        dict: "an object",
    }
    return names.get(type(value), "something else")
