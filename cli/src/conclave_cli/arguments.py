"""The command line: which commands there are and what they take.

Each command's module is imported when it is called: `conclave --help` loads none of them.
"""

from __future__ import annotations

import argparse
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from conclave_cli import exit_codes

if TYPE_CHECKING:
    # argparse has no public name for it.
    _Subcommands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]


def parser() -> argparse.ArgumentParser:
    """`parse_args` leaves a callable in `command` that takes the parsed arguments."""
    root = argparse.ArgumentParser(
        prog="conclave",
        description="Run Conclave on this machine, ask it, look at it.",
        epilog=exit_codes.EXPLANATION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    root.add_argument("--version", action="version", version=f"conclave {version('conclave-cli')}")
    commands = root.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_run(commands)
    _add_config(commands)
    _add_status(commands)
    _add_models(commands)
    _add_chat(commands)
    _add_runs(commands)
    _add_compact(commands)
    return root


def _add_run(commands: _Subcommands) -> None:
    command = commands.add_parser(
        "run",
        help="start every service on this machine",
        description="Start gateway, orchestrator, compactor and, when no provider is configured, "
        "provider-sim. Ctrl-C stops them within 5 s; a second Ctrl-C kills them.",
        epilog="environment: CONCLAVE_PORT (8000), CONCLAVE_CONFIG (conclave.yaml), "
        "CONCLAVE_STATE_DIR (.conclave), CONCLAVE_LOG_LEVEL, CONCLAVE_LOG_FORMAT, "
        "OPENAI_API_KEY. Settings of single services (GATEWAY_*, ORCHESTRATOR_*, COMPACTOR_*) "
        "are passed on.",
    )
    command.set_defaults(command=_run)


def _add_config(commands: _Subcommands) -> None:
    config = commands.add_parser("config", help="work with conclave.yaml")
    actions = config.add_subparsers(title="actions", metavar="ACTION", required=True)
    check = actions.add_parser(
        "check",
        help="say whether a configuration is right, and if not, where and what to do",
        description="Each problem is one line: file:line:column: field: what is wrong (fix). "
        "Exit status 1 when there is one; warnings leave it 0.",
    )
    check.add_argument("file", type=Path, metavar="FILE", help="conclave.yaml, or its directory")
    check.set_defaults(command=_config_check)


def _add_status(commands: _Subcommands) -> None:
    command = commands.add_parser(
        "status",
        help="whether the services of this machine are ready",
        description="Asks the probes of the services at CONCLAVE_PORT. Exit status 1 unless all "
        "are ready.",
    )
    command.set_defaults(command=_status)


def _add_models(commands: _Subcommands) -> None:
    command = commands.add_parser("models", help="list the models and panels on offer")
    _add_endpoint(command)
    command.set_defaults(command=_models)


def _add_chat(commands: _Subcommands) -> None:
    command = commands.add_parser(
        "chat",
        help="ask one question",
        description="The answer goes to standard output, what the panel is doing to standard "
        "error.",
    )
    command.add_argument("text", metavar="TEXT", help="the question; - reads standard input")
    command.add_argument("--model", default="council", help="default: %(default)s")
    command.add_argument("--system", help="a system message before the question")
    command.add_argument(
        "--no-stream", dest="stream", action="store_false", help="print the answer when it is whole"
    )
    command.add_argument("--quiet", action="store_true", help="only the answer, no progress")
    _add_endpoint(command)
    command.set_defaults(command=_chat)


def _add_runs(commands: _Subcommands) -> None:
    runs = commands.add_parser("runs", help="look at what panels did")
    actions = runs.add_subparsers(title="actions", metavar="ACTION", required=True)
    show = actions.add_parser(
        "show",
        help="how a panel came to its answer",
        description="Decision, timeline and upstream calls of one run.",
    )
    show.add_argument("id", metavar="ID", help="of a run, a request or a completion")
    show.add_argument("--answers", action="store_true", help="with the agents' answers")
    show.add_argument("--json", action="store_true", help="the whole record as JSON")
    _add_endpoint(show)
    show.set_defaults(command=_runs_show)


def _add_compact(commands: _Subcommands) -> None:
    command = commands.add_parser(
        "compact",
        help="make a conversation smaller and show by how much",
        description="FILE is a JSON list of messages or Responses items, or a request that holds "
        "one. Prints what it weighs before and after.",
    )
    command.add_argument("file", type=Path, metavar="FILE")
    command.add_argument("--model", default="council", help="for whom; default: %(default)s")
    command.add_argument("--output", type=Path, help="write the compacted items to this file")
    _add_endpoint(command)
    command.set_defaults(command=_compact)


def _add_endpoint(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--base-url", help="default: CONCLAVE_BASE_URL, else this machine's `conclave run`"
    )


def _run(_: argparse.Namespace) -> int:
    from conclave_cli.commands.run import run_platform  # noqa: PLC0415 - see the module's docstring

    return run_platform()


def _config_check(parsed: argparse.Namespace) -> int:
    from conclave_cli.commands.config_check import check_config  # noqa: PLC0415

    return check_config(parsed.file)


def _status(_: argparse.Namespace) -> int:
    from conclave_cli.commands.status import show_status  # noqa: PLC0415

    return show_status()


def _models(parsed: argparse.Namespace) -> int:
    from conclave_cli.commands.models import show_models  # noqa: PLC0415

    return show_models(parsed.base_url)


def _chat(parsed: argparse.Namespace) -> int:
    from conclave_cli.commands.chat import Question, ask  # noqa: PLC0415

    return ask(
        Question(
            text=parsed.text,
            model=parsed.model,
            system=parsed.system,
            stream=parsed.stream,
            show_progress=not parsed.quiet,
        ),
        parsed.base_url,
    )


def _runs_show(parsed: argparse.Namespace) -> int:
    from conclave_cli.commands.runs_show import show_run  # noqa: PLC0415

    return show_run(parsed.id, parsed.base_url, as_json=parsed.json, answers=parsed.answers)


def _compact(parsed: argparse.Namespace) -> int:
    from conclave_cli.commands.compact import compact_file  # noqa: PLC0415

    return compact_file(parsed.file, parsed.model, parsed.base_url, output=parsed.output)
