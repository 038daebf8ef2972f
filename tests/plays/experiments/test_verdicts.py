"""What may be said of an experiment: in words, when its rule allows it, and not more often wrong than it says."""

import datetime as dt
import random
from typing import Any

import pytest

from analytics.models import EngagementQuarter, VisitQuarter
from analytics.models.quarters import QUARTER
from devices.models import Device
from plays.experiments import verdicts
from plays.experiments.reads import State, announce, read_result
from plays.experiments.verdicts import Cell
from plays.models import Experiment, Screen, StopRule
from tests import clock
from tests.plays.samples import content, experiment, screen
from tests.world import places

pytestmark = pytest.mark.django_db

ZEROS = {
    field.name: 0
    for field in VisitQuarter._meta.fields
    if field.name not in ("id", "device", "start", "visits", "told", "attention_ms_sum", "viewers")
}


def people(
    device: Device, start: dt.datetime, end: dt.datetime, seconds: Any, chance: random.Random, count: int = 6
) -> None:
    """Let so many people come each quarter hour, who look for about `seconds(start)`."""
    quarters, cameras = [], []
    while start < end:
        attention = sum(round(1000 * seconds(start) * chance.uniform(0.2, 1.8)) for _ in range(count))
        quarters.append(
            VisitQuarter(
                device=device, start=start, visits=count, told=count, viewers=count, attention_ms_sum=attention, **ZEROS
            )
        )
        cameras.append(
            EngagementQuarter(
                device=device,
                start=start,
                frames=15,
                faces_sum=0,
                faces_peak=0,
                minutes_seen=2**15 - 1,
                minutes_occupied=0,
                minutes_told=2**15 - 1,
            )
        )
        start += QUARTER
    VisitQuarter.objects.bulk_create(quarters)
    EngagementQuarter.objects.bulk_create(cameras)


def run(made: Experiment, device: Device, lift: float, days: int, count: int = 6) -> None:
    """Let people come while the experiment runs, who look so much longer at its second content."""
    chance = random.Random(7)
    for block in made.blocks.all()[: days * 12]:
        seconds = 4.0 * (1 + lift if block.arm else 1)
        people(device, block.starts_at, block.ends_at, lambda _, seconds=seconds: seconds, chance, count)


def test_before_its_end_a_fixed_experiment_tells_nothing(seattle01: Device) -> None:
    made = experiment(seattle01)
    run(made, seattle01, 0.5, 6)
    result = read_result(made, now=made.blocks.all()[70].ends_at)
    assert result.state is State.RUNNING
    assert result.words(1) == "not to be read before 4 December, 20:00: its rule is one look, at the end"
    assert (result.findings, result.average(1)) == ({}, None)


def test_at_its_end_it_tells_the_difference_in_words(seattle01: Device) -> None:
    made = experiment(seattle01)
    run(made, seattle01, 0.3, 14)
    result = read_result(made, now=clock.now() + dt.timedelta(days=30))
    assert result.state is State.OVER
    assert result.words(1).startswith("more than “film”: +")
    interval = result.findings[1].comparison.interval
    assert interval is not None
    assert interval.low < 1.3 < interval.high
    assert (result.squares, result.left_out) == (42, 0)


def test_what_cannot_be_told_says_about_how_many_more_days_it_needs(seattle01: Device) -> None:
    made = experiment(seattle01, days=4, smallest_lift=0.05)
    run(made, seattle01, 0.03, 4, count=1)
    result = read_result(made, now=clock.now() + dt.timedelta(days=30))
    assert result.words(1).startswith("cannot tell, needs about ")
    assert result.words(1).endswith(" more days")


def test_a_sequential_experiment_may_be_read_at_any_time(seattle01: Device) -> None:
    made = experiment(seattle01, stop_rule=StopRule.SEQUENTIAL)
    run(made, seattle01, 0.5, 6)
    result = read_result(made, now=made.blocks.all()[70].ends_at)
    assert result.words(1).startswith("more than “film”: +")


def test_an_experiment_that_was_stopped_early_is_not_read_by_the_rule_of_its_end(seattle01: Device) -> None:
    made = experiment(seattle01)
    run(made, seattle01, 0.5, 6)
    made.stopped_at = made.blocks.all()[70].ends_at
    made.save()
    assert "stopped before its end" in read_result(made, now=clock.now() + dt.timedelta(days=30)).words(1)


def test_a_square_in_which_the_camera_was_off_counts_on_neither_side(seattle01: Device) -> None:
    made = experiment(seattle01)
    run(made, seattle01, 0.3, 14)
    block = made.blocks.all()[0]
    EngagementQuarter.objects.filter(start__gte=block.starts_at, start__lt=block.ends_at).update(minutes_seen=0)
    result = read_result(made, now=clock.now() + dt.timedelta(days=30))
    assert (result.squares, result.left_out) == (41, 1)


def test_cameras_that_are_added_later_leave_the_squares_before_as_covered_as_they_were(seattle01: Device) -> None:
    made = experiment(seattle01)
    run(made, seattle01, 0.3, 14)
    end = clock.now() + dt.timedelta(days=30)
    for name in ("Seattle08", "Seattle09"):
        places.device(seattle01.site, name, name.lower())
        Device.objects.filter(name=name).update(since=end)
    Screen.objects.filter(pk=made.screen_id).update(cameras=["Seattle01", "Seattle08", "Seattle09"])
    result = read_result(Experiment.objects.get(), now=end)
    assert (result.squares, result.left_out) == (42, 0)


def test_the_days_that_it_needs_are_told_from_the_past_of_its_place(seattle01: Device) -> None:
    lobby = screen(seattle01)
    contents = [content(lobby, key) for key in ("film", "poster")]
    planned = Experiment(site=seattle01.site, screen=lobby, name="x", first_day=clock.now().date(), days=14)
    assert announce(lobby, contents, planned, now=clock.now()).days is None
    now = clock.NOW
    people(seattle01, now - dt.timedelta(days=29, hours=20), now, lambda _: 4.0, random.Random(3))
    found = announce(lobby, contents, planned, now=now)
    assert found.days is not None
    assert found.days % 2 == 0
    planned.stop_rule = StopRule.SEQUENTIAL
    longer = announce(lobby, contents, planned, now=now)
    assert longer.days is not None
    assert longer.days > found.days


def test_looking_every_day_fools_a_sequential_experiment_rarely() -> None:
    """The rates of all rules are measured by `make bench-plays`; this catches a wrong boundary in a second."""
    chance, wrong = random.Random(1), 0
    for _ in range(200):
        cells = [[Cell(chance.lognormvariate(4, 0.3), 20.0) for _ in range(42)] for _ in range(2)]
        looks = range(verdicts.FEWEST_SQUARES, 43, 6)
        found = [verdicts.estimate(cells[0][:look], cells[1][:look]) for look in looks]
        wrong += any(each and verdicts.sequential(each, 12, planned=42).p_value <= 0.05 for each in found)
    assert wrong <= 12


def test_an_estimate_without_squares_or_people_is_none() -> None:
    few = [Cell(1.0, 1.0)] * (verdicts.FEWEST_SQUARES - 1)
    assert verdicts.estimate(few, few) is None
    nobody = [Cell(0.0, 0.0)] * 20
    assert verdicts.estimate(nobody, [Cell(1.0, 1.0)] * 20) is None
