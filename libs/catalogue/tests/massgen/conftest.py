"""A folder of MassGen files beside a configuration, and what became of one file."""

from collections.abc import Callable
from pathlib import Path

import pytest

from catalogue.configuration import parse_catalogue
from catalogue.massgen.folder import MassGenFile
from catalogue.massgen.importing import ImportedFile, import_file
from catalogue.massgen.providers import Providers
from catalogue.records import MassGenRecord

CONFIGURATION = """\
version: 1
providers:
  openai: {kind: openai}
  anthropic: {kind: anthropic}
  google: {kind: openai-compatible, base_url: https://generativelanguage.googleapis.com/v1beta}
  fast: {kind: openai-compatible, base_url: https://api.cerebras.ai/v1}
  local: {kind: openai-compatible, base_url: http://127.0.0.1:9/v1}
models:
  gpt: {provider: openai, upstream_model: gpt-5.4, context_window_tokens: 4242}
  opus: {provider: anthropic, upstream_model: claude-opus-4-6}
"""

ImportText = Callable[..., ImportedFile]


def providers_of(settings: MassGenRecord) -> Providers:
    catalogue = parse_catalogue(CONFIGURATION.encode(), Path("conclave.yaml"))
    return Providers(settings, catalogue.providers, catalogue.models)


@pytest.fixture
def import_text() -> ImportText:
    """Import a text as `file.yaml`; keywords are those of the `massgen` record."""

    def import_one(text: str, **settings: object) -> ImportedFile:
        record = MassGenRecord.model_validate({"folder": ".", **settings})
        file = MassGenFile("file", "file.yaml", text.encode())
        return import_file(file, providers_of(record))

    return import_one
