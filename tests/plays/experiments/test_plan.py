"""A plan is drawn and published before it starts, balances hours and days, and can be drawn again."""

import datetime as dt
from collections import Counter
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from devices.models import Device
from plays.experiments import plan
from plays.experiments.now import what_now
from plays.experiments.services import stop
from plays.models import Block, Content
from tests import clock
from tests.plays.samples import content, experiment, screen

FIRST = dt.date(2026, 11, 23)


def frame(arms: int = 2, days: int = 6, hours: tuple[int, int] = (8, 20), zone: str = "UTC") -> plan.Frame:
    return plan.Frame(arms, FIRST, days, *hours, 60, ZoneInfo(zone))


@given(arms=st.integers(2, 5), rounds=st.integers(1, 3), seed=st.text(max_size=8), hours=st.integers(5, 14))
def test_each_square_has_each_content_once_in_each_hour_and_on_each_day(
    arms: int, rounds: int, seed: str, hours: int
) -> None:
    blocks = plan.draw(frame(arms, arms * rounds, (6, 6 + hours)), seed)
    assert len(blocks) == arms * rounds * hours
    squares: dict[int, list[plan.PlannedBlock]] = {}
    for block in blocks:
        squares.setdefault(block.square, []).append(block)
    squares.pop(plan.NOT_COUNTED, None)
    assert len(squares) == hours // arms * rounds
    for cells in squares.values():
        assert Counter(block.arm for block in cells) == dict.fromkeys(range(arms), arms)
        assert len({(block.arm, block.starts_at.hour) for block in cells}) == arms * arms
        assert len({(block.arm, block.starts_at.date()) for block in cells}) == arms * arms


def test_the_same_seed_draws_the_same_plan_and_another_seed_another_one() -> None:
    first, again, other = (plan.draw(frame(), seed) for seed in ("a", "a", "b"))
    assert first == again != other
    names = ["film", "poster"]
    assert plan.fingerprint(plan.published(first, names)) != plan.fingerprint(plan.published(other, names))


def test_a_coin_decides_each_square() -> None:
    firsts = [plan.draw(frame(days=2), f"seed {number}")[0].arm for number in range(400)]
    assert 150 < sum(firsts) < 250


def test_blocks_keep_their_local_hours_when_clocks_change() -> None:
    zone = ZoneInfo("America/Los_Angeles")
    across = plan.Frame(2, dt.date(2026, 10, 31), 4, 0, 24, 60, zone)
    local = [block.starts_at.astimezone(zone) for block in plan.draw(across, "a")]
    assert {moment.hour for moment in local} == set(range(24))
    spring = plan.Frame(2, dt.date(2026, 3, 7), 2, 0, 24, 60, zone)
    assert len(plan.draw(spring, "a")) == 47


@pytest.mark.django_db
def test_the_published_plan_is_the_one_that_its_seed_and_hash_say(seattle01: Device) -> None:
    made = experiment(seattle01)
    blocks = plan.draw(
        plan.Frame(2, made.first_day, made.days, made.from_hour, made.to_hour, 60, made.site.zone), made.seed
    )
    stored = [
        plan.PlannedBlock(block.number, block.square, block.arm, block.starts_at, block.ends_at)
        for block in made.blocks.all()
    ]
    assert stored == blocks
    assert plan.fingerprint(plan.published(stored, ["film", "poster"])) == made.plan_hash


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("wrong", "field", "sentence"),
    [
        ({"first_day": dt.date(2026, 11, 19)}, "first_day", "must lie ahead"),
        ({"days": 13}, "days", "multiple of 2"),
        ({"from_hour": 20, "to_hour": 8}, "to_hour", "end after it begins"),
        ({"from_hour": 8, "to_hour": 9}, "block_minutes", "no room for 2 blocks"),
        ({"block_minutes": 50}, "block_minutes", "15, 30, 60, 120"),
    ],
)
def test_a_plan_that_cannot_be_compared_is_refused_by_its_field(
    seattle01: Device, wrong: dict[str, object], field: str, sentence: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        experiment(seattle01, **wrong)
    assert sentence in caught.value.message_dict[field][0]


@pytest.mark.django_db
def test_a_screen_has_one_experiment_at_a_time(seattle01: Device) -> None:
    first = experiment(seattle01)
    with pytest.raises(ValidationError, match="shows the experiment “Film or poster” in this time"):
        experiment(seattle01)
    stop(experiment=first, now=clock.now())
    assert experiment(seattle01).pk


@pytest.mark.django_db
def test_a_player_is_told_what_its_block_shows_and_until_when(seattle01: Device, chicago01: Device) -> None:
    made, other = experiment(seattle01), screen(chicago01)
    block = Block.objects.filter(experiment=made)[5]
    screens = [made.screen, other]
    shown = what_now(screens, now=block.starts_at + dt.timedelta(minutes=10))
    assert shown[made.screen_id].content == made.arms.get(number=block.arm).content
    assert shown[made.screen_id].until == block.ends_at
    assert shown[other.pk].content is None
    night = what_now(screens, now=made.blocks.all()[11].ends_at + dt.timedelta(minutes=1))
    assert (night[made.screen_id].content, night[made.screen_id].until) == (None, made.blocks.all()[12].starts_at)
    usual = made.screen.usual = other.usual = Content.objects.get(key="poster")
    night = what_now(screens, now=made.blocks.all()[11].ends_at + dt.timedelta(minutes=1))
    assert (night[made.screen_id].content, night[made.screen_id].until) == (usual, made.blocks.all()[12].starts_at)
    assert (night[other.pk].content, night[other.pk].until) == (usual, None)
    assert what_now(screens, now=block.starts_at)[made.screen_id].experiment == made.pk
    stop(experiment=made, now=block.starts_at)
    made.screen.usual = None
    assert what_now(screens, now=block.starts_at)[made.screen_id].content is None


@pytest.mark.django_db
def test_many_screens_are_told_in_the_same_queries_as_one(seattle01: Device, django_assert_num_queries: Any) -> None:
    made = experiment(seattle01)
    screens = [made.screen, *(screen(seattle01, f"Screen {number}") for number in range(5))]
    for each in screens:
        each.usual = content(each, f"usual of {each}")
    during = made.blocks.all()[0].starts_at
    with django_assert_num_queries(4):
        assert set(what_now(screens, now=during)) == {each.pk for each in screens}
