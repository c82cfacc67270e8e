import os
from pathlib import Path

import pytest

from catalogue.massgen import folder as massgen_folder
from catalogue.massgen.folder import read_folder, signature


def test_yaml_files_are_found_at_every_depth_in_the_order_of_their_names(tmp_path: Path) -> None:
    for name in ("b.yaml", "a.yml", "deep/er/c.yaml", "notes.md", ".hidden.yaml", ".git/d.yaml"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)

    files = read_folder(tmp_path).files

    assert [file.name for file in files] == ["a", "b", "deep/er/c"]
    assert [file.data.decode() for file in files] == ["a.yml", "b.yaml", "deep/er/c.yaml"]


def test_a_mounted_config_map_is_each_of_its_files_once(tmp_path: Path) -> None:
    versions = tmp_path / "..2026"
    versions.mkdir()
    (versions / "one.yaml").write_text("x")
    (tmp_path / "..data").symlink_to(versions)
    (tmp_path / "one.yaml").symlink_to(tmp_path / "..data" / "one.yaml")

    assert [file.name for file in read_folder(tmp_path).files] == ["one"]


@pytest.mark.requirement("catalogue:massgen:inert")
def test_a_linked_folder_does_not_lead_out(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.yaml").write_text("x")
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "link").symlink_to(outside)

    assert read_folder(inside).files == ()


def test_what_cannot_be_read_is_told_with_the_name_it_would_have_had(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")

    content = read_folder(tmp_path)

    assert content.files == ()
    ((name, problem),) = content.problems
    assert (name, problem.message) == ("pipe", "is not a regular file")


def test_a_flood_of_files_is_cut_and_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(massgen_folder, "MAX_FILES", 3)
    for number in range(5):
        (tmp_path / f"{number}.yaml").write_text("x")

    content = read_folder(tmp_path)

    assert [file.name for file in content.files] == ["0", "1", "2"]
    assert content.problems[0][1].message.startswith("holds more than 3 YAML files")


def test_the_signature_changes_with_every_change_of_a_file(tmp_path: Path) -> None:
    one, two = tmp_path / "one.yaml", tmp_path / "two.yaml"
    seen = [signature(tmp_path)]

    one.write_text("x")
    seen.append(signature(tmp_path))
    one.write_text("xy")
    seen.append(signature(tmp_path))
    one.rename(two)
    seen.append(signature(tmp_path))

    assert len(set(seen)) == 4
    two.unlink()
    assert signature(tmp_path) == signature(tmp_path / "nowhere") == seen[0] == ()
