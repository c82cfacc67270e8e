import asyncio
import logging
from pathlib import Path

import pytest

from catalogue.configuration import Catalogue
from catalogue.problems import ConfigurationError
from catalogue.watcher import CatalogueWatcher

WAIT_S = 5
BAD = "version: 1\nmodels: {}\n"


class Seen:
    """The catalogues a watcher reported, in order."""

    def __init__(self) -> None:
        self.catalogues: list[Catalogue] = []
        self.arrived = asyncio.Event()

    def __call__(self, catalogue: Catalogue) -> None:
        self.catalogues.append(catalogue)
        self.arrived.set()

    @property
    def models(self) -> list[list[str]]:
        return [list(catalogue.models) for catalogue in self.catalogues]


def write(path: Path, text: str) -> None:
    path.write_text(text)


def remove(path: Path) -> None:
    path.unlink()


def lay_out_config_map(folder: Path, versions: dict[str, str]) -> None:
    """As Kubernetes mounts it: the file is a link through `..data` to a version's folder."""
    for version, text in versions.items():
        (folder / version).mkdir()
        (folder / version / "conclave.yaml").write_text(text)
    (folder / "..data").symlink_to(next(iter(versions)))
    (folder / "conclave.yaml").symlink_to("..data/conclave.yaml")


def swap_config_map(folder: Path, version: str) -> None:
    (folder / "..data_tmp").symlink_to(version)
    (folder / "..data_tmp").rename(folder / "..data")


