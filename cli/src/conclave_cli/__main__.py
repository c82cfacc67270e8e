"""The `conclave` command."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from conclave_cli import exit_codes
from conclave_cli.arguments import parser
from conclave_cli.errors import CliError

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status."""
    parsed = parser().parse_args(arguments)
    try:
        return parsed.command(parsed)
    except CliError as error:
        sys.stderr.write(f"conclave: {error.message}\n")
        return error.exit_code
    except BrokenPipeError:  # `conclave models | head -1`
        return exit_codes.FAILED
    except KeyboardInterrupt:
        return exit_codes.KILLED


if __name__ == "__main__":
    sys.exit(main())
