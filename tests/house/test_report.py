"""The report of a benchmark compares its figures with their goals."""

from benchmarks.tools import report
from benchmarks.tools.results import Measured


def test_a_figure_is_held_against_its_goal() -> None:
    assert report.at_least("ratio", 0.8, "times", 0.8) == Measured("ratio", 0.8, "times", ">= 0.8", True)
    assert report.at_least("ratio", 0.79996, "times", 0.8).holds is False
    assert report.below("delay", 499.9, "ms", 500).holds is True
    assert report.below("delay", 500, "ms", 500).holds is False


def test_the_table_says_what_does_not_hold_and_what_was_not_measured() -> None:
    lines = report.table(
        [
            report.at_least("beside Node-RED", 2.5, "times", 5),
            report.told("rate", 12_345.6, "messages/s"),
            report.told("beside nothing", None, "not measured: npm is not installed"),
        ]
    ).splitlines()
    assert lines[1].split() == ["beside", "Node-RED", "2.50", "times", ">=", "5", "NO"]
    assert lines[2].split() == ["rate", "12,346", "messages/s"]
    assert lines[3].endswith("- not measured: npm is not installed")
