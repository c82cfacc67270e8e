"""What the packages declare, read from their manifests."""

from pathlib import Path

import pytest
import workspace


def package(name: str, *dependencies: str) -> workspace.Package:
    return workspace.Package(Path(name), f"conclave-{name}", dependencies)


def test_requirements_of_libraries_reached_through_libraries_are_included() -> None:
    wire = package("wire", "msgspec>=0.19")
    catalogue = package("catalogue", "conclave-wire", "PyYAML")
    gateway = package("gateway", "conclave-catalogue", "fastapi")
    unrelated = package("compactor", "cryptography")

    wanted = workspace.outside_requirements([gateway], [wire, catalogue, gateway, unrelated])

    assert wanted == ["fastapi", "msgspec>=0.19", "PyYAML"]


def test_a_distribution_named_like_ours_that_is_not_in_the_checkout_is_refused() -> None:
    gateway = package("gateway", "conclave-telepathy")

    with pytest.raises(workspace.LayoutError, match="no package here is conclave-telepathy"):
        workspace.outside_requirements([gateway], [gateway])


@pytest.mark.parametrize(
    ("requirement", "name"),
    [
        ("PyYAML>=6", "pyyaml"),
        ("sqlalchemy[asyncio]>=2", "sqlalchemy"),
        ("typing_extensions", "typing-extensions"),
        ("uvloop>=0.21; sys_platform != 'win32'", "uvloop"),
    ],
)
def test_a_requirement_is_known_by_its_normalised_name(requirement: str, name: str) -> None:
    assert workspace.requirement_name(requirement) == name


def test_every_package_of_this_checkout_has_exactly_one_import_name() -> None:
    names = [package.import_name for package in workspace.packages()]

    assert "wire" in names
    assert len(names) == len(set(names))
