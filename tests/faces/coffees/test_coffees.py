"""A person has one coffee per cool-down, whatever order the pictures come in; strangers are not multiplied."""

import datetime as dt
import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import cast

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, connection, transaction
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from devices.models import Device
from faces.coffees.counting import COOL_DOWN, count_coffees, lock_site
from faces.models import Capture, Coffee, Person, Sighting
from faces.services import create_person, restore_coffee, void_coffee
from tests.faces.conftest import NOON
from tests.world import places

pytestmark = pytest.mark.django_db

WORKERS = 4

_keys = iter(range(1, 1_000_000))


def hold_cups(device: Device, people: list[Person | None], at: dt.datetime = NOON) -> list[Coffee]:
    """A picture at this moment in which each of these people, None for a stranger, holds a cup."""
    capture = Capture.objects.create(device=device, taken_at=at, received_at=at, key=next(_keys))
    sightings = Sighting.objects.bulk_create(
        Sighting(capture=capture, number=number, person=person, confidence=0.9) for number, person in enumerate(people)
    )
    return count_coffees(device=device, taken_at=at, holders=sightings)


class TestCoolDown(TestCase):
    @examples(max_examples=25)
    @given(st.lists(st.integers(0, 1800), min_size=1, max_size=12))
    def test_exactly_the_coffees_outside_each_others_cool_down_count(self, seconds: list[int]) -> None:
        device = places.seattle01()
        person = create_person(site=device.site, name="Ada")
        for second in seconds:
            hold_cups(device, [person], NOON + dt.timedelta(seconds=second))
        counted = sorted(Coffee.objects.values_list("taken_at", flat=True))
        assert all(later - earlier >= COOL_DOWN for earlier, later in pairwise(counted))
        for second in seconds:
            at = NOON + dt.timedelta(seconds=second)
            assert any(abs(at - coffee) < COOL_DOWN for coffee in counted)

    @examples(max_examples=25)
    @given(st.lists(st.tuples(st.integers(0, 290), st.integers(0, 3)), min_size=1, max_size=8))
    def test_strangers_within_it_are_as_many_as_were_seen_at_once(self, pictures: list[tuple[int, int]]) -> None:
        device = places.seattle01()
        for second, strangers in pictures:
            hold_cups(device, [None] * strangers, NOON + dt.timedelta(seconds=second))
        assert Coffee.objects.count() == max(strangers for _, strangers in pictures)


def test_the_cool_down_is_over_after_exactly_five_minutes(seattle01: Device) -> None:
    ada = create_person(site=seattle01.site, name="Ada")
    for minutes in (0, 4.99, 5):
        hold_cups(seattle01, [ada], NOON + dt.timedelta(minutes=minutes))
    assert list(Coffee.objects.order_by("taken_at").values_list("taken_at", flat=True)) == [NOON, NOON + COOL_DOWN]


def test_it_holds_for_all_devices_of_the_site(seattle01: Device) -> None:
    other = places.device(seattle01.site, "Seattle02", "seattle-02")
    ada = create_person(site=seattle01.site, name="Ada")
    assert len(hold_cups(seattle01, [ada])) == 1
    assert hold_cups(other, [ada], NOON + dt.timedelta(minutes=1)) == []


def test_somebody_who_is_not_recognised_for_a_moment_is_no_stranger(seattle01: Device) -> None:
    ada = create_person(site=seattle01.site, name="Ada")
    hold_cups(seattle01, [ada])
    assert hold_cups(seattle01, [None], NOON + dt.timedelta(seconds=10)) == []
    assert len(hold_cups(seattle01, [ada, None], NOON + dt.timedelta(seconds=20))) == 1


def test_a_voided_coffee_does_not_come_back_with_the_next_picture(seattle01: Device, operator: User) -> None:
    ada = create_person(site=seattle01.site, name="Ada")
    (coffee,) = hold_cups(seattle01, [ada])
    void_coffee(coffee=coffee, by=operator, reason="A can of paint.", now=NOON)
    assert hold_cups(seattle01, [ada], NOON + dt.timedelta(seconds=10)) == []
    assert not Coffee.objects.counted().exists()
    restore_coffee(coffee=coffee, by=operator, reason="It was coffee after all.", now=NOON)
    restored = cast(Coffee, Coffee.objects.counted().get())
    assert (restored.review_reason, restored.reviewed_by) == ("It was coffee after all.", operator)


@pytest.mark.parametrize("review", [void_coffee, restore_coffee])
def test_a_review_needs_a_reason(seattle01: Device, operator: User, review: object) -> None:
    (coffee,) = hold_cups(seattle01, [None])
    with pytest.raises(ValueError, match="Give a reason"):
        review(coffee=coffee, by=operator, reason="  ")  # type: ignore[operator]


def test_the_database_refuses_a_second_coffee_for_a_sighting(seattle01: Device) -> None:
    (coffee,) = hold_cups(seattle01, [None])
    with pytest.raises(IntegrityError), transaction.atomic():
        Coffee.objects.create(device=seattle01, taken_at=NOON, sighting=coffee.sighting)


def test_the_database_refuses_a_voided_coffee_without_a_reason(seattle01: Device) -> None:
    hold_cups(seattle01, [None])
    with pytest.raises(IntegrityError), transaction.atomic():
        Coffee.objects.update(voided=True)


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_count_one_coffee(seattle01: Device) -> None:
    ada = create_person(site=seattle01.site, name="Ada")
    start = threading.Barrier(WORKERS)

    def work() -> None:
        start.wait()
        with transaction.atomic():
            lock_site(seattle01.site)
            hold_cups(seattle01, [ada, None])
        connection.close()

    with ThreadPoolExecutor(WORKERS) as pool:
        for done in [pool.submit(work) for _ in range(WORKERS)]:
            done.result()
    assert sorted(str(coffee.person) for coffee in Coffee.objects.all()) == ["Ada", "None"]
