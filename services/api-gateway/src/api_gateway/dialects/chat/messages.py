"""Messages of a chat request: what each role may hold, and what they mean in the neutral form.

One typed decode covers every role; msgspec dispatches on `role` and on a part's `type`, and names
the place of the first fault. Unknown members are dropped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from api_gateway import openai_errors
from wire.conversation import (
    AudioPart,
    FilePart,
    ImagePart,
    Item,
    Message,
    Part,
    RefusalPart,
    TextPart,
    ToolCall,
    ToolKind,
    ToolResult,
)
from wire.errors import InvalidRequestError
from wire.openai_chat import (
    CustomCallBody,
    FileInput,
    FunctionCallBody,
    ImageUrl,
    InputAudio,
    MessageToolCall,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_ROOT = "messages"
_NONE: frozenset[str] = frozenset()
IMAGE_DETAILS = ("auto", "low", "high", "original")
AUDIO_FORMATS = ("wav", "mp3")
_URL_SCHEMES = ("https://", "http://", "data:")
_PASSED_ON_TYPES = ("video_url", "audio_url")


class ChatText(msgspec.Struct, tag_field="type", tag="text"):
    text: str


class ChatRefusal(msgspec.Struct, tag_field="type", tag="refusal"):
    refusal: str


class ChatImage(msgspec.Struct, tag_field="type", tag="image_url"):
    image_url: ImageUrl


class ChatAudio(msgspec.Struct, tag_field="type", tag="input_audio"):
    input_audio: InputAudio


class ChatFile(msgspec.Struct, tag_field="type", tag="file"):
    file: FileInput


class ChatVideoUrl(msgspec.Struct, tag_field="type", tag="video_url"):
    """vLLM's; passed on to a backend that speaks chat, refused elsewhere."""


class ChatAudioUrl(msgspec.Struct, tag_field="type", tag="audio_url"):
    """vLLM's; passed on to a backend that speaks chat, refused elsewhere."""


ChatPart = ChatText | ChatRefusal | ChatImage | ChatAudio | ChatFile | ChatVideoUrl | ChatAudioUrl


class SystemMessage(msgspec.Struct, tag_field="role", tag="system"):
    content: str | list[ChatPart]
    name: str | None = None


class DeveloperMessage(msgspec.Struct, tag_field="role", tag="developer"):
    content: str | list[ChatPart]
    name: str | None = None


class UserMessage(msgspec.Struct, tag_field="role", tag="user"):
    content: str | list[ChatPart]
    name: str | None = None


class AssistantMessage(msgspec.Struct, tag_field="role", tag="assistant"):
    """Clients also send `reasoning_content` back; it is dropped with everything unknown."""

    content: str | list[ChatPart] | None = None
    refusal: str | None = None
    tool_calls: list[MessageToolCall] | None = None
    function_call: FunctionCallBody | None = None
    name: str | None = None


class ToolMessage(msgspec.Struct, tag_field="role", tag="tool"):
    content: str | list[ChatPart]
    tool_call_id: str


class FunctionMessage(msgspec.Struct, tag_field="role", tag="function"):
    """Legacy: the result of an assistant's `function_call`."""

    name: str
    content: str | None = None


ChatMessage = (
    SystemMessage
    | DeveloperMessage
    | UserMessage
    | AssistantMessage
    | ToolMessage
    | FunctionMessage
)
ROLES = ("system", "developer", "user", "assistant", "tool", "function")
_PART_TYPES = ("text", "image_url", "input_audio", "file", "refusal")
_DECODER = msgspec.json.Decoder(list[ChatMessage])


def decode_messages(raw: msgspec.Raw) -> list[ChatMessage]:
    """Read and check a request's messages.

    Raises:
        InvalidRequestError: with the path of the first fault.
    """
    try:
        messages = _DECODER.decode(raw)
    except openai_errors.JSON_PROBLEMS as problem:
        raise _with_supported_values(problem) from None
    if not messages:
        raise openai_errors.empty_array(_ROOT)
    _check(messages)
    return messages


def uses_legacy_calls(messages: list[ChatMessage]) -> bool:
    """Whether the conversation holds `function_call` or role `function`."""
    kinds = set(map(type, messages))
    if FunctionMessage in kinds:
        return True
    return AssistantMessage in kinds and any(
        m.function_call for m in messages if type(m) is AssistantMessage
    )


