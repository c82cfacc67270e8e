"""Pixel sizes out of the first bytes of the four formats clients send."""

import base64
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_providers.image_size import ImageSize, size_of_data_url, size_of_image

SIZE = ImageSize(800, 600)
WIDTH, HEIGHT = SIZE
PNG = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", WIDTH, HEIGHT)
GIF = b"GIF89a" + struct.pack("<HH", WIDTH, HEIGHT)
RIFF = b"RIFF\x00\x00\x00\x00WEBP"
WEBP_LOSSY = (
    RIFF + b"VP8 " + bytes(4) + b"\x30\x01\x00\x9d\x01\x2a" + struct.pack("<HH", WIDTH, HEIGHT)
)
WEBP_LOSSLESS = (
    RIFF + b"VP8L" + bytes(4) + b"\x2f" + struct.pack("<I", (WIDTH - 1) | (HEIGHT - 1) << 14)
).ljust(30, b"\x00")
WEBP_EXTENDED = (
    RIFF
    + b"VP8X"
    + bytes(8)
    + (WIDTH - 1).to_bytes(3, "little")
    + (HEIGHT - 1).to_bytes(3, "little")
)


def jpeg(*, before_frame_bytes: int = 14, start_of_frame: int = 0xC0) -> bytes:
    segment = b"\xff\xe1" + struct.pack(">H", before_frame_bytes + 2) + bytes(before_frame_bytes)
    frame = bytes((0xFF, start_of_frame)) + struct.pack(">HBHH", 17, 8, HEIGHT, WIDTH)
    return b"\xff\xd8" + segment + b"\xff" + frame + bytes(20)


def data_url(data: bytes, kind: str = "image/x") -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


@pytest.mark.requirement("providers:tokens:images")
@pytest.mark.parametrize(
    "data",
    [
        PNG,
        GIF,
        WEBP_LOSSY,
        WEBP_LOSSLESS,
        WEBP_EXTENDED,
        jpeg(),
        jpeg(start_of_frame=0xC2),
        jpeg(before_frame_bytes=60_000),
    ],
)
def test_each_format_says_its_size(data: bytes) -> None:
    assert size_of_image(data) == SIZE
    assert size_of_data_url(data_url(data)) == SIZE


def test_a_frame_header_behind_two_large_blocks_is_found() -> None:
    block = b"\xff\xe1" + struct.pack(">H", 65_000) + bytes(64_998)
    data = b"\xff\xd8" + block * 2 + jpeg()[2:]

    assert size_of_data_url(data_url(data)) == SIZE


@pytest.mark.parametrize(
    "url",
    [
        "",
        "https://x/y.png",
        "data:image/png,raw",
        "data:image/png;base64",
        "data:image/png;base64,",
        "data:image/png;base64,!!!!",
        data_url(b"BM"),
        data_url(PNG[:20]),
        data_url(b"\xff\xd8\xff\xd9"),
        data_url(b"\xff\xd8" + b"\xff\xe1\xff\xff" * 3),
        data_url(PNG[:16] + bytes(8)),
        data_url(RIFF + b"VP8?" + bytes(20)),
    ],
)
def test_what_says_no_size_has_none(url: str) -> None:
    assert size_of_data_url(url) is None


@given(st.binary(max_size=200), st.sampled_from((b"", PNG[:8], b"GIF89a", RIFF, b"\xff\xd8\xff")))
def test_no_bytes_make_it_fail(data: bytes, magic: bytes) -> None:
    size = size_of_image(magic + data)

    assert size is None or min(size) > 0
