"""Parts as content blocks."""

import base64

import pytest

from model_providers.anthropic_messages.blocks import (
    Base64Source,
    DocumentBlock,
    ImageBlock,
    PartBlock,
    TextBlock,
    TextSource,
    UrlSource,
)
from model_providers.anthropic_messages.parts import part_blocks
from wire.conversation import AudioPart, FilePart, ImagePart, Part, RefusalPart, TextPart

HELLO = base64.b64encode(b"hello").decode()


def block_of(part: Part, *, images: bool = True) -> PartBlock:
    [block] = part_blocks((part,), images=images)
    return block


@pytest.mark.requirement("providers:encode:lossless")
@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (TextPart("hi"), TextBlock("hi")),
        (RefusalPart("no"), TextBlock("no")),
        (ImagePart("https://x/y.png"), ImageBlock(UrlSource("https://x/y.png"))),
        (ImagePart("data:image/PNG;base64,QUJD"), ImageBlock(Base64Source("image/png", "QUJD"))),
        (ImagePart("data:image/jpg;base64,QUJD"), ImageBlock(Base64Source("image/jpeg", "QUJD"))),
        (
            FilePart("a.pdf", "data:application/pdf;base64,QUJD"),
            DocumentBlock(Base64Source("application/pdf", "QUJD"), "a.pdf"),
        ),
        (FilePart(None, "QUJD"), DocumentBlock(Base64Source("application/pdf", "QUJD"))),
        (
            FilePart("a.md", f"data:text/markdown;charset=utf-8;base64,{HELLO}"),
            DocumentBlock(TextSource("text/plain", "hello"), "a.md"),
        ),
        (
            FilePart("a.pdf", None, "https://x/a.pdf"),
            DocumentBlock(UrlSource("https://x/a.pdf"), "a.pdf"),
        ),
    ],
)
def test_each_part_has_its_block(part: Part, expected: PartBlock) -> None:
    assert block_of(part) == expected


@pytest.mark.parametrize(
    ("part", "said"),
    [
        (AudioPart("QUJD", "wav"), "audio left out"),
        (ImagePart("data:image/bmp;base64,QUJD"), "image/bmp"),
        (FilePart("a.zip", "data:application/zip;base64,QUJD"), "a.zip, application/zip"),
        (FilePart("a.txt", "data:text/plain;base64,!!"), "file left out"),
        (FilePart("a.txt"), "[file: a.txt]"),
    ],
)
def test_what_cannot_be_held_is_told(part: Part, said: str) -> None:
    block = block_of(part)

    assert isinstance(block, TextBlock)
    assert said in block.text


def test_a_model_without_eyes_is_told_of_pictures() -> None:
    block = block_of(ImagePart("https://x/y.png"), images=False)

    assert isinstance(block, TextBlock)


def test_blank_text_is_no_block() -> None:
    assert part_blocks((TextPart(""), TextPart(" \n"), TextPart("x")), images=True) == [
        TextBlock("x")
    ]
