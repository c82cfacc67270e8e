"""What a replica's process does: the orchestrator's own `main`, in an environment of its own."""

import os
import sys
from collections.abc import Mapping

from orchestrator.__main__ import main


def serve(environment: Mapping[str, str]) -> None:
    """Until told to stop; its exit code is the process's."""
    os.environ.clear()  # noqa: TID251 - the process is ours alone
    os.environ.update(environment)  # noqa: TID251 - the process is ours alone
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    sys.exit(main([]))
