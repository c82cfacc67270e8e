from conclave_cli import exit_codes
from conclave_cli.errors import AlreadyRunningError, PortTakenError, ServiceFailedError


def test_a_failed_service_is_reported_with_its_last_lines():
    error = ServiceFailedError("gateway exited with status 1", ("first", "second"))

    assert error.message == ("gateway exited with status 1; its last lines:\n    first\n    second")


def test_a_silent_service_is_reported_without_lines():
    assert ServiceFailedError("gateway ended").message == "gateway ended"


def test_what_a_script_may_want_to_tell_apart_has_a_status_of_its_own():
    codes = {PortTakenError.exit_code, AlreadyRunningError.exit_code, exit_codes.FAILED}

    assert len(codes) == 3
