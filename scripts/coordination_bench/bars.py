"""The table of bars: what was measured, against what, met or missed."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Bars:
    """Lines are printed as they come."""

    missed: list[str] = field(default_factory=list[str])

    def at_least(self, what: str, value: float, bar: float, unit: str = "") -> None:
        self._line(what, value, unit, f">= {bar:g}", met=value >= bar)

    def at_most(self, what: str, value: float, bar: float, unit: str = "") -> None:
        self._line(what, value, unit, f"<= {bar:g}", met=value <= bar)

    def holds(self, what: str, *, met: bool, seen: str = "") -> None:
        """A bar that is met or not."""
        self._print(what, seen or ("yes" if met else "no"), "yes", met=met)

    def note(self, what: str, value: float, unit: str = "") -> None:
        """A figure without a bar, for comparison."""
        print(f"  {what:<72} {_figure(value):>9} {unit}")

    def heading(self, text: str) -> None:
        print(f"\n{text}")

    def _line(self, what: str, value: float, unit: str, bar: str, *, met: bool) -> None:
        self._print(what, _figure(value), f"{bar} {unit}".rstrip(), met=met)

    def _print(self, what: str, value: str, bar: str, *, met: bool) -> None:
        print(f"  {what:<72} {value:>9}  {bar:<14} {'pass' if met else 'MISS'}", flush=True)
        if not met:
            self.missed.append(what)


def _figure(value: float) -> str:
    return f"{value:.4f}" if 0 < abs(value) < 1 else f"{value:,.4g}"