def first_image(messages: list[ChatMessage]) -> str | None:
    """The path of the first image, if there is one."""
    for index, message in enumerate(messages):
        content = message.content
        if isinstance(content, list):
            for position, part in enumerate(content):
                if isinstance(part, ChatImage):
                    return f"{_ROOT}[{index}].content[{position}].type"
    return None


def to_items(messages: list[ChatMessage]) -> tuple[Item, ...]:
    """The conversation in the neutral form; ids for legacy calls derive from their position.

    Raises:
        InvalidRequestError: a part that only a chat backend could judge.
    """
    items: list[Item] = []
    pending_legacy: dict[str, str] = {}
    kinds: dict[str, ToolKind] = {}  # a result does not say which kind of tool it is from
    for index, message in enumerate(messages):
        path = f"{_ROOT}[{index}].content"
        match message:
            case SystemMessage() | DeveloperMessage() | UserMessage():
                role = _role(message)
                items.append(Message(role, _parts(message.content, path), name=message.name))
            case AssistantMessage():
                items.extend(_assistant_items(message, path, index, pending_legacy))
                kinds.update((call.id, _kind(call)) for call in message.tool_calls or ())
            case ToolMessage():
                output = _parts(message.content, path)
                kind = kinds.get(message.tool_call_id, "function")
                items.append(ToolResult(message.tool_call_id, output, kind))
            case FunctionMessage():
                items.extend(_legacy_result(message, index, pending_legacy))
    return tuple(items)


def _role(
    message: SystemMessage | DeveloperMessage | UserMessage,
) -> Literal["system", "developer", "user"]:
    match message:
        case SystemMessage():
            return "system"
        case DeveloperMessage():
            return "developer"
        case UserMessage():
            return "user"


def _assistant_items(
    message: AssistantMessage, path: str, index: int, pending_legacy: dict[str, str]
) -> Iterator[Item]:
    parts = _parts(message.content, path) if message.content else ()
    if message.refusal:
        parts = (*parts, RefusalPart(message.refusal))
    calls = message.tool_calls or []
    if parts or not (calls or message.function_call):
        yield Message("assistant", parts or (TextPart(""),), name=message.name)
    for call in calls:
        yield _tool_call(call)
    if message.function_call is not None:
        call_id = f"call_legacy_{index}"
        pending_legacy[message.function_call.name] = call_id
        yield ToolCall(call_id, message.function_call.name, message.function_call.arguments)


def _kind(call: MessageToolCall) -> ToolKind:
    return "custom" if call.type == "custom" else "function"


def _tool_call(call: MessageToolCall) -> ToolCall:
    """`_check_call` has seen to it that the body of its kind is there."""
    if call.type == "custom" and call.custom is not None:
        return ToolCall(call.id, call.custom.name, call.custom.input, kind="custom")
    function = call.function or FunctionCallBody("", "")
    return ToolCall(call.id, function.name, function.arguments)


def _legacy_result(
    message: FunctionMessage, index: int, pending_legacy: dict[str, str]
) -> Iterator[Item]:
    """A result whose call is not in the conversation gets one, so that every backend accepts it."""
    call_id = pending_legacy.pop(message.name, None)
    if call_id is None:
        call_id = f"call_legacy_{index}"
        yield ToolCall(call_id, message.name, "{}")
    yield ToolResult(call_id, (TextPart(message.content or ""),))


def _parts(content: str | list[ChatPart], path: str) -> tuple[Part, ...]:
    if isinstance(content, str):
        return (TextPart(content),)
    return tuple(_part(part, f"{path}[{index}]") for index, part in enumerate(content))


def _part(part: ChatPart, path: str) -> Part:
    match part:
        case ChatText():
            return TextPart(part.text)
        case ChatRefusal():
            return RefusalPart(part.refusal)
        case ChatImage():
            return ImagePart(part.image_url.url, part.image_url.detail or "auto")
        case ChatAudio():
            return AudioPart(part.input_audio.data, part.input_audio.format)
        case ChatFile():
            return FilePart(filename=part.file.filename, file_data=part.file.file_data)
        case ChatVideoUrl():
            raise openai_errors.invalid_value(f"{path}.type", "'video_url'", _PART_TYPES)
        case ChatAudioUrl():
            raise openai_errors.invalid_value(f"{path}.type", "'audio_url'", _PART_TYPES)


def _with_supported_values(problem: BaseException) -> InvalidRequestError:
    error = openai_errors.from_json_problem(problem, _ROOT)
    if error.code == "invalid_value" and error.param is not None:
        got = str(problem).partition(" - at ")[0].removeprefix("Invalid value ")
        supported = ROLES if error.param.endswith(".role") else _PART_TYPES
        return openai_errors.invalid_value(error.param, got, supported)
    return error


