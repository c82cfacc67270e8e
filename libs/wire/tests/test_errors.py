"""The error tree, its envelope, and its form between processes."""

from __future__ import annotations

import re

import msgspec
import pytest

from wire import errors
from wire.errors import ErrorInfo, PlatformError, ProviderError, RemoteError


def tree(root: type[PlatformError]) -> list[type[PlatformError]]:
    return [root, *(each for child in root.__subclasses__() for each in tree(child))]


def an_error(error_type: type[PlatformError]) -> PlatformError:
    if error_type is errors.ModelNotFoundError:
        return errors.ModelNotFoundError("gpt-none")
    if issubclass(error_type, ProviderError):
        return error_type("it failed", provider="sim")
    return error_type("it failed")


OWN = [error for error in tree(PlatformError) if error.__module__ == "wire.errors"]
RAISED = [error for error in OWN if error is not RemoteError]


@pytest.mark.requirement("wire:errors:envelope")
@pytest.mark.parametrize("error_type", RAISED)
def test_every_error_has_the_four_keys_of_the_envelope(error_type: type[PlatformError]) -> None:
    written = msgspec.json.encode(an_error(error_type).info().envelope())

    assert set(msgspec.json.decode(written)["error"]) == {"message", "type", "param", "code"}


@pytest.mark.requirement("wire:errors:envelope")
@pytest.mark.parametrize("error_type", RAISED)
def test_every_telemetry_type_names_a_fault_domain(error_type: type[PlatformError]) -> None:
    assert re.fullmatch("(caller|policy|provider|platform)_[a-z_]+", error_type.error_type)


@pytest.mark.parametrize("error_type", RAISED)
def test_the_fault_domain_agrees_with_the_branch(error_type: type[PlatformError]) -> None:
    domains = {
        errors.CallerError: "caller_",
        errors.PolicyError: "policy_",
        errors.ProviderError: "provider_",
        errors.PlatformFaultError: "platform_",
    }

    branch = [prefix for base, prefix in domains.items() if issubclass(error_type, base)]

    assert error_type.error_type.startswith(branch[0] if branch else "platform_")


@pytest.mark.parametrize("error_type", RAISED)
def test_the_tree_at_the_top_of_the_module_shows_the_status(
    error_type: type[PlatformError],
) -> None:
    line = re.search(
        rf"^ *{error_type.__name__}\s+(\d+)?", errors.__doc__ or "", flags=re.MULTILINE
    )

    assert line is not None
    assert line[1] is None or int(line[1]) == error_type.status


@pytest.mark.parametrize("error_type", RAISED)
def test_an_error_of_another_service_keeps_everything(error_type: type[PlatformError]) -> None:
    info = an_error(error_type).info()
    travelled = msgspec.json.decode(msgspec.json.encode(info), type=ErrorInfo)

    assert RemoteError(travelled).info() == info


def test_code_param_and_retry_delay_of_one_case_override_the_class() -> None:
    error = errors.InvalidRequestError(
        "bad", param="messages[0].role", code="invalid_value", retry_after_s=1.5
    )

    info = error.info()

    assert (info.param, info.code, info.retry_after_s) == ("messages[0].role", "invalid_value", 1.5)
    assert errors.InvalidRequestError.code is None


def test_an_unknown_model_is_named_but_not_at_any_length() -> None:
    info = errors.ModelNotFoundError("x" * 5000).info()

    assert info.status == 404
    assert info.code == "model_not_found"
    assert len(info.message) < 400


def test_only_errors_that_waiting_cannot_mend_forbid_a_retry() -> None:
    refuses = {error.__name__ for error in RAISED if error.should_retry is False}

    assert "RateLimitedError" not in refuses
    assert "UpstreamError" not in refuses
    assert {"QuotaExhaustedError", "UpstreamRejectedError", "AuthenticationError"} <= refuses


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ("sim limits our rate", "sim limits our rate. Please try again in 1.5s."),
        ("Too fast!", "Too fast! Please try again in 1.5s."),
        ("Please try again later.", "Please try again later."),
    ],
)
def test_how_long_to_wait_stands_in_the_words_too(message: str, told: str) -> None:
    info = errors.RateLimitedError(message, retry_after_s=1.5).info()

    assert info.envelope().error.message == told