@pytest.fixture(autouse=True)
def quick_settling(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("catalogue.watcher.SETTLE_S", 0.001)


@pytest.fixture
def file(tmp_path: Path, minimal: str) -> Path:
    path = tmp_path / "conclave.yaml"
    path.write_text(minimal)
    return path


@pytest.mark.requirement("catalogue:watch:change")
async def test_a_changed_file_is_taken_while_the_watcher_runs(file: Path, minimal: str) -> None:
    seen = Seen()
    watcher = CatalogueWatcher(file, seen, poll_s=0.01)
    before = watcher.version

    async with asyncio.timeout(WAIT_S), asyncio.TaskGroup() as tasks:
        running = tasks.create_task(watcher.run())
        write(file, f"{minimal}  third: {{provider: local}}\n")
        await seen.arrived.wait()
        running.cancel()

    assert seen.models == [["small", "large", "third"]]
    assert watcher.current is seen.catalogues[0]
    assert watcher.version != before


async def test_a_file_that_stays_the_same_is_not_reported(file: Path, minimal: str) -> None:
    seen = Seen()
    watcher = CatalogueWatcher(file, seen)
    current = watcher.current

    await watcher.check()
    write(file, minimal)
    await watcher.check()

    assert seen.catalogues == []
    assert watcher.current is current


@pytest.mark.requirement("catalogue:watch:change")
async def test_a_swapped_symlink_above_the_file_is_noticed(tmp_path: Path, minimal: str) -> None:
    third = f"{minimal}  third: {{provider: local}}\n"
    lay_out_config_map(tmp_path, {"v1": minimal, "v2": third})
    seen = Seen()
    watcher = CatalogueWatcher(tmp_path, seen)

    swap_config_map(tmp_path, "v2")
    await watcher.check()

    assert seen.models == [["small", "large", "third"]]


@pytest.mark.requirement("catalogue:watch:bad-refused")
async def test_a_bad_file_is_refused_said_so_once_and_the_old_one_kept(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    seen = Seen()
    watcher = CatalogueWatcher(file, seen)
    current = watcher.current

    write(file, BAD)
    await watcher.check()
    await watcher.check()

    assert watcher.current is current
    assert seen.catalogues == []
    assert watcher.last_error is not None
    fields = [problem.field for problem in watcher.last_error.problems]
    assert fields == ["providers", "models"]
    logged = [r.getMessage() for r in caplog.records if r.levelno == logging.ERROR]
    assert len(logged) == 2
    assert f"version {watcher.version} stays: {file}:1:1: providers: is required" in logged[0]


@pytest.mark.requirement("catalogue:watch:bad-refused")
async def test_a_mended_file_is_taken_and_the_error_forgotten(file: Path, minimal: str) -> None:
    seen = Seen()
    watcher = CatalogueWatcher(file, seen)
    write(file, BAD)
    await watcher.check()

    write(file, f"{minimal}  third: {{provider: local}}\n")
    await watcher.check()

    assert watcher.last_error is None
    assert seen.models == [["small", "large", "third"]]


async def test_a_file_put_back_as_it_was_clears_the_error_without_a_change(
    file: Path, minimal: str
) -> None:
    seen = Seen()
    watcher = CatalogueWatcher(file, seen)
    write(file, BAD)
    await watcher.check()

    write(file, minimal)
    await watcher.check()

    assert watcher.last_error is None
    assert seen.catalogues == []


@pytest.mark.requirement("catalogue:watch:bad-refused")
async def test_a_vanished_file_is_reported_once_and_may_come_back(
    file: Path, minimal: str, caplog: pytest.LogCaptureFixture
) -> None:
    watcher = CatalogueWatcher(file, Seen())
    current = watcher.current
    remove(file)
    await watcher.check()
    await watcher.check()
    error = watcher.last_error

    write(file, minimal)
    await watcher.check()

    assert error is not None
    assert "does not exist" in str(error)
    assert len([r for r in caplog.records if r.levelno == logging.ERROR]) == 1
    assert (watcher.current, watcher.last_error) == (current, None)


async def test_a_file_that_is_still_being_written_is_left_for_later(
    file: Path, minimal: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = Seen()
    watcher = CatalogueWatcher(file, seen)
    reads = 0

    def growing(_: Path) -> bytes:
        nonlocal reads
        reads += 1
        return f"{minimal}  m{reads}: {{provider: local}}\n".encode()

    with monkeypatch.context() as patch:
        patch.setattr("catalogue.watcher.read_configuration", growing)
        await watcher.check()
    unsettled = list(seen.catalogues)
    write(file, f"{minimal}  done: {{provider: local}}\n")
    await watcher.check()

    assert reads > 2
    assert unsettled == []
    assert seen.models == [["small", "large", "done"]]


async def test_a_flood_of_problems_is_cut_in_the_log_and_whole_in_the_error(
    file: Path, minimal: str, caplog: pytest.LogCaptureFixture
) -> None:
    watcher = CatalogueWatcher(file, Seen())
    write(file, minimal + "".join(f"  m{n}: {{provider: nobody}}\n" for n in range(100)))

    await watcher.check()

    assert watcher.last_error is not None
    assert len(watcher.last_error.problems) == 100
    logged = [r.getMessage() for r in caplog.records if r.levelno == logging.ERROR]
    assert (len(logged), logged[-1]) == (21, "configuration refused: 80 more problems")


def test_without_a_good_configuration_there_is_no_watcher(file: Path) -> None:
    write(file, BAD)

    with pytest.raises(ConfigurationError):
        CatalogueWatcher(file, lambda _: None)


def test_warnings_are_logged(file: Path, minimal: str, caplog: pytest.LogCaptureFixture) -> None:
    write(file, minimal.replace("/v1}", "/v1, api_key: {env: LOCAL_KEY}}"))

    CatalogueWatcher(file, lambda _: None, environ={})

    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "no usable key in environment variable LOCAL_KEY" in record.getMessage()


def test_replicas_with_the_same_text_have_the_same_version(
    file: Path, tmp_path: Path, minimal: str
) -> None:
    copy = tmp_path / "copy.yaml"
    copy.write_text(minimal)

    versions = {CatalogueWatcher(path, lambda _: None).version for path in (file, copy)}

    assert len(versions) == 1


MASSGEN = "agents: [{id: a, backend: {type: openai, model: m}}]\n"


@pytest.mark.requirement("catalogue:watch:change")
async def test_a_file_that_comes_to_the_massgen_folder_is_taken(file: Path, minimal: str) -> None:
    (file.parent / "imported").mkdir()
    write(file, f"{minimal}massgen: {{folder: imported, default_provider: local}}\n")
    seen = Seen()
    watcher = CatalogueWatcher(file, seen)
    await watcher.check()

    (file.parent / "imported" / "one.yaml").write_text(MASSGEN)
    await watcher.check()
    (file.parent / "imported" / "one.yaml").write_text("agents: 7\n")
    await watcher.check()

    assert [list(catalogue.panels) for catalogue in seen.catalogues] == [["massgen/one"], []]
    assert watcher.last_error is None
    assert "agents: must be a list" in str(watcher.current.warnings[-1])


async def test_a_flood_of_warnings_is_cut_in_the_log(
    file: Path, minimal: str, caplog: pytest.LogCaptureFixture
) -> None:
    (file.parent / "imported").mkdir()
    for number in range(30):
        (file.parent / "imported" / f"{number}.yaml").write_text("agents: 7\n")
    write(file, f"{minimal}massgen: {{folder: imported}}\n")

    watcher = CatalogueWatcher(file, Seen())

    assert len(watcher.current.warnings) == 60
    logged = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    assert len(logged) == 21
    assert logged[-1] == "configuration: 40 more; `conclave config check` tells them"
