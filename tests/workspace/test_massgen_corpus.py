"""The corpus command imports a wheel in place, and notices what reaches outside."""

import sys
import zipfile
from pathlib import Path

import massgen_corpus
import pytest
from massgen_corpus import import_all, main, read_files

from catalogue.massgen.folder import MassGenFile

GOOD = "agents: [{id: a, backend: {type: openai, model: m}}]"
BAD = "agents: [{id: a, backend: {type: nobody, model: m}}]"


def wheel_of(folder: Path, **files: str) -> Path:
    path = folder / "massgen-1.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for name, text in files.items():
            wheel.writestr(f"massgen/configs/{name}.yaml", text)
        wheel.writestr("massgen/code.py", "raise SystemExit(9)")
    return path


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["massgen_corpus.py", *map(str, arguments)])
    return main()


@pytest.mark.requirement("catalogue:massgen:mapped")
def test_the_table_tells_how_many_load_and_why_others_do_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    wheel = wheel_of(tmp_path, one=GOOD, two=GOOD, bad=BAD)

    status = run(monkeypatch, wheel)

    told = capsys.readouterr().out
    assert status == 1
    assert "3 YAML files" in told
    assert "loaded      2   66.7 %" in told
    assert "no provider stands for the backend type 'nobody'" in told
    assert "massgen/configs/bad.yaml:1:34: agents[0].backend.type" in told
    assert run(monkeypatch, wheel, "--bar", "0.6") == 0


def test_a_wheel_and_its_unpacked_folder_are_the_same(tmp_path: Path) -> None:
    wheel = wheel_of(tmp_path, one=GOOD, bad=BAD)
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "unpacked")

    assert list(read_files(wheel)) == list(read_files(tmp_path / "unpacked"))


@pytest.mark.requirement("catalogue:massgen:inert")
def test_whatever_reaches_outside_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [MassGenFile("one", "one.yaml", GOOD.encode())]
    real = massgen_corpus.import_file

    def curious(file: MassGenFile, *rest: object) -> object:
        (tmp_path / "touched").write_text("x")
        return real(file, *rest)  # type: ignore[arg-type]

    _, quiet = import_all(files)
    monkeypatch.setattr(massgen_corpus, "import_file", curious)
    _, loud = import_all(files)

    assert quiet == []
    assert "open" in loud
