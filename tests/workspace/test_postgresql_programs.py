"""PostgreSQL is found in PATH and where Debian hides it, newest first, and only when complete."""

from pathlib import Path

import pytest
from postgresql_programs import NEEDED, postgresql_programs


def installed(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True)
    for name in names:
        (folder / name).write_text("#!/bin/sh\n")
        (folder / name).chmod(0o755)
    return folder


@pytest.fixture(autouse=True)
def empty_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "path"))


def test_debians_newest_version_is_used(tmp_path: Path) -> None:
    installed(tmp_path / "9.6" / "bin", *NEEDED)
    newest = installed(tmp_path / "15" / "bin", *NEEDED)
    installed(tmp_path / "17" / "bin", "pg_ctl")

    assert postgresql_programs(tmp_path) == newest


def test_a_link_in_path_leads_to_the_other_programs(tmp_path: Path) -> None:
    real = installed(tmp_path / "opt", *NEEDED)
    (tmp_path / "path").mkdir()
    (tmp_path / "path" / "pg_ctl").symlink_to(real / "pg_ctl")

    assert postgresql_programs(tmp_path / "none") == real


def test_nothing_installed_is_nothing_found(tmp_path: Path) -> None:
    assert postgresql_programs(tmp_path) is None
