"""The estimator against counts of real tokenizers, written down once."""

import base64
import struct
import time

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_providers.token_estimate import (
    estimate_image,
    estimate_items,
    estimate_request,
    estimate_text,
)
from wire.conversation import (
    AudioPart,
    CompactionItem,
    CustomTool,
    FilePart,
    FunctionTool,
    GenerationRequest,
    ImagePart,
    Message,
    OtherItem,
    ReasoningItem,
    RefusalPart,
    ResponseFormat,
    TextPart,
    ToolCall,
    ToolResult,
    user_text,
)

# Text and its count by o200k_base.
COUNTED: list[tuple[str, int]] = [
    (
        "Conclave puts a panel of language models behind one endpoint: agents answer "
        "in parallel, read each other's answers, and vote.",
        25,
    ),
    (
        "Summarise the following customer complaint in two sentences and suggest a polite reply.",
        16,
    ),
    (
        'def read_body(self, timeout_s: float) -> bytes:\n    """The whole body."""\n'
        "    while chunk := await self.read_chunk():\n        self._pieces.append(chu"
        'nk)\n    return b"".join(self._pieces)\n',
        45,
    ),
    (
        "for (let i = 0; i < items.length; i++) { console.log(items[i].userName, item"
        "s[i].createdAt); }",
        31,
    ),
    (
        '{"id": "chatcmpl-8f3a", "object": "chat.completion", "created": 1732100000, '
        '"choices": [{"index": 0, "finish_reason": "stop"}]}',
        47,
    ),
    (
        "2026-11-20T09:53:12.345Z ERROR [worker-7] Connection to 10.42.0.17:5432 time"
        "d out after 30000 ms",
        41,
    ),
    (
        "SELECT team_id, SUM(cost_nano_usd) FROM ledger_entries WHERE closed_at > '20"
        "26-01-01' GROUP BY team_id;",
        31,
    ),
    ("3f9a1c0e7b5d4e2f8a6c9d0b1e2f3a4b 0d9f8e7c6b5a49382716050f4e3d2c1b", 58),
    (
        "Die Sitzung wurde beendet, weil die Verbindung zum Server länger als dreißig"
        " Sekunden unterbrochen war.",
        21,
    ),
    (
        "La réunion est reportée à jeudi prochain, car plusieurs participants ne peuv"
        "ent pas se déplacer.",
        18,
    ),
    (
        "El informe anual describe los resultados de la empresa y las perspectivas pa"
        "ra el próximo año.",
        17,
    ),
    (
        "Совет директоров утвердил годовой отчёт и назначил новое заседание на следующую неделю.",
        22,
    ),
    ("会议定于下周四上午十点在三号会议室举行\uff0c请各部门负责人准时参加并提前准备材料。", 27),
    ("来週の木曜日の午前十時に第三会議室で会議を行いますので、資料をご準備ください。", 29),
    ("다음 주 목요일 오전 열 시에 회의실에서 회의가 있으니 자료를 미리 준비해 주세요.", 26),
    ("سيعقد الاجتماع يوم الخميس القادم في الساعة العاشرة صباحا في القاعة الثالثة.", 19),
    (
        "| name | count | share |\n|---|---|---|\n| alpha | 1,204 | 12.5 % |\n| beta "
        "| 87 | 0.9 % |\n",
        40,
    ),
]


@pytest.mark.requirement("providers:tokens:text")
@pytest.mark.parametrize(("text", "tokens"), COUNTED)
def test_the_estimate_is_near_a_real_tokenizers_count(text: str, tokens: int) -> None:
    assert 0.7 <= estimate_text(text) / tokens <= 1.5  # one sentence; longer texts do better


@pytest.mark.requirement("providers:tokens:text")
def test_over_many_texts_the_errors_cancel() -> None:
    estimated = sum(estimate_text(text) for text, _ in COUNTED)

    assert estimated == pytest.approx(sum(tokens for _, tokens in COUNTED), rel=0.12)


@given(st.text())
def test_only_nothing_costs_nothing(text: str) -> None:
    assert (estimate_text(text) == 0) == (text == "")


@given(st.text(), st.text())
def test_more_text_never_costs_less(first: str, second: str) -> None:
    assert estimate_text(first + second) >= estimate_text(first)


def test_lone_surrogates_are_counted_too() -> None:
    assert estimate_text("\ud83d") >= 1


