import os
from pathlib import Path

import pytest

from catalogue.secret_references import MissingSecretError, ProviderSecrets, resolve_secret
from wire.errors import UpstreamAuthError
from wire.specs import ProviderSpec, SecretReference


def provider(reference: SecretReference | None) -> ProviderSpec:
    return ProviderSpec(name="vendor", kind="openai", base_url="http://h/v1", api_key=reference)


@pytest.mark.requirement("catalogue:secrets:by-reference")
def test_a_key_is_read_from_the_environment_without_white_space() -> None:
    assert resolve_secret(SecretReference(env="KEY"), {"KEY": " sk-1\n"}) == "sk-1"


@pytest.mark.requirement("catalogue:secrets:by-reference")
def test_a_key_is_read_from_a_file_without_white_space(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("sk-2\n")

    assert resolve_secret(SecretReference(file=str(tmp_path / "key")), {}) == "sk-2"


@pytest.mark.requirement("catalogue:secrets:by-reference")
@pytest.mark.parametrize("value", [None, "", "  \n", "sk-1\nsk-2", "sk-\x07", "schlüssel"])
def test_a_variable_without_a_usable_key_names_provider_variable_and_remedy(
    value: str | None,
) -> None:
    environ = {} if value is None else {"KEY": value}

    with pytest.raises(MissingSecretError) as caught:
        resolve_secret(SecretReference(env="KEY"), environ, provider="vendor")

    assert str(caught.value).startswith(
        "provider 'vendor': no usable key in environment variable KEY; set it"
    )
    assert value is None or not value.strip() or value.strip() not in str(caught.value)


@pytest.mark.requirement("catalogue:secrets:by-reference")
@pytest.mark.parametrize("content", [None, b"", b"a\nb", b"\xff\xfe", b"k" * 70_000])
def test_a_file_without_a_usable_key_names_provider_and_file(
    tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "key"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(MissingSecretError) as caught:
        resolve_secret(SecretReference(file=str(path)), {}, provider="vendor")

    assert f"provider 'vendor': no usable key in file {path}; " in str(caught.value)


def test_a_path_no_file_can_have_is_a_missing_secret() -> None:
    with pytest.raises(MissingSecretError):
        resolve_secret(SecretReference(file="a\0b"), {})


def test_an_empty_reference_is_a_missing_secret() -> None:
    with pytest.raises(MissingSecretError):
        resolve_secret(SecretReference(), {})


def test_what_a_client_may_see_names_neither_variable_nor_file() -> None:
    with pytest.raises(UpstreamAuthError) as caught:
        resolve_secret(SecretReference(env="SECRET_PLACE"), {}, provider="vendor")

    info = caught.value.info()
    assert "SECRET_PLACE" not in info.message
    assert (info.status, info.code, info.should_retry) == (502, "upstream_credentials", False)


def test_a_provider_without_a_reference_needs_no_key() -> None:
    assert ProviderSecrets({})(provider(None)) is None


def test_keys_of_providers_come_from_the_given_environment() -> None:
    secrets = ProviderSecrets({"KEY": "sk-1"})

    assert secrets(provider(SecretReference(env="KEY"))) == "sk-1"


def test_a_key_file_is_not_read_again_while_it_stays_the_same(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("sk-1")
    state = path.stat()
    secrets = ProviderSecrets({})
    spec = provider(SecretReference(file=str(path)))
    first = secrets(spec)

    path.write_text("sk-2")
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))

    assert (first, secrets(spec)) == ("sk-1", "sk-1")


@pytest.mark.requirement("catalogue:secrets:by-reference")
def test_a_rotated_key_file_is_read_again(tmp_path: Path) -> None:
    path, fresh = tmp_path / "key", tmp_path / "fresh"
    path.write_text("sk-1")
    fresh.write_text("sk-2")
    secrets = ProviderSecrets({})
    spec = provider(SecretReference(file=str(path)))
    first = secrets(spec)

    fresh.replace(path)

    assert (first, secrets(spec)) == ("sk-1", "sk-2")


def test_a_key_file_that_went_away_is_missed(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("sk-1")
    secrets = ProviderSecrets({})
    spec = provider(SecretReference(file=str(path)))
    assert secrets(spec) == "sk-1"

    path.unlink()

    with pytest.raises(MissingSecretError):
        secrets(spec)
