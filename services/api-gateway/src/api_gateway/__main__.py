"""`python -m api_gateway`: serve until told to stop, or `migrate` the database."""

from __future__ import annotations

import argparse
import sys

from api_gateway.app import SERVICE, create_app
from api_gateway.settings import GatewaySettings
from api_gateway.stores.tables import MIGRATIONS
from catalogue import ConfigurationError, format_problems
from service_kit import collector
from service_kit.entrypoint import run
from service_kit.lifecycle import StartupError
from service_kit.logging import configure_logging
from service_kit.server import Server, limits_of
from service_kit.settings import load_settings
from service_kit.sql import migrate


async def serve() -> None:
    """Run the process until it is told to stop.

    Raises:
        StartupError: a setting or the configuration is wrong; the message says which.
    """
    settings = load_settings(GatewaySettings)
    configure_logging(SERVICE, settings.log_level, settings.log_format)
    try:
        application = create_app(settings)
    except ConfigurationError as error:
        raise StartupError(format_problems(error.problems)) from None
    server = Server(
        application.listeners, lifecycle=application.lifecycle, limits=limits_of(settings)
    )
    collector.settle()
    await server.serve()


async def migrate_database(back_to: str | None = None) -> None:
    """Bring the database to this version's tables, or back to those of an older one."""
    settings = load_settings(GatewaySettings)
    configure_logging(SERVICE, settings.log_level, settings.log_format)
    await migrate(settings.database_url, MIGRATIONS, back_to=back_to)


def main(arguments: list[str]) -> int:
    """Run the command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m api_gateway", description=__doc__)
    parser.add_argument("command", nargs="?", choices=["migrate", "serve"], default="serve")
    parser.add_argument(
        "--back-to", metavar="REVISION", help="migrate: undo every revision after this one"
    )
    chosen = parser.parse_args(arguments)
    back_to: str | None = chosen.back_to
    return run(SERVICE, serve if chosen.command == "serve" else lambda: migrate_database(back_to))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
