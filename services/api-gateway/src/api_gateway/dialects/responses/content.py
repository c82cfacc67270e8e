"""Content of a message or a tool's output: a string, or parts of the kinds this dialect knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from api_gateway import openai_errors
from wire.conversation import (
    AudioPart,
    FilePart,
    ImagePart,
    Part,
    RefusalPart,
    TextPart,
)

if TYPE_CHECKING:
    from collections.abc import Callable

PART_TYPES = (
    "input_text",
    "input_image",
    "input_file",
    "input_audio",
    "output_text",
    "refusal",
)
_IMAGE_DETAILS = ("auto", "low", "high", "original")
_AUDIO_FORMATS = ("wav", "mp3")
_URL_SCHEMES = ("https://", "http://", "data:")


class InputAudio(msgspec.Struct):
    data: str
    format: str


class InputPart(msgspec.Struct):
    """Any part; which fields matter depends on `type`. Unknown fields are dropped."""

    type: str
    text: str | None = None
    refusal: str | None = None
    image_url: str | None = None
    file_id: str | None = None
    detail: str | None = None
    file_data: str | None = None
    file_url: str | None = None
    filename: str | None = None
    input_audio: InputAudio | None = None


def to_parts(content: str | list[InputPart], path: str) -> tuple[Part, ...]:
    """Neutral parts; `path` is where the content stands in the request.

    Raises:
        InvalidRequestError: a part of an unknown kind, incomplete, or of an uploaded file.
    """
    if isinstance(content, str):
        return (TextPart(content),)
    return tuple(to_part(part, f"{path}[{index}]") for index, part in enumerate(content))


def to_part(part: InputPart, path: str) -> Part:
    """One of them; `path` is its own.

    Raises:
        InvalidRequestError: see `to_parts`.
    """
    reader = _READERS.get(part.type)
    if reader is None:
        raise openai_errors.invalid_value(f"{path}.type", repr(part.type), PART_TYPES)
    return reader(part, path)


def _text(part: InputPart, path: str) -> Part:
    if part.text is None:
        raise openai_errors.missing(f"{path}.text")
    return TextPart(part.text)


def _refusal(part: InputPart, path: str) -> Part:
    if part.refusal is None:
        raise openai_errors.missing(f"{path}.refusal")
    return RefusalPart(part.refusal)


def _image(part: InputPart, path: str) -> Part:
    _refuse_uploaded(part, path, "image_url")
    if part.image_url is None:
        raise openai_errors.missing(f"{path}.image_url")
    if not part.image_url.startswith(_URL_SCHEMES):
        raise openai_errors.invalid_value(
            f"{path}.image_url", "expected an 'https:', 'http:' or 'data:' URL"
        )
    if part.detail not in (None, *_IMAGE_DETAILS):
        raise openai_errors.invalid_value(f"{path}.detail", repr(part.detail), _IMAGE_DETAILS)
    return ImagePart(part.image_url, part.detail or "auto")


def _file(part: InputPart, path: str) -> Part:
    _refuse_uploaded(part, path, "file_data")
    if part.file_data is None and part.file_url is None:
        raise openai_errors.missing(f"{path}.file_data")
    return FilePart(filename=part.filename, file_data=part.file_data, file_url=part.file_url)


def _audio(part: InputPart, path: str) -> Part:
    audio = part.input_audio
    if audio is None:
        raise openai_errors.missing(f"{path}.input_audio")
    if audio.format not in _AUDIO_FORMATS:
        raise openai_errors.invalid_value(
            f"{path}.input_audio.format", repr(audio.format), _AUDIO_FORMATS
        )
    return AudioPart(audio.data, audio.format)


def _refuse_uploaded(part: InputPart, path: str, instead: str) -> None:
    """An uploaded file belongs to one account of one vendor, which all our teams share."""
    if part.file_id is not None:
        raise openai_errors.unsupported_parameter(
            f"{path}.file_id", f"Uploaded files are not supported here; send '{instead}' instead."
        )


# `text`, `summary_text` and `reasoning_text` are what clients make of parts they replay.
_READERS: dict[str, Callable[[InputPart, str], Part]] = {
    "input_text": _text,
    "output_text": _text,
    "text": _text,
    "summary_text": _text,
    "reasoning_text": _text,
    "refusal": _refusal,
    "input_image": _image,
    "input_file": _file,
    "input_audio": _audio,
}
