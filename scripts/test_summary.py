"""Run every suite, then say in one table what passed, failed or was skipped and why.

A suite is one line in SUITES and a make target of its own. A suite that misses something on this
machine is skipped with the reason; with CI=true nothing may be missing, so that is a failure.
"""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from postgresql_programs import without_postgresql
from workspace import ROOT

Outcome = Literal["passed", "FAILED", "skipped"]
_PYTEST_CLOSING = re.compile(r"\d+ (?:passed|failed|error|skipped|deselected).* in [\d.]+s")
_ANSI = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True, slots=True)
class Suite:
    """One make target. `missing` says what this machine lacks for it, or None."""

    target: str
    ci_only: bool = False
    missing: Callable[[], str | None] = lambda: None


@dataclass(frozen=True, slots=True)
class Result:
    """How one suite ended."""

    suite: Suite
    outcome: Outcome
    detail: str
    seconds: float = 0.0


def without_program(*names: str) -> Callable[[], str | None]:
    """A `missing` for suites that start a server or a tool of this machine."""

    def missing() -> str | None:
        absent = [name for name in names if shutil.which(name) is None]
        return f"not installed: {', '.join(absent)}" if absent else None

    return missing


SUITES = (
    Suite("check"),
    Suite("test-unit"),
    Suite("test-postgres", missing=without_postgresql),
    Suite("test-system"),
    Suite("test-slow", ci_only=True),
    Suite("test-thorough", ci_only=True),
    Suite("test-fuzz", ci_only=True),
)


def main() -> int:
    """Run all suites even when one fails; 1 if any failed."""
    in_ci = os.environ.get("CI") == "true"
    results = [run_suite(suite, in_ci=in_ci) for suite in SUITES]
    print("\n" + "=" * 30 + " summary " + "=" * 30)
    for result in results:
        shown = f"{result.seconds:6.1f} s" if result.seconds else " " * 8
        print(f"{result.outcome:<8} {result.suite.target:<16} {shown}  {result.detail}")
    return 1 if any(result.outcome == "FAILED" for result in results) else 0


def run_suite(suite: Suite, *, in_ci: bool, root: Path = ROOT) -> Result:
    """Run one suite unless something is missing for it."""
    if suite.ci_only and not in_ci:
        return Result(suite, "skipped", f"only with CI=true; by itself: make {suite.target}")
    lacking = suite.missing()
    if lacking is not None:
        return Result(suite, "FAILED" if in_ci else "skipped", lacking)
    print(f"\n=== make {suite.target}", flush=True)
    started = time.monotonic()
    status, closing = _make(suite.target, root)
    elapsed = time.monotonic() - started
    detail = closing if status == 0 else f"{closing}  (exit {status})".strip()
    return Result(suite, "passed" if status == 0 else "FAILED", detail, elapsed)


def _make(target: str, folder: Path) -> tuple[int, str]:
    """Run a target, showing its output; its status and pytest's closing line, if it had one."""
    closing = ""
    command = ["make", "--no-print-directory", target]
    with subprocess.Popen(
        command, cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        if process.stdout is None:
            raise RuntimeError("Popen was asked for a pipe and gave none")
        for line in process.stdout:
            print(line, end="", flush=True)
            plain = _ANSI.sub("", line).strip().strip("=").strip()
            if _PYTEST_CLOSING.search(plain):
                closing = plain
    return process.returncode, closing


if __name__ == "__main__":
    sys.exit(main())
