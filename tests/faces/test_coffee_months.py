"""The months' totals are right after whatever happens to a coffee."""

import datetime as dt
from collections import Counter
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection

from devices.models import Device
from faces import coffee_months
from faces.models import NOBODY, Capture, Coffee, CoffeeMonth, Person
from faces.services import create_person, forget, restore_coffee, void_coffee
from tests.faces.conftest import NOON
from tests.faces.test_leaderboard import add_coffees

pytestmark = pytest.mark.django_db

TURN = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)


@pytest.fixture
def ada(seattle01: Device) -> Person:
    """Coffees before and after the turn of a month, and some of nobody."""
    ada = create_person(site=seattle01.site, name="Ada")
    add_coffees(seattle01, ada, [TURN - dt.timedelta(minutes=10), TURN, NOON])
    add_coffees(seattle01, None, [TURN, NOON])
    return ada


def are_right() -> bool:
    truth = Counter(
        (device, at.replace(day=1).date(), person or NOBODY)
        for device, at, person in Coffee.objects.counted().values_list("device", "taken_at", "person")
    )
    rows = CoffeeMonth.objects.values_list("device", "start", "person_number", "coffees")
    return {row[:3]: row[3] for row in rows} == truth


def test_each_coffee_is_in_the_month_of_utc(ada: Person) -> None:
    months = CoffeeMonth.objects.filter(person_number=ada.pk).order_by("start")
    assert list(months.values_list("start", "coffees")) == [(dt.date(2026, 10, 1), 1), (dt.date(2026, 11, 1), 2)]
    assert are_right()


def test_voiding_and_restoring(ada: Person, superuser: User) -> None:
    coffee = ada.coffees.order_by("taken_at").first()
    void_coffee(coffee=coffee, by=superuser, reason="Tea.")
    assert are_right()
    assert CoffeeMonth.objects.filter(person_number=ada.pk).count() == 1, "a month without coffees has no row"
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
    assert not CoffeeMonth.objects.filter(person_number=number).exists()
    assert CoffeeMonth.objects.filter(person_number=NOBODY).exists()


@pytest.mark.parametrize("what", [Capture, Coffee, Device])
def test_cascades(ada: Person, what: Any) -> None:
    what.objects.all().delete()
    assert are_right()
    assert not CoffeeMonth.objects.exists()


def test_they_are_counted_anew_after_each_migrate(ada: Person) -> None:
    coffee_months.remove(using=connection.alias)
    Coffee.objects.filter(person=ada).update(person=None)
    CoffeeMonth.objects.filter(person_number=NOBODY).update(coffees=70)
    assert not are_right()
    coffee_months.install(using=connection.alias)
    assert are_right()
    Coffee.objects.all().delete()
    assert are_right()


@pytest.mark.django_db(transaction=True)
def test_migrate_makes_the_triggers_that_it_took_away(seattle01: Device) -> None:
    call_command("migrate", verbosity=0)
    add_coffees(seattle01, None, [NOON])
    assert CoffeeMonth.objects.get().coffees == 1
