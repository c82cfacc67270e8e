"""What is learnt of runs, and what the bench of the coordination engine shows."""

from tests.requirements import Requirement

ENTRIES = [
    Requirement(
        "coordination:weights:learnt",
        "coordination.md, the core, 4",
        "Scores of runs change their models' weights, and weights change decisions.",
    ),
    Requirement(
        "coordination:weights:capped",
        "coordination.md, the core, 4",
        "No outcomes silence a model, nor let it outvote a panel alone.",
    ),
    Requirement(
        "coordination:weights:switch",
        "the engine, notes",
        "A panel with equal weights learns nothing, whatever its runs' scores.",
    ),
    Requirement(
        "coordination:weights:task-class",
        "coordination.md, the core, 4",
        "Each kind of task learns its own weights; the request tells the kind.",
    ),
    Requirement(
        "runs:score",
        "the engine, notes",
        "The key that owns a run can say how good its answer turned out.",
    ),
    Requirement(
        "runs:answers",
        "the engine, notes",
        "A run's record holds answers only if they are asked for and the operator allows it.",
    ),
]