# ------------------------------------------------------------------------- checks beyond the types


def _check(messages: list[ChatMessage]) -> None:
    """Values inside parts, and that every call is answered, at once and only once made.

    The one walk every request pays for: where everything is text it is a short one.
    """
    if _are_texts(messages):
        return
    issued = unanswered = _NONE
    for index, message in enumerate(messages):
        if message.content.__class__ is list:
            _check_parts(message, index)
        if isinstance(message, ToolMessage):
            unanswered = _answer(message, index, issued, unanswered)
            continue
        if unanswered:
            raise _unanswered(unanswered, index)
        issued = _NONE
        if isinstance(message, AssistantMessage) and message.tool_calls:
            issued = unanswered = _call_ids(message.tool_calls, f"{_ROOT}[{index}].tool_calls")
    if unanswered:
        raise _unanswered(unanswered, len(messages) - 1)


def _are_texts(messages: list[ChatMessage]) -> bool:
    """Neither parts nor calls: nothing in them can be wrong."""
    return not any(
        [  # noqa: C419  a generator takes twice as long
            type(message.content) is list
            or type(message) is ToolMessage
            or (type(message) is AssistantMessage and message.tool_calls)
            for message in messages
        ]
    )


def _check_parts(message: ChatMessage, index: int) -> None:
    if isinstance(message.content, list):
        for position, part in enumerate(message.content):
            _check_part(part, f"{_ROOT}[{index}].content[{position}]")


def _check_part(part: ChatPart, path: str) -> None:
    match part:
        case ChatImage():
            _check_image(part.image_url, f"{path}.image_url")
        case ChatAudio():
            _check_audio(part.input_audio, f"{path}.input_audio")
        case ChatFile():
            _check_file(part.file, f"{path}.file")
        case _:
            pass


def _check_image(image: ImageUrl, path: str) -> None:
    if not image.url.startswith(_URL_SCHEMES):
        raise openai_errors.invalid_value(
            f"{path}.url", "expected an 'https:', 'http:' or 'data:' URL"
        )
    if image.detail is not None and image.detail not in IMAGE_DETAILS:
        raise openai_errors.invalid_value(f"{path}.detail", repr(image.detail), IMAGE_DETAILS)


def _check_audio(audio: InputAudio, path: str) -> None:
    if audio.format not in AUDIO_FORMATS:
        raise openai_errors.invalid_value(f"{path}.format", repr(audio.format), AUDIO_FORMATS)


def _check_file(file: FileInput, path: str) -> None:
    """An uploaded file belongs to one account of one vendor, which all our teams share."""
    if file.file_id is not None:
        raise openai_errors.unsupported_parameter(
            f"{path}.file_id", "Uploaded files are not supported here; send 'file_data' instead."
        )
    if file.file_data is None:
        raise openai_errors.missing(f"{path}.file_data")


def _answer(
    message: ToolMessage, index: int, issued: frozenset[str], unanswered: frozenset[str]
) -> frozenset[str]:
    if message.tool_call_id not in issued:
        raise InvalidRequestError(
            "Invalid parameter: messages with role 'tool' must be a response to a preceding "
            "message with 'tool_calls'.",
            param=f"{_ROOT}.[{index}].role",
        )
    return unanswered.difference((message.tool_call_id,))


def _unanswered(call_ids: frozenset[str], index: int) -> InvalidRequestError:
    names = ", ".join(sorted(call_ids))[:300]
    return InvalidRequestError(
        "An assistant message with 'tool_calls' must be followed by tool messages responding to "
        f"each 'tool_call_id'. The following tool_call_ids did not have response messages: {names}",
        param=f"{_ROOT}.[{index}].role",
    )


def _call_ids(calls: list[MessageToolCall], path: str) -> frozenset[str]:
    for position, call in enumerate(calls):
        _check_call(call, f"{path}[{position}]")
    return frozenset(call.id for call in calls)


def _check_call(call: MessageToolCall, path: str) -> None:
    match call.type:
        case "function":
            body: FunctionCallBody | CustomCallBody | None = call.function
        case "custom":
            body = call.custom
        case other:
            raise openai_errors.invalid_value(f"{path}.type", repr(other), ("function", "custom"))
    if body is None:
        raise openai_errors.missing(f"{path}.{call.type}")
