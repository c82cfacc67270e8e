"""The process put together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp
import pytest
from pydantic import SecretStr

from compactor.app import create_app
from compactor.keys import KeyRingError
from compactor.settings import CompactorSettings
from service_kit.settings import SettingsError
from services.compactor.tests.conversations import model, planted_conversation, written_chat
from services.compactor.tests.running import TOKEN, running_compactor
from wire.compaction import CompactRequest, OpenRequest
from wire.specs import CompactionSpec

if TYPE_CHECKING:
    from pathlib import Path


async def get(url: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        return response.status, await response.text()


async def test_it_is_ready_and_shows_its_metrics() -> None:
    async with running_compactor() as compactor:
        status, _ = await get(f"{compactor.operations_url}/readyz")
        _, metrics = await get(f"{compactor.operations_url}/metrics")

    assert status == 200
    assert "conclave_compactor_saved_usd_total" in metrics


async def test_without_a_key_file_items_outlive_a_restart_with_the_same_token() -> None:
    items = tuple(planted_conversation(30)[0])
    spec = CompactionSpec(level="extractive")
    request = CompactRequest(items=items, model=model(), mode="explicit", spec=spec)
    async with running_compactor() as before:
        made = await before.compact(request)
    async with running_compactor() as after:
        opened = await after.open(OpenRequest(items=made.items, model=model()))

    assert opened.level == "extractive"


async def test_blobs_go_to_the_directory_and_are_not_readable_there(tmp_path: Path) -> None:
    chat = [m for name in ("friends_a", "friends_b") for m in written_chat(name)[0]]
    spec = CompactionSpec(level="extractive")
    request = CompactRequest(items=tuple(chat), model=model(), mode="explicit", spec=spec)
    async with running_compactor(blob_dir=tmp_path) as compactor:
        made = await compactor.compact(request)

    blobs = _files(tmp_path)
    assert "history_thinned" in made.signals
    assert len(blobs) == 1
    assert b"Pepper" not in blobs[0]


def _files(directory: Path) -> list[bytes]:
    return [path.read_bytes() for path in directory.rglob("*") if path.is_file()]


async def test_a_bad_key_file_or_token_keeps_it_from_starting(tmp_path: Path) -> None:
    with pytest.raises(KeyRingError, match="cannot read"):
        create_app(
            CompactorSettings(
                installation_token=SecretStr(TOKEN), sealing_keys_file=tmp_path / "no"
            )
        )
    with pytest.raises(SettingsError):
        create_app(CompactorSettings())
