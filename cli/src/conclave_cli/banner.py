"""What `conclave run` says when everything is ready: all that is needed for a first answer."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_QUESTION = "Which three habits make a codebase pleasant to work in?"


@dataclass(frozen=True, slots=True)
class OfferedModel:
    """One public name; `agents` is the size of a panel and 0 for a plain model."""

    name: str
    agents: int = 0

    def described(self) -> str:
        return f"{self.name} (panel of {self.agents})" if self.agents else self.name


@dataclass(frozen=True, slots=True)
class Offer:
    base_url: str
    api_key: str
    api_key_file: Path
    admin_url: str
    admin_key_file: Path
    metrics_url: str
    models: tuple[OfferedModel, ...]
    providers: str
    started_after_s: float


def banner(offer: Offer) -> str:
    """Plain text to read and to copy from."""
    models = ", ".join(model.described() for model in offer.models)
    return f"""
Conclave is ready after {offer.started_after_s:.1f} s.

  Base URL   {offer.base_url}
  API key    {offer.api_key}
             (kept in {offer.api_key_file})
  Models     {models}
  Providers  {offer.providers}
  Admin API  {offer.admin_url}  (key in {offer.admin_key_file})
  Metrics    {offer.metrics_url}

Try it:

{example_command(offer)}

Stop with Ctrl-C; a second Ctrl-C does not wait.
"""


def example_command(offer: Offer) -> str:
    """A line that works when pasted into a shell, and streams."""
    body = {
        "model": _first_choice(offer.models),
        "stream": True,
        "messages": [{"role": "user", "content": _QUESTION}],
    }
    return (
        f"  curl -N {offer.base_url}/chat/completions \\\n"
        f"    -H {shlex.quote(f'Authorization: Bearer {offer.api_key}')} \\\n"
        "    -H 'Content-Type: application/json' \\\n"
        f"    -d {shlex.quote(json.dumps(body))}"
    )


def _first_choice(models: tuple[OfferedModel, ...]) -> str:
    """A panel, because that is what this is for."""
    panels = [model.name for model in models if model.agents]
    return [*panels, *(model.name for model in models)][0]