@pytest.mark.parametrize("char", [" ", "\n", "\x00", "a", "1", "-", "é", "世", "🌍"])
def test_no_character_is_free_in_the_long_run(char: str) -> None:
    assert estimate_text(char * 1000) >= 10


@pytest.mark.requirement("providers:tokens:text")
def test_megabytes_are_estimated_in_a_blink() -> None:
    text = "def estimate(text: str) -> int:\n    return len(text) // 4  # naïve\n" * 60_000

    best_s = min(_timed(text) for _ in range(3))

    assert len(text.encode()) / best_s > 10e6  # 70e6 on an idle core; half of it for the machine


def _timed(text: str) -> float:
    started_s = time.process_time()
    estimate_text(text)
    return time.process_time() - started_s


def png_url(width_px: int, height_px: int, *, padding_bytes: int = 0) -> str:
    header = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", width_px, height_px)
    body = header + b"\x08\x06\x00\x00\x00" + b"\x00" * padding_bytes
    return "data:image/png;base64," + base64.b64encode(body).decode()


# Source: OpenAI, "Images and vision", worked examples of the tile rule.
@pytest.mark.requirement("providers:tokens:images")
@pytest.mark.parametrize(
    ("size", "detail", "tokens"),
    [
        ((1024, 1024), "high", 765),
        ((2048, 4096), "high", 1105),
        ((4096, 8192), "low", 85),
        ((512, 512), "high", 255),
        ((1, 1), "high", 255),
        ((1024, 1024), "auto", 765),
    ],
)
def test_an_image_costs_by_its_tiles(size: tuple[int, int], detail: str, tokens: int) -> None:
    assert estimate_image(png_url(*size), detail) == tokens


@pytest.mark.requirement("providers:tokens:images")
def test_the_length_of_the_base64_does_not_matter() -> None:
    small, large = png_url(1024, 1024), png_url(1024, 1024, padding_bytes=3_000_000)

    assert estimate_image(small) == estimate_image(large) == 765


@pytest.mark.parametrize("url", ["https://x/y.png", "data:image/png;base64,", "data:,x", ""])
def test_an_image_of_unknown_size_is_taken_for_a_common_one(url: str) -> None:
    assert estimate_image(url) == 765


def test_each_item_costs_its_text_and_its_frame() -> None:
    text = "The weather in Bonn is rainy."
    tokens = estimate_text(text)

    assert estimate_items([user_text(text)]) == tokens + 4
    assert estimate_items([Message("user", (TextPart(text),), name="ann")]) > tokens + 5
    assert estimate_items([Message("assistant", (RefusalPart(text),))]) == tokens + 4
    assert estimate_items([ToolCall("c1", "weather", text)]) > tokens + 8
    assert estimate_items([ToolResult("c1", (TextPart(text),))]) == tokens + 4
    assert estimate_items([OtherItem("shell_call", msgspec.Raw(b'{"a":1}'))]) > 4
    assert estimate_items([OtherItem("web_search_call", msgspec.Raw(b'{"a":1}'))]) == 0
    assert estimate_items([CompactionItem("x" * 6000)]) == 1000
    assert estimate_items([ReasoningItem(("thoughts",), "x" * 6000)]) == 0


def test_media_cost_by_what_they_hold() -> None:
    ten_seconds = "A" * (32_000 * 10 * 4 // 3)
    parts = (ImagePart(png_url(1024, 1024)), AudioPart(ten_seconds, "wav"))

    assert estimate_items([Message("user", parts)]) == 4 + 765 + 100
    assert 1300 < estimate_items([Message("user", (FilePart("a.pdf", "A" * 100_000),))]) < 1700


def test_a_request_costs_its_items_tools_and_schema() -> None:
    schema = msgspec.Raw(b'{"type":"object","properties":{"city":{"type":"string"}}}')
    bare = GenerationRequest((user_text("hi"),))
    tools = (FunctionTool("weather", "Tells it.", schema), CustomTool("patch"))
    full = GenerationRequest(
        (user_text("hi"),),
        tools=tools,
        response_format=ResponseFormat("json_schema", "answer", schema),
    )

    assert estimate_request(bare) == 3 + estimate_items(bare.items)
    assert 40 < estimate_request(full) - estimate_request(bare) < 90
