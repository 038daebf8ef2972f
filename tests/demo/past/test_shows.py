"""The demo's past has two contents whose difference is known, and the pages of contents find it."""

import datetime as dt
from itertools import pairwise
from pathlib import Path

import pytest

from demo import turns
from demo.database import prepare
from demo.past import progress, shows
from plays.experiments.reads import State, read_result
from plays.models import Content, Experiment, Play
from plays.numbers.contents import Period, read_contents
from tests import clock

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("models")]

DAYS = 8
NOW = dt.datetime(2026, 11, 20, 20, 30, 17, tzinfo=dt.UTC)


def test_contents_and_experiment_find_about_the_known_lift_of_the_content_that_holds_people_longer(
    tmp_path: Path,
) -> None:
    prepare(tmp_path / "data", days=DAYS, seed=4, now=NOW)
    longer, shorter = (Content.objects.get(name=name) for name in turns.CONTENTS)
    found = read_contents([longer.site], Period(NOW - dt.timedelta(days=DAYS), NOW))
    first, second = found[longer.pk], found[shorter.pk]
    assert first.attention_s is not None
    assert second.attention_s is not None
    assert abs(first.attention_s / second.attention_s - 1 - turns.LIFT) < 0.1
    assert min(first.impressions, second.impressions) > 300
    result = read_result(Experiment.objects.get(), now=NOW)
    assert (result.state, result.adherence) == (State.OVER, 1.0)
    assert result.words(1).startswith(f"more than “{turns.CONTENTS[turns.CONTROL]}”: ")
    interval = result.findings[1].comparison.interval
    assert interval is not None
    assert interval.low < 1 + turns.LIFT < interval.high


def test_the_turns_cover_the_history_and_are_stored_once(tmp_path: Path) -> None:
    day = progress.new_progress(days=3, seed=4, now=clock.NOW)
    reports = list(shows.reports(day))
    assert {report.content for report in reports} == set(turns.CONTENTS)
    assert all(one.ended_at == other.started_at for one, other in pairwise(reports))
    prepare(tmp_path / "data", days=3, seed=4, now=clock.NOW)
    shows.create_plays(day)
    assert Play.objects.count() == len(reports)
