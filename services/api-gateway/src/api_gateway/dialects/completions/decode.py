"""A legacy completions request: checked, passed on, or read as one user message per prompt.

Source: OpenAI wire contract, section 4.4.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from api_gateway import openai_errors
from api_gateway.dialects import json_members
from api_gateway.dialects.parameter_ranges import (
    SAMPLING_DECIMALS,
    SEED_RANGE,
    IntegerRanges,
    check_decimals,
    check_integers,
    check_logit_bias,
    check_stop,
    check_stream_options,
)
from wire.conversation import GenerationRequest, Sampling, user_text
from wire.errors import InvalidRequestError
from wire.openai_chat import StreamOptions

if TYPE_CHECKING:
    from collections.abc import Sequence

DEFAULT_MAX_TOKENS = 16
INTEGERS: IntegerRanges = {
    "max_tokens": (0, None),
    "n": (1, 128),
    "best_of": (1, 128),
    "logprobs": (0, 5),
    "seed": SEED_RANGE,
}
MAX_PROMPTS = 2048

_encode = msgspec.json.Encoder().encode

TokenIds = list[int]


class CompletionParameters(msgspec.Struct):
    """None and absent mean the same; unknown fields are dropped."""

    model: str
    prompt: str | list[str | int | TokenIds]
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    n: int | None = None
    best_of: int | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    logprobs: int | None = None
    echo: bool | None = None
    stop: str | list[str] | None = None
    suffix: str | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    logit_bias: dict[str, float] | None = None
    seed: int | None = None
    user: str | None = None


_PARAMETERS = msgspec.json.Decoder(CompletionParameters)


@dataclass(frozen=True, slots=True)
class CompletionsRequest:
    """A checked request; `members` are the client's own bytes."""

    members: json_members.Members
    parameters: CompletionParameters

    @property
    def streams(self) -> bool:
        return self.parameters.stream is True

    @property
    def includes_usage(self) -> bool:
        options = self.parameters.stream_options
        return options is not None and options.include_usage is True

    @property
    def choices_per_prompt(self) -> int:
        return self.parameters.n or 1

    @property
    def texts(self) -> tuple[str, ...] | None:
        """The prompts; None when they are token ids."""
        prompt = self.parameters.prompt
        if isinstance(prompt, str):
            return (prompt,)
        texts = tuple(each for each in prompt if isinstance(each, str))
        return texts if len(texts) == len(prompt) else None

    def spliced(self, upstream_model: str) -> bytes:
        """For a backend with this endpoint; a stream is asked for its usage, to be metered."""
        members = {**self.members, "model": json_members.text(upstream_model)}
        if self.streams:
            asked = self.parameters.stream_options or StreamOptions()
            options = StreamOptions(True, asked.include_obfuscation)  # noqa: FBT003  the wire's order
            members["stream_options"] = msgspec.Raw(_encode(options))
        return json_members.join(members)

    def as_chat(self) -> list[GenerationRequest]:
        """One request per choice that is wanted: for each prompt, `n` of them.

        Raises:
            InvalidRequestError: it asks for what only this endpoint of a backend could do.
        """
        sampling = _sampling(self.parameters)
        requests = [
            GenerationRequest(
                items=(user_text(text),), sampling=sampling, user=self.parameters.user
            )
            for text in _require_chat(self)
        ]
        return [request for request in requests for _ in range(self.choices_per_prompt)]

    def echoes(self) -> list[str]:
        """What each choice's text begins with: its prompt where the client wants to see it."""
        texts = self.texts if self.parameters.echo else None
        shown = texts or [""] * len(self.texts or ())
        return [text for text in shown for _ in range(self.choices_per_prompt)]


def decode_request(body: bytes) -> CompletionsRequest:
    """Check a request.

    Raises:
        InvalidRequestError: with the name of the first member that is wrong.
    """
    try:
        members = json_members.split(body)
        parameters = _PARAMETERS.decode(body)
    except openai_errors.JSON_PROBLEMS as problem:
        raise openai_errors.from_json_problem(problem) from None
    check_decimals(parameters, SAMPLING_DECIMALS)
    check_integers(parameters, INTEGERS)
    check_stop(parameters.stop)
    check_logit_bias(parameters.logit_bias)
    check_stream_options(parameters.stream_options, streams=parameters.stream is True)
    _check_best_of(parameters)
    _check_prompt(parameters.prompt)
    return CompletionsRequest(members, parameters)


def _check_best_of(parameters: CompletionParameters) -> None:
    if parameters.best_of is None:
        return
    if parameters.best_of < (parameters.n or 1):
        raise InvalidRequestError(
            "Invalid 'best_of': it must not be less than 'n'.",
            param="best_of",
            code="invalid_value",
        )
    if parameters.stream and parameters.best_of > 1:
        raise InvalidRequestError(
            "Invalid 'best_of': the best one is only known at the end, so it cannot be streamed.",
            param="best_of",
            code="invalid_value",
        )


def _check_prompt(prompt: str | Sequence[str | int | TokenIds]) -> None:
    """One text, or one text as token ids, or several of one kind."""
    if isinstance(prompt, str):
        return
    if not prompt:
        raise openai_errors.empty_array("prompt")
    kind = type(prompt[0])
    if kind is not int and len(prompt) > MAX_PROMPTS:
        raise openai_errors.array_too_long("prompt", MAX_PROMPTS, len(prompt))
    for index, each in enumerate(prompt):
        if not isinstance(each, kind):
            expected = "strings only, integers only, or arrays of integers only"
            raise openai_errors.invalid_type(f"prompt[{index}]", expected, None)


def _require_chat(request: CompletionsRequest) -> tuple[str, ...]:
    """The prompts, if a model that chats can answer them."""
    parameters = request.parameters
    if request.texts is None:
        raise InvalidRequestError(
            "Invalid value for 'prompt': token ids mean something to one model's tokenizer only. "
            "Send text.",
            param="prompt",
            code="unsupported_value",
        )
    if parameters.max_tokens == 0:
        raise openai_errors.out_of_range("max_tokens", 0, minimum=1, maximum=None, kind="integer")
    if parameters.suffix:
        raise _needs_own_endpoint("suffix")
    if (parameters.best_of or 1) > request.choices_per_prompt:
        raise _needs_own_endpoint("best_of")
    if parameters.echo and parameters.logprobs is not None:
        raise _needs_own_endpoint("logprobs", "together with 'echo' ")
    return request.texts


def _needs_own_endpoint(param: str, with_what: str = "") -> InvalidRequestError:
    return openai_errors.unsupported_parameter(
        param,
        f"'{param}' is not supported {with_what}with this model: its prompts are answered as chat.",
    )


def _sampling(parameters: CompletionParameters) -> Sampling:
    stop = parameters.stop
    return Sampling(
        temperature=parameters.temperature,
        top_p=parameters.top_p,
        max_output_tokens=parameters.max_tokens or DEFAULT_MAX_TOKENS,
        stop=(stop,) if isinstance(stop, str) else tuple(stop or ()),
        seed=parameters.seed,
        presence_penalty=parameters.presence_penalty,
        frequency_penalty=parameters.frequency_penalty,
        logit_bias=parameters.logit_bias,
        logprobs=parameters.logprobs is not None,
        top_logprobs=parameters.logprobs,
    )
