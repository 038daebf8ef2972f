"""`make bench-fleet` in its short form: a small fleet is held, and every message gets its receipt."""

from pathlib import Path

import pytest

from benchmarks import fleet
from tests.programs import postgres

CAMERAS, SECONDS = 20, 5

pytestmark = [pytest.mark.real_clock, pytest.mark.timeout(600)]


@pytest.mark.parametrize("ingesters", [1, 2])
def test_a_small_fleet_is_held_and_measured(tmp_path: Path, ingesters: int) -> None:
    tmp_path.chmod(0o755)
    with postgres.server() as database:
        measured = {each.name: each for each in fleet.measure(tmp_path, database.url, CAMERAS, SECONDS, ingesters)}
    assert measured["messages without a receipt at the end"].value == 0
    assert measured["messages with a receipt"].holds
    assert {"processor: ingesters", "processor: PostgreSQL", "processor: the cameras themselves"} <= set(measured)
    assert (measured["disk, a camera a day: frames"].value or 0) > 1
    assert (measured["disk, a camera a day: tallies"].value or 0) > 0
