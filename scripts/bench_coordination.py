"""The bars of coordination, measured with the production core; 1 when one is missed.

make bench-coordination                  some minutes on one core
... BENCH_ARGS="--schedules 100000"      the full count of fuzzed schedules
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from coordination_bench import protocol, schedules, selection
from coordination_bench.bars import Bars


def main() -> int:
    """Print the table."""
    options = _options()
    bars = Bars()
    _measure_core(bars, options)
    print(f"\nmissed: {'; '.join(bars.missed)}" if bars.missed else "\nevery bar is met")
    return 1 if bars.missed else 0


def _measure_core(bars: Bars, options: argparse.Namespace) -> None:
    bars.heading(f"which answer wins, {options.questions:,} questions")
    selection.measure_condorcet(bars, options.questions)
    selection.measure(bars, options.questions)
    bars.heading(f"what it takes, virtual clock, {options.panels:,} runs each")
    protocol.measure(bars, options.panels)
    bars.heading("slow and failing agents")
    schedules.measure_stragglers(bars, options.panels)
    schedules.measure_slow_model(bars, options.panels)
    schedules.measure_schedules(bars, options.schedules)
    bars.heading("ballots, execution, prefixes")
    schedules.measure_ballots(bars, 200)
    schedules.measure_executions(bars)
    schedules.measure_prefixes(bars)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="The bars of coordination.")
    parser.add_argument("--questions", type=int, default=20_000)
    parser.add_argument("--panels", type=int, default=2_000)
    parser.add_argument("--schedules", type=int, default=5_000)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
