"""What a developer and an operator may expect of the checkout itself."""

from tests.requirements import Requirement

ENTRIES = [
    Requirement(
        "workspace:python-named",
        "README, start",
        "A Python too old or without venv is named together with the command that mends it.",
    ),
    Requirement(
        "workspace:locks-current",
        "style.md, declared dependencies",
        "A lock that does not match its inputs fails the checks, without a network.",
    ),
    Requirement(
        "workspace:locks-hold-no-address",
        "style.md, declared dependencies",
        "No lock names an index, a download address or a distribution of ours; all are hashed.",
    ),
    Requirement(
        "workspace:requirements-known",
        "style.md, tests read like the specification",
        "A test that names an unwritten requirement is not collected; no id exists twice.",
    ),
    Requirement(
        "workspace:requirements-shown",
        "style.md, tests read like the specification",
        "A requirement without a test fails the checks unless it is a known gap.",
    ),
    Requirement(
        "workspace:source-has-test-file",
        "style.md, tools",
        "A source file without a test file fails the checks unless a reason is listed.",
    ),
    Requirement(
        "workspace:suites-closing-summary",
        "Makefile, test",
        "Every suite ends as passed, failed or skipped with a reason; CI skips nothing silently.",
    ),
]
