"""The pixel size of an image in a `data:` URL, read from its first bytes. Pure."""

from __future__ import annotations

import binascii
from typing import NamedTuple

# 512 KB: an EXIF block with a thumbnail may stand before a JPEG's frame header.
_MAX_HEADER_BYTES = 512 * 1024
_FIRST_LOOK_BYTES = 1536
_PNG_HEADER_BYTES = 24
_GIF_HEADER_BYTES = 10
_WEBP_HEADER_BYTES = 30
_FRAME_HEADER_BYTES = 9
_MARKER = 0xFF
_START_OF_FRAME = frozenset({0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD})
_WITHOUT_LENGTH = frozenset({0x01, *range(0xD0, 0xD9)})


class ImageSize(NamedTuple):
    width_px: int
    height_px: int


def size_of_data_url(url: str) -> ImageSize | None:
    """None: not a base64 data URL, or not a PNG, JPEG, GIF or WebP whose header can be read."""
    head, comma, _ = url[:128].partition(",")
    if not comma or not head.startswith("data:") or not head.endswith(";base64"):
        return None
    first = _decode(url, len(head) + 1, _FIRST_LOOK_BYTES)
    size = size_of_image(first)
    if size is None and first.startswith(b"\xff\xd8"):
        size = size_of_image(_decode(url, len(head) + 1, _MAX_HEADER_BYTES))
    return size


def size_of_image(data: bytes) -> ImageSize | None:
    """The size an image's header declares; None where it is unknown, cut off, or nothing."""
    if data.startswith(b"\x89PNG\r\n\x1a\n") and len(data) >= _PNG_HEADER_BYTES:
        return _size(_big(data, 16, 4), _big(data, 20, 4))
    if data.startswith((b"GIF87a", b"GIF89a")) and len(data) >= _GIF_HEADER_BYTES:
        return _size(_little(data, 6, 2), _little(data, 8, 2))
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return _webp_size(data)
    return _jpeg_size(data) if data.startswith(b"\xff\xd8") else None


def _decode(url: str, start: int, size_bytes: int) -> bytes:
    """The first bytes behind the comma; whole groups of four characters only."""
    piece = url[start : start + size_bytes // 3 * 4]
    try:
        return binascii.a2b_base64(piece[: len(piece) // 4 * 4])
    except (binascii.Error, ValueError):
        return b""


def _webp_size(data: bytes) -> ImageSize | None:
    """Lossy, lossless and extended files say it in different places."""
    if len(data) < _WEBP_HEADER_BYTES:
        return None
    kind = data[12:16]
    if kind == b"VP8X":
        return _size(_little(data, 24, 3) + 1, _little(data, 27, 3) + 1)
    if kind == b"VP8L":
        bits = _little(data, 21, 4)
        return _size((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    if kind == b"VP8 ":
        return _size(_little(data, 26, 2) & 0x3FFF, _little(data, 28, 2) & 0x3FFF)
    return None


def _jpeg_size(data: bytes) -> ImageSize | None:
    """Walk the segments up to the frame header."""
    at = 2
    while at + _FRAME_HEADER_BYTES <= len(data) and data[at] == _MARKER:
        marker = data[at + 1]
        if marker in _START_OF_FRAME:
            return _size(_big(data, at + 7, 2), _big(data, at + 5, 2))
        if marker == _MARKER:  # padding
            at += 1
        elif marker in _WITHOUT_LENGTH:
            at += 2
        else:
            at += 2 + max(2, _big(data, at + 2, 2))
    return None


def _size(width_px: int, height_px: int) -> ImageSize | None:
    return ImageSize(width_px, height_px) if width_px > 0 and height_px > 0 else None


def _big(data: bytes, at: int, length: int) -> int:
    return int.from_bytes(data[at : at + length], "big")


def _little(data: bytes, at: int, length: int) -> int:
    return int.from_bytes(data[at : at + length], "little")
