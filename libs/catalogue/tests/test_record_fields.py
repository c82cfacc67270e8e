import pytest
from pydantic import TypeAdapter, ValidationError

from catalogue.record_fields import (
    EVERY_PANEL,
    ApiVersion,
    FolderPath,
    PanelNames,
    UsageLookup,
    is_public_name,
    is_short_name,
)


@pytest.mark.parametrize("name", ["a", "gpt-5.4", "vendor/Qwen/Qwen3:32b", "a@b+c", "9"])
def test_names_that_clients_can_ask_for(name: str) -> None:
    assert is_public_name(name)


@pytest.mark.parametrize("name", ["", "-a", "a b", "a//b", "a/", "ü", "a\n", "a" * 201, "../a"])
def test_names_that_nobody_could_ask_for(name: str) -> None:
    assert not is_public_name(name)


def test_a_short_name_has_no_slash_and_no_colon() -> None:
    assert is_short_name("agent_1.b-2")
    assert not any(map(is_short_name, ["a/b", "a:b", "", "a" * 65]))


@pytest.mark.parametrize("version", ["2024-10-21", "2025-01-01-preview", "v1", "preview"])
def test_versions_of_azures_api_are_taken(version: str) -> None:
    assert TypeAdapter(ApiVersion).validate_python(version) == version


@pytest.mark.parametrize("version", ["", "2024", "2024-10-21&x=1", "1.0"])
def test_other_texts_are_no_version_of_azures_api(version: str) -> None:
    with pytest.raises(ValidationError, match="is not a version"):
        TypeAdapter(ApiVersion).validate_python(version)


@pytest.mark.parametrize("path", ["/usage/{request_id}", "/v2/calls/{request_id}/cost"])
def test_a_look_up_of_usage_is_a_path_with_a_place_for_the_id(path: str) -> None:
    assert TypeAdapter(UsageLookup).validate_python(path) == path


@pytest.mark.parametrize(
    "path",
    [
        "",
        "usage/{request_id}",
        "/usage",
        "/{request_id}/{request_id}",
        "/{id}",
        "/{request_id}?k=1",
    ],
)
def test_other_texts_are_no_look_up_of_usage(path: str) -> None:
    with pytest.raises(ValidationError, match="one place for the request's id"):
        TypeAdapter(UsageLookup).validate_python(path)


@pytest.mark.parametrize("path", ["", "  ", "a\0b", "a\nb"])
def test_a_folder_is_named_by_a_path(path: str) -> None:
    with pytest.raises(ValidationError, match="is not a path"):
        TypeAdapter(FolderPath).validate_python(path)


def test_all_stands_for_every_panel_with_and_without_brackets() -> None:
    panels: TypeAdapter[list[str]] = TypeAdapter(PanelNames)

    assert panels.validate_python("all") == panels.validate_python(["all"]) == [EVERY_PANEL]
    with pytest.raises(ValidationError):
        panels.validate_python([])
