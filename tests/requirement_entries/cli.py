"""What the `conclave` command promises."""

from tests.requirements import Requirement

ENTRIES = [
    Requirement(
        "cli:port-taken",
        "README, start",
        "A taken port is named with its purpose and the remedy before anything has started.",
    ),
    Requirement(
        "cli:state-private",
        "README, start",
        "The state directory is mode 700 and every secret in it mode 600.",
    ),
    Requirement(
        "cli:state-kept",
        "README, start",
        "Keys stay the same from one start to the next.",
    ),
    Requirement(
        "cli:one-run-per-state",
        "README, start",
        "A second `conclave run` on the same state directory is refused.",
    ),
    Requirement(
        "cli:nothing-left",
        "architecture.md, one machine",
        "Nothing a service started survives it or the supervisor, not even after SIGKILL.",
    ),
    Requirement(
        "cli:restart",
        "architecture.md, one machine",
        "A crashed service is started again with growing delays, and it is said.",
    ),
    Requirement(
        "cli:health-gated",
        "architecture.md, one machine",
        "A service starts when those it needs are ready; one that is late is named with its words.",
    ),
    Requirement(
        "cli:stop-within-5s",
        "architecture.md, one machine",
        "Ctrl-C ends every process within 5 s, deaf ones included.",
    ),
    Requirement(
        "cli:banner",
        "README, start",
        "`conclave run` prints base URL, key, models, a command that works, and how to stop.",
    ),
    Requirement(
        "cli:exit-codes",
        "README, start",
        "Every exit status of the command is documented in its help.",
    ),
    Requirement(
        "cli:config-check",
        "coordination.md, panels and models by name",
        "`conclave config check` prints each problem with file, line, column, field and fix.",
    ),
    Requirement(
        "cli:commands",
        "cli/README",
        "status, models, chat and runs show tell what runs, and fail with a reason and status 1.",
    ),
]
