"""Migrated databases: SQLite's are migrated once a process and copied from then on."""

import asyncio
from pathlib import Path

from service_kit.sql import async_url, migrate

_templates: dict[str, bytes] = {}


async def migrated(url: str, migrations: str | Path) -> None:
    """Bring an empty database to the newest revision, as `migrate` does."""
    parsed = async_url(url)
    if parsed.get_backend_name() != "sqlite" or not parsed.database:
        await migrate(url, migrations)
        return
    path, key = Path(parsed.database), str(migrations)
    if key in _templates:
        path.write_bytes(_templates[key])  # noqa: ASYNC240  a page cache away
        return
    await migrate(url, migrations)
    # The last connection that closed has folded the write-ahead log into the file.
    _templates[key] = await asyncio.to_thread(path.read_bytes)
