"""Settings, all from the command line: a simulator has no secrets and no environment."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from provider_sim.profiles import Overrides, no_overrides, parse_profile
from provider_sim.wire_errors import WireError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

DEFAULT_WINDOW_TOKENS = 128_000
LISTED_MODELS = ("sim", "sim-reason", "sim-embed")

_DESCRIPTION = "Stands in for model vendors in development, tests and load tests."
_EPILOG = """\
profiles  key=value,flag,... select latency and faults per request:
  base URL       http://127.0.0.1:8090/p/ttft=50,call=250/v1
  model name     sim@fault=429,retry_after=2
  rules          POST /_rules  [{"match": {"kind": "ballot"}, "profile": {"fault": "500"}}]
record    GET /_record, /_record/{id}, /_count; DELETE /_record
The README has every key, fault and field.
"""


@dataclass(frozen=True, slots=True)
class Settings:
    host: str = "127.0.0.1"
    port: int = 8090
    """0 takes a free port and says which."""
    models: tuple[str, ...] = ()
    """The only models that exist; empty: every name is one."""
    api_key: str | None = None
    default_window_tokens: int = DEFAULT_WINDOW_TOKENS
    window_tokens: Mapping[str, int] = field(default_factory=dict[str, int])
    """Context windows by model."""
    profile: Overrides = field(default_factory=no_overrides)
    """Latency and faults of requests that do not say otherwise."""
    seed: int = 0
    embedding_dimensions: int = 256
    keep_records: int = 100_000
    keep_bodies: bool = False
    cache_blocks: int = 16_384
    most_body_bytes: int = 64 * 1024 * 1024
    refuse_unknown_fields: bool = False
    shutdown_grace_s: float = 0.2


def parse_settings(arguments: Sequence[str] | None = None) -> Settings:
    """Read the command line; a bad value ends the program with its usage."""
    parser = _parser()
    given = parser.parse_args(arguments)
    try:
        latency = f"ttft={given.ttft_ms},itl={given.inter_token_ms}"
        profile = {**parse_profile(latency), **parse_profile(given.profile)}
    except WireError as error:
        parser.error(str(error))
    default, windows = _windows(parser, given.context_window)
    return Settings(
        host=given.host,
        port=given.port,
        models=tuple(filter(None, given.models.split(","))),
        api_key=given.api_key,
        default_window_tokens=default,
        window_tokens=windows,
        profile=profile,
        seed=given.seed,
        embedding_dimensions=given.embedding_dimensions,
        keep_records=given.keep_records,
        keep_bodies=given.keep_bodies,
        refuse_unknown_fields=given.refuse_unknown_fields,
    )


def _windows(parser: argparse.ArgumentParser, given: list[str]) -> tuple[int, dict[str, int]]:
    default = DEFAULT_WINDOW_TOKENS
    windows: dict[str, int] = {}
    for entry in given:
        model, _, tokens = entry.rpartition("=")
        if not tokens.isdigit():
            parser.error(f"--context-window wants N or MODEL=N, not {entry!r}")
        if model:
            windows[model] = int(tokens)
        else:
            default = int(tokens)
    return default, windows


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="provider-sim",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen on (default %(default)s)")
    add("--port", type=int, default=8090, help="0 takes a free one (default %(default)s)")
    add("--models", default="", metavar="A,B", help="only these exist (default: any name)")
    add("--api-key", metavar="K", help="refuse any other bearer with 401 (default: accept all)")
    add(
        "--context-window",
        action="append",
        default=[],
        metavar="[MODEL=]N",
        help=f"tokens a prompt may have, repeatable (default {DEFAULT_WINDOW_TOKENS})",
    )
    add("--ttft-ms", type=float, default=30.0, help="to the first token (default %(default)s)")
    add("--inter-token-ms", type=float, default=2.0, help="between tokens (default %(default)s)")
    add("--profile", default="", metavar="KEY=VALUE,...", help="profile of every request")
    add("--seed", type=int, default=0, help="of stragglers, jitter and fault probabilities")
    add("--embedding-dimensions", type=int, default=256, help="default %(default)s")
    add("--keep-records", type=int, default=100_000, metavar="N", help="default %(default)s")
    add("--keep-bodies", action="store_true", help="keep request bodies for /_record?bodies=true")
    add("--refuse-unknown-fields", action="store_true", help="400 for them, as OpenAI does")
    return parser
