"""The tallies are right after whatever happens to a coffee, by the site's own days and months."""

import datetime as dt
from collections import Counter
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection, transaction
from django.db.models import F
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.models import Device, Site
from faces.coffees import coffee_tallies
from faces.models import NOBODY, Capture, Coffee, CoffeeTally, Person, Span
from faces.services import create_person, forget, restore_coffee, void_coffee
from tests import places
from tests.faces.coffees.test_leaderboard import add_coffees
from tests.faces.conftest import NOON

pytestmark = pytest.mark.django_db

TURN = dt.datetime(2026, 11, 1, 7, tzinfo=dt.UTC)
"""Midnight in Seattle, in daylight saving time still."""


@pytest.fixture
def ada(seattle01: Device) -> Person:
    """Coffees before and after the turn of a month, and some of nobody."""
    ada = create_person(site=seattle01.site, name="Ada")
    add_coffees(seattle01, ada, [TURN - dt.timedelta(minutes=10), TURN, TURN + dt.timedelta(hours=24), NOON])
    add_coffees(seattle01, None, [TURN, NOON])
    return ada


def are_right() -> bool:
    truth: Counter[tuple[Any, ...]] = Counter()
    for coffee in Coffee.objects.counted().select_related("device__site"):
        day = coffee.taken_at.astimezone(coffee.device.site.zone).date()
        for span, start in (
            (Span.DAY, day),
            (Span.MONTH, day.replace(day=1)),
            (Span.YEAR, day.replace(month=1, day=1)),
        ):
            truth[coffee.device_id, span.value, start, coffee.person_id or NOBODY] += 1
    rows = CoffeeTally.objects.values_list("device", "span", "start", "person_number", "coffees")
    return {row[:4]: row[4] for row in rows} == truth


def tallies(person: Person, span: Span) -> list[tuple[str, int]]:
    rows = CoffeeTally.objects.filter(person_number=person.pk, span=span).order_by("start")
    return [(start.isoformat(), coffees) for start, coffees in rows.values_list("start", "coffees")]


def test_each_coffee_is_in_the_day_and_month_of_its_site(ada: Person) -> None:
    """The first of November has 25 hours."""
    assert tallies(ada, Span.YEAR) == [("2026-01-01", 4)]
    assert tallies(ada, Span.MONTH) == [("2026-10-01", 1), ("2026-11-01", 3)]
    assert tallies(ada, Span.DAY) == [("2026-10-31", 1), ("2026-11-01", 2), ("2026-11-20", 1)]
    assert are_right()


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "Pacific/Kiritimati", "UTC"])
def test_a_corrected_time_zone_corrects_them(ada: Person, zone: str) -> None:
    ada.site.timezone = zone
    ada.site.save()
    assert are_right()
    Coffee.objects.filter(person=ada).update(voided=True, review_reason="Tea.", reviewed_at=NOON)
    assert are_right()


def test_so_does_moving_a_device(ada: Person, seattle01: Device, chicago01: Device) -> None:
    chicagos = add_coffees(chicago01, None, [TURN - dt.timedelta(minutes=10)])
    seattle01.site = chicago01.site
    seattle01.save()
    assert are_right()
    chicagos[0].delete()
    assert are_right()


@given(st.lists(st.tuples(st.sampled_from(("add", "void", "give", "delete", "zone")), st.integers(0, 600))))
@settings(max_examples=25)
def test_whatever_happens_in_whatever_order(steps: list[tuple[str, int]]) -> None:
    with transaction.atomic():
        device = places.seattle01()
        people = [None, create_person(site=device.site, name="Ada")]
        for what, number in steps:
            some = Coffee.objects.annotate(rest=F("pk") % 3).filter(rest=number % 3)
            if what == "add":
                add_coffees(device, people[number % 2], [NOON - dt.timedelta(hours=number)])
            elif what == "void":
                some.update(voided=number % 2, review_reason="Tea.", reviewed_at=NOON)
            elif what == "give":
                some.update(person=people[number % 2], taken_at=NOON - dt.timedelta(hours=number))
            elif what == "delete":
                some.delete()
            else:
                Site.objects.update(timezone=("Asia/Kolkata", "America/Los_Angeles")[number % 2])
        assert are_right()
        assert coffee_tallies.rebuild() == 0
        transaction.set_rollback(True)


def test_voiding_and_restoring(ada: Person, superuser: User) -> None:
    coffee = ada.coffees.order_by("taken_at").first()
    void_coffee(coffee=coffee, by=superuser, reason="Tea.")
    assert are_right()
    assert tallies(ada, Span.MONTH) == [("2026-11-01", 3)], "a month without coffees has no row"
    void_coffee(coffee=coffee, by=superuser, reason="Tea, again.")
    assert are_right()
    restore_coffee(coffee=coffee, by=superuser, reason="No tea.")
    assert are_right()


def test_many_change_hands_at_once(ada: Person, seattle01: Device) -> None:
    bea = create_person(site=seattle01.site, name="Bea")
    Coffee.objects.filter(person=ada).update(person=bea)
    assert are_right()
    Coffee.objects.filter(person=None).update(person=ada, taken_at=NOON - dt.timedelta(days=50))
    assert are_right()


def test_whoever_is_erased_leaves_no_row(ada: Person) -> None:
    number = ada.pk
    forget(person=ada, by=None, now=NOON)
    assert are_right()
    assert not CoffeeTally.objects.filter(person_number=number).exists()
    assert CoffeeTally.objects.filter(person_number=NOBODY).exists()


@pytest.mark.parametrize("what", [Capture, Coffee, Device])
def test_cascades(ada: Person, what: Any) -> None:
    what.objects.all().delete()
    assert are_right()
    assert not CoffeeTally.objects.exists()


def test_they_are_counted_anew_after_each_migrate(ada: Person) -> None:
    coffee_tallies.remove(using=connection.alias)
    Coffee.objects.filter(person=ada).update(person=None)
    CoffeeTally.objects.filter(person_number=NOBODY).update(coffees=70)
    assert not are_right()
    coffee_tallies.install(using=connection.alias)
    assert are_right()
    Coffee.objects.all().delete()
    assert are_right()


def test_rebuilding_says_how_many_were_wrong_and_leaves_other_devices_alone(ada: Person, chicago01: Device) -> None:
    add_coffees(chicago01, None, [NOON])
    CoffeeTally.objects.filter(coffees=1).update(coffees=70)
    wrong = CoffeeTally.objects.filter(coffees=70).values_list("device", flat=True)
    assert coffee_tallies.rebuild(devices=[chicago01.pk]) == len(Span)
    assert wrong.exclude(device__name=chicago01.name).count() == wrong.count() > 0
    left = wrong.count()
    assert coffee_tallies.rebuild() == left
    assert are_right()


@pytest.mark.django_db(transaction=True)
def test_migrate_makes_the_triggers_that_it_took_away(seattle01: Device) -> None:
    call_command("migrate", verbosity=0)
    add_coffees(seattle01, None, [NOON])
    assert set(CoffeeTally.objects.values_list("span", "coffees")) == {(span, 1) for span in Span}
