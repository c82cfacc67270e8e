"""OpenAI's legacy Completions wire: every prompt is one user message."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import zip_longest
from typing import TYPE_CHECKING

from provider_sim import openai_tools
from provider_sim.frames import Answer, Decoded, Frame
from provider_sim.json_types import Json, JsonObject, dumps
from provider_sim.openai_chat import usage_object
from provider_sim.prompt import Message, Prompt, Sampling
from provider_sim.wire_errors import WireError, wrong_type

if TYPE_CHECKING:
    from provider_sim.frames import Stamp
    from provider_sim.prompt import Reply
    from provider_sim.request_fields import Fields
    from provider_sim.usage import Usage

_DEFAULT_MAX_TOKENS = 16
KNOWN_FIELDS = frozenset(
    {
        "model", "prompt", "max_tokens", "temperature", "top_p", "n", "best_of", "stream",
        "stream_options", "logprobs", "echo", "stop", "suffix", "presence_penalty",
        "frequency_penalty", "logit_bias", "seed", "user",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class CompletionRequest:
    prompt: Prompt
    model: str
    text: str
    stream: bool
    include_usage: bool
    echo: bool


def decode(fields: Fields) -> Decoded:
    """Read the body, and keep what its answer needs."""
    request = decode_request(fields)
    return Decoded(request.prompt, request.stream, "prompt", partial(encode_answer, request))


def decode_request(fields: Fields) -> CompletionRequest:
    """Read the body; one prompt per request.

    Raises:
        WireError: what OpenAI would refuse, and several prompts or token ids.
    """
    model = openai_tools.check_model(fields)
    openai_tools.check_sampling(fields)
    text = _text(fields)
    options = fields.child("stream_options") if fields.has("stream_options") else None
    prompt = Prompt(
        model=model,
        messages=(Message("user", text),),
        sampling=Sampling(
            seed=fields.integer("seed", -(2**63), 2**63 - 1),
            temperature=fields.decimal("temperature", 0, 2),
            max_tokens=fields.integer("max_tokens", 0, 10**9) or _DEFAULT_MAX_TOKENS,
            stop=fields.texts("stop", 4),
            choices=fields.integer("n", 1, 128) or 1,
        ),
    )
    return CompletionRequest(
        prompt=prompt,
        model=model,
        text=text,
        stream=fields.flag("stream", default=False),
        include_usage=options is not None and options.flag("include_usage", default=False),
        echo=fields.flag("echo", default=False),
    )


def _text(fields: Fields) -> str:
    value = fields.need("prompt")
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, list):
        raise WireError("This model takes one prompt per request, as text.", param="prompt")
    if not isinstance(value, str):
        raise wrong_type("prompt", "a string or an array", value)
    return value


def encode_answer(
    request: CompletionRequest,
    replies: list[Reply],
    usage: Usage,
    shown: Usage | None,
    stamp: Stamp,
) -> Answer:
    """The answer in this wire."""
    head: JsonObject = {
        "id": f"cmpl-{stamp.token}",
        "object": "text_completion",
        "created": stamp.unix_s,
        "model": request.model,
    }
    return Answer(
        usage=usage,
        finish_reason=replies[0].finish,
        beats=max(len(reply.reasoning) + len(reply.text) for reply in replies),
        body=partial(_body, request, replies, shown, head),
        frames=partial(_frames, request, replies, shown, head),
        error_frames=lambda error, _sent: [Frame(b"data: " + error.body() + b"\n\n")],
    )


def _choice(index: int, text: str, finish: str | None) -> JsonObject:
    return {"index": index, "text": text, "logprobs": None, "finish_reason": finish}


def _body(
    request: CompletionRequest, replies: list[Reply], shown: Usage | None, head: JsonObject
) -> bytes:
    start = request.text if request.echo else ""
    choices: list[Json] = [
        _choice(index, start + "".join(reply.text), reply.finish)
        for index, reply in enumerate(replies)
    ]
    answer: JsonObject = {**head, "choices": choices}
    return dumps({**answer, "usage": usage_object(shown)} if shown is not None else answer)


def _frames(
    request: CompletionRequest, replies: list[Reply], shown: Usage | None, head: JsonObject
) -> list[Frame]:
    extra: JsonObject = {"usage": None} if request.include_usage else {}

    def frame(choices: list[Json], tokens: int) -> Frame:
        chunk = dumps({**head, "choices": choices, **extra})
        return Frame(b"data: " + chunk + b"\n\n", tokens)

    frames = [
        frame(
            [_choice(i, piece, None) for i, piece in enumerate(group) if piece is not None],
            sum(piece is not None for piece in group),
        )
        for group in zip_longest(*(reply.text for reply in replies))
    ]
    if request.echo:
        frames.insert(0, frame([_choice(i, request.text, None) for i in range(len(replies))], 0))
    frames.append(frame([_choice(i, "", reply.finish) for i, reply in enumerate(replies)], 0))
    if request.include_usage and shown is not None:
        tail = dumps({**head, "choices": [], "usage": usage_object(shown)})
        frames.append(Frame(b"data: " + tail + b"\n\n"))
    return [*frames, Frame(b"data: [DONE]\n\n")]
