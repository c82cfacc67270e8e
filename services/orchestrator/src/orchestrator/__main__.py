"""`python -m orchestrator`: serve until told to stop, or bring the database to this version."""

from __future__ import annotations

import argparse
import gc
import sys

from orchestrator.app import SERVICE, create_app
from orchestrator.settings import OrchestratorSettings
from orchestrator.store.schema import MIGRATIONS
from service_kit.entrypoint import run
from service_kit.logging import configure_logging
from service_kit.server import Server, limits_of
from service_kit.settings import load_settings
from service_kit.sql import migrate

# Runs under way are some hundred thousand objects that nearly all die by themselves: by default the
# collector looks through all of them every few seconds, and every run waits a fifth of a second.
COLLECTOR_THRESHOLDS = (2_000, 2, 100)
# The store's thread needs the interpreter for microseconds, row by row; by default it waits 5 ms
# for each of them while the loop is busy.
SWITCH_INTERVAL_S = 0.0005


async def serve() -> None:
    """Run the process until it is told to stop."""
    settings = load_settings(OrchestratorSettings)
    configure_logging(SERVICE, settings.log_level, settings.log_format)
    application = create_app(settings)
    server = Server(
        application.listeners, lifecycle=application.lifecycle, limits=limits_of(settings)
    )
    _do_not_stall()
    await server.serve()


def _do_not_stall() -> None:
    """What is there now stays until the end: the collector need not look at it again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECTOR_THRESHOLDS)
    sys.setswitchinterval(SWITCH_INTERVAL_S)


async def migrate_database(back_to: str | None = None) -> None:
    """Bring the database to the newest revision, or back to an older one."""
    settings = load_settings(OrchestratorSettings)
    configure_logging(SERVICE, settings.log_level, settings.log_format)
    await migrate(settings.database_url, MIGRATIONS, back_to=back_to)


def main(arguments: list[str]) -> int:
    """Run the command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m orchestrator", description=__doc__)
    parser.add_argument("command", nargs="?", choices=["serve", "migrate"], default="serve")
    parser.add_argument(
        "--back-to", metavar="REVISION", help="migrate: undo every revision after this one"
    )
    chosen = parser.parse_args(arguments)
    back_to: str | None = chosen.back_to
    return run(SERVICE, serve if chosen.command == "serve" else lambda: migrate_database(back_to))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
