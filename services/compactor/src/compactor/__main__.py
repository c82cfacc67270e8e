"""`python -m compactor`: read the settings, put the process together, serve until told to stop."""

from __future__ import annotations

import argparse
import gc
import sys

from compactor.app import create_app
from compactor.settings import CompactorSettings
from service_kit.entrypoint import run
from service_kit.logging import configure_logging
from service_kit.server import Server, limits_of
from service_kit.settings import load_settings

SERVICE = "compactor"
# Condensing makes some hundred thousand objects that all live to its end and then die together:
# by default a third of its time goes into looking for garbage among them.
COLLECTOR_THRESHOLDS = (100_000, 20, 20)


async def serve() -> None:
    """Run the process until it is told to stop."""
    gc.set_threshold(*COLLECTOR_THRESHOLDS)
    settings = load_settings(CompactorSettings)
    configure_logging(SERVICE, settings.log_level, settings.log_format)
    application = create_app(settings)
    server = Server(
        application.listeners, lifecycle=application.lifecycle, limits=limits_of(settings)
    )
    await server.serve()


def main(arguments: list[str]) -> int:
    """Run the command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m compactor", description=__doc__)
    parser.add_argument("command", nargs="?", choices=["serve"], default="serve")
    parser.parse_args(arguments)
    return run(SERVICE, serve)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
