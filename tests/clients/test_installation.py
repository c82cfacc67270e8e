"""Clients are installed once per set of pins; what cannot be had is said, not raised as a bug."""

from pathlib import Path

import pytest

from tests.clients import installation
from tests.clients.installation import Client, NotInstallableError, install


@pytest.fixture(autouse=True)
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installation, "CACHE", tmp_path)


def test_a_client_that_cannot_be_installed_is_named_with_the_reason():
    impossible = Client("impossible", "py", ("no requirement at all",))

    with pytest.raises(NotInstallableError, match=r"impossible: .*no requirement"):
        install(impossible)


def test_the_same_pins_are_not_installed_again():
    nothing = Client("nothing", "py", ("--no-index",))
    nothing.folder.mkdir(parents=True)
    (nothing.folder / "installed-pins.txt").write_text("--no-index")

    install(nothing)

    assert not nothing.command("python").exists()
