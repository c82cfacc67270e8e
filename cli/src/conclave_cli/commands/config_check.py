"""`conclave config check FILE`: right, or every problem with its place and its fix."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from catalogue import ConfigurationError, format_problems, load_catalogue
from conclave_cli import exit_codes
from conclave_cli.settings import inherited_environment

if TYPE_CHECKING:
    from pathlib import Path


def check_config(path: Path) -> int:
    """Print what is wrong, or what is there; the exit status."""
    try:
        catalogue = load_catalogue(path, environ=inherited_environment())
    except ConfigurationError as error:
        count = len(error.problems)
        sys.stdout.write(f"{format_problems(error.problems)}\n")
        sys.stderr.write(f"conclave: {path}: {count} problem{'s' if count != 1 else ''}\n")
        return exit_codes.FAILED
    if catalogue.warnings:
        sys.stdout.write(f"{format_problems(catalogue.warnings)}\n")
    sys.stdout.write(
        f"{path}: right; {len(catalogue.providers)} providers, {len(catalogue.models)} models, "
        f"{len(catalogue.panels)} panels\n"
    )
    return exit_codes.OK
