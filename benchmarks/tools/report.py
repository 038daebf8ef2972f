"""Compares measured figures with their goals and formats them as a table; `benchmarks/tools/results.py` writes JSON."""

from collections.abc import Sequence

from benchmarks.tools.results import Measured


def at_least(name: str, value: float, unit: str, goal: float) -> Measured:
    return Measured(name, round(value, 3), unit, f">= {goal:g}", value >= goal)


def below(name: str, value: float, unit: str, goal: float) -> Measured:
    return Measured(name, round(value, 3), unit, f"< {goal:g}", value < goal)


def at_most(name: str, value: float, unit: str, goal: float) -> Measured:
    return Measured(name, round(value, 3), unit, f"<= {goal:g}", bool(value <= goal))


def between(name: str, value: float, unit: str, low: float, high: float) -> Measured:
    return Measured(name, round(value, 3), unit, f"{low:g} to {high:g}", bool(low <= value <= high))


def told(name: str, value: float | None, unit: str) -> Measured:
    """Return a figure without a goal. A `value` of None means that it was not measured; `unit` is then the reason."""
    return Measured(name, None if value is None else round(value, 3), unit, None, None)


def table(measured: Sequence[Measured]) -> str:
    rows = [("", "measured", "", "goal", "holds")]
    for each in measured:
        value = "-" if each.value is None else f"{each.value:,.2f}" if each.value < 100 else f"{each.value:,.0f}"
        rows.append((each.name, value, each.unit, each.goal or "", {True: "yes", False: "NO", None: ""}[each.holds]))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return "\n".join(
        f"{row[0]:<{widths[0]}}  {row[1]:>{widths[1]}} {row[2]:<{widths[2]}}  {row[3]:>{widths[3]}}  {row[4]}".rstrip()
        for row in rows
    )
