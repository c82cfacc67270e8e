"""What kind of task a conversation asks for: models that are good at one may be poor at another.

Told from the request's shape and its last user turn. Coarse on purpose: each class learns its
weights alone, and classes that few runs fall into learn nothing.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

from wire.conversation import ImagePart, Message, TextPart

if TYPE_CHECKING:
    from wire.conversation import GenerationRequest

TaskClass = Literal["vision", "tools", "structured", "code", "exact", "prose"]
READ_CHARS = 20_000  # of the last user turn; the rest says nothing more about its kind

_CODE = re.compile(
    r"```|^\s{0,3}(?:def|class|import|from|func|fn|public|#include|SELECT|Traceback)\b"
    r"|\b(?:refactor|stack trace|unit tests?|regex|compile[rs]?|python|typescript|javascript)\b"
    r"|\b(?:function|method|script|query|endpoint)\b[^.?!\n]{0,60}\b(?:that|which|returns?|to)\b"
    r"|\b\w+\.(?:py|ts|js|go|rs|java|cpp|sql)\b",
    re.IGNORECASE | re.MULTILINE,
)
_OPTION_A = re.compile(r"^[ \t]*\(?A[).:][ \t]+\S", re.MULTILINE)
_OPTION_B = re.compile(r"^[ \t]*\(?B[).:][ \t]+\S", re.MULTILINE)
_EXACT = re.compile(
    r"\\boxed|\bhow (?:many|much|old|long|far)\b|\bwhat is the (?:value|sum|product|probability)\b"
    r"|\b(?:calculate|compute|solve|evaluate)\b|\d ?[-+*/^=\u00d7] ?\(?\d",
    re.IGNORECASE,
)


def task_class_of(request: GenerationRequest) -> TaskClass:
    """The first class whose sign is there; prose when there is none."""
    asked = _last_user_turn(request)
    if asked is not None and any(isinstance(part, ImagePart) for part in asked.content):
        return "vision"
    if request.tools and request.tool_choice.mode != "none":
        return "tools"
    if request.response_format.type != "text":
        return "structured"
    text = _text(asked)[:READ_CHARS]
    if _CODE.search(text):
        return "code"
    has_options = _OPTION_A.search(text) and _OPTION_B.search(text)
    return "exact" if has_options or _EXACT.search(text) else "prose"


def _last_user_turn(request: GenerationRequest) -> Message | None:
    return next(
        (
            item
            for item in reversed(request.items)
            if isinstance(item, Message) and item.role == "user"
        ),
        None,
    )


def _text(message: Message | None) -> str:
    parts = message.content if message is not None else ()
    return "\n".join(part.text for part in parts if isinstance(part, TextPart))
