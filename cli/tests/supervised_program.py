"""What `conclave run` is after its preparations, with fake services.

    python supervised_program.py NAME:PORT:STEP,STEP...

Prints READY when all are, and exits as the supervisor says.
"""

import asyncio
import os
import sys
from pathlib import Path

from conclave_cli.errors import CliError
from conclave_cli.foreground import supervise
from conclave_cli.supervised_service import ServicePlan
from conclave_cli.supervisor import Timing

FAKE_SERVICE = Path(__file__).with_name("fake_service.py")


def plan(described: str) -> ServicePlan:
    name, port, steps = described.split(":", 2)
    interpreter = (sys.executable, "-S", str(FAKE_SERVICE), port)
    return ServicePlan(
        name=name,
        arguments=(*interpreter, *filter(None, steps.split(","))),
        environment={"PATH": os.defpath},
        ready_url=f"http://127.0.0.1:{port}/readyz",
    )


def main(described: list[str]) -> int:
    plans = [plan(one) for one in described]
    try:
        return asyncio.run(supervise(plans, Timing(), lambda: "READY", ["warning: mind the gap"]))
    except CliError as error:
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
