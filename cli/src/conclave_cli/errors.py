"""Why a command could not do what it was asked.

CliError                       1  a message for people, and an exit status
  SettingsError                2  a CONCLAVE_* variable is wrong
  ConfigurationRefusedError    1  conclave.yaml has problems
  PortTakenError               3
  AlreadyRunningError          4
  StateDirectoryError          1
  ServiceFailedError           1  a service did not start
  RequestFailedError           1  the endpoint refused, failed or is not there
"""

from __future__ import annotations

from conclave_cli import exit_codes


class CliError(Exception):
    """Shown as `conclave: <message>`, without a traceback."""

    exit_code = exit_codes.FAILED

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class SettingsError(CliError):
    exit_code = exit_codes.USAGE


class ConfigurationRefusedError(CliError):
    pass


class PortTakenError(CliError):
    exit_code = exit_codes.PORT_TAKEN


class AlreadyRunningError(CliError):
    exit_code = exit_codes.ALREADY_RUNNING


class StateDirectoryError(CliError):
    pass


class ServiceFailedError(CliError):
    """`tail` is the last the service said, for the report."""

    def __init__(self, message: str, tail: tuple[str, ...] = ()) -> None:
        told = "\n".join(["; its last lines:", *(f"    {line}" for line in tail)]) if tail else ""
        super().__init__(message + told)
        self.tail = tail


class RequestFailedError(CliError):
    pass
