"""The tallies are right after whatever happens to a coffee, by the site's own days, months and years."""

import datetime as dt
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from devices.models import Device
from devices.services import register_device
from faces.coffees import coffee_tallies
from faces.models import NOBODY, Capture, Coffee, CoffeeTally, Merge, Person, Sighting, Span
from faces.people.merging import MergeRefused
from faces.recognition.recognising import NotAgain
from faces.services import create_person, forget, merge_people, recognise_again, restore_coffee, undo_merge, void_coffee
from tests.faces.coffees.test_coffees import hold_cups
from tests.faces.coffees.test_leaderboard import add_coffees
from tests.faces.conftest import NOON
from tests.world import places

pytestmark = pytest.mark.django_db

TURN = dt.datetime(2026, 11, 1, 7, tzinfo=dt.UTC)
"""Midnight in Seattle, in daylight saving time still."""

ZONES = ("America/Los_Angeles", "Asia/Kolkata", "Pacific/Kiritimati")


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
def test_changing_a_sites_time_zone_moves_its_tallies(ada: Person, superuser: User, zone: str) -> None:
    before = tallies(ada, Span.DAY)
    ada.site.timezone = zone
    ada.site.save()
    assert tallies(ada, Span.DAY) != before
    assert are_right()
    coffee = ada.coffees.first()
    assert coffee is not None
    void_coffee(coffee=coffee, by=superuser, reason="Tea.")
    assert are_right()


def test_renaming_a_site_or_device_rebuilds_no_tally(
    ada: Person, seattle01: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    rebuilt: list[Any] = []
    monkeypatch.setattr(coffee_tallies, "rebuild", lambda *, devices: rebuilt.append(devices))
    for thing in (ada.site, seattle01):
        thing.name = "Another"
        thing.save()
    assert rebuilt == []


class World:
    """Two sites with a device each, some people, and everything that may happen to their coffees."""

    def __init__(self) -> None:
        self.devices, self.registered = [places.seattle01(), places.chicago01()], 0
        for number, device in enumerate(self.devices):
            for name in ("Ada", "Bob"):
                person = create_person(site=device.site, name=f"{name} {number}")
                add_coffees(device, person, [NOON + dt.timedelta(hours=number)])

    def happens(self, what: str, number: int) -> None:
        deed: Callable[[int], None] = getattr(self, what)
        deed(number)

    def cups(self, number: int) -> None:
        device = self.device(number)
        here = [None, *Person.objects.filter(site=device.site)]
        hold_cups(device, [here[number % len(here)], None], NOON - dt.timedelta(hours=number))

    def bulk(self, number: int) -> None:
        moments = [NOON - dt.timedelta(hours=number + each) for each in range(3)]
        add_coffees(self.device(number), some(Person, number), moments)

    def create(self, number: int) -> None:
        if sighting := Sighting.objects.filter(coffee=None).order_by("pk").first():
            at = NOON - dt.timedelta(hours=number)
            Coffee.objects.create(device=sighting.capture.device, taken_at=at, sighting=sighting)

    def void(self, number: int) -> None:
        if coffee := some(Coffee, number):
            void_coffee(coffee=coffee, by=None, reason="Tea.", now=NOON)

    def restore(self, number: int) -> None:
        if coffee := Coffee.objects.filter(voided=True).first():
            try:
                restore_coffee(coffee=coffee, by=None, reason="No tea.", now=NOON)
            except ValueError:
                assert Coffee.objects.counted().filter(person=coffee.person_id).exists()

    def merge(self, number: int) -> None:
        if (one := some(Person, number)) and (other := some(Person, number + 1)):
            try:
                merge_people(other=one, into=other, by=None, now=NOON)
            except MergeRefused:
                assert one == other or one.site_id != other.site_id or Sighting.objects.filter(person=one).exists()

    def undo(self, number: int) -> None:
        if merge := Merge.objects.filter(undone_at=None).order_by("-pk").first():
            undo_merge(merge=merge, by=None, now=NOON)

    def erase(self, number: int) -> None:
        if person := some(Person, number):
            forget(person=person, by=None, now=NOON)

    def again(self, number: int) -> None:
        if capture := some(Capture, number):
            Capture.objects.filter(pk=capture.pk).update(state="done", image="captures/1.jpg")
            capture.refresh_from_db()
            try:
                recognise_again(capture=capture, now=NOON)
            except NotAgain:
                assert Coffee.objects.filter(sighting__capture=capture).exists()

    def delete_person(self, number: int) -> None:
        if person := some(Person, number):
            person.delete()

    def delete_people(self, number: int) -> None:
        Person.objects.filter(name__startswith="Ada").delete()

    def delete_captures(self, number: int) -> None:
        first = some(Capture, number)
        Capture.objects.filter(taken_at__lte=first.taken_at if first else NOON).delete()

    def delete_coffee(self, number: int) -> None:
        if coffee := some(Coffee, number):
            coffee.delete()

    def delete_device(self, number: int) -> None:
        gone = self.devices.pop(number % len(self.devices))
        self.registered += 1
        name = f"camera-{self.registered}"
        self.devices.append(register_device(site=gone.site, name=name, thing_name=name))
        gone.delete()

    def clock(self, number: int) -> None:
        site = self.device(number).site
        site.timezone = ZONES[number % len(ZONES)]
        site.save()
        self.devices = list(Device.objects.select_related("site").order_by("pk"))

    def device(self, number: int) -> Device:
        return self.devices[number % len(self.devices)]


def some(model: Any, number: int) -> Any:
    """One of the rows, or None where there are none."""
    rows = list(model.objects.order_by("pk"))
    return rows[number % len(rows)] if rows else None


DEEDS = [name for name in vars(World) if not name.startswith("_") and name not in ("happens", "device")]


class TestWhateverHappens(TestCase):
    @settings(max_examples=30)
    @given(st.lists(st.tuples(st.sampled_from(DEEDS), st.integers(0, 600)), max_size=14))
    def test_after_any_changes_the_tallies_equal_a_recount(self, deeds: list[tuple[str, int]]) -> None:
        world = World()
        for what, number in deeds:
            world.happens(what, number)
            assert are_right(), what
        assert coffee_tallies.rebuild() == 0


def test_voiding_and_restoring(ada: Person, superuser: User) -> None:
    coffee = ada.coffees.earliest("taken_at")
    void_coffee(coffee=coffee, by=superuser, reason="Tea.")
    assert are_right()
    assert tallies(ada, Span.MONTH) == [("2026-11-01", 3)], "a month without coffees has no row"
    void_coffee(coffee=coffee, by=superuser, reason="Tea, again.")
    assert are_right()
    restore_coffee(coffee=coffee, by=superuser, reason="No tea.")
    assert are_right()


def test_thousands_change_hands_at_once(ada: Person, seattle01: Device) -> None:
    bea = create_person(site=seattle01.site, name="Bea")
    add_coffees(seattle01, ada, [NOON - dt.timedelta(hours=hour) for hour in range(1, 2 * coffee_tallies.AT_ONCE)])
    coffees = Coffee.objects.filter(person=ada)
    with coffee_tallies.in_step(coffees):
        coffees.update(person=bea)
    assert tallies(bea, Span.YEAR) == [("2026-01-01", 2 * coffee_tallies.AT_ONCE + 3)]
    assert are_right()


def test_a_change_that_fails_leaves_coffees_and_tallies_as_they_were(ada: Person) -> None:
    before, coffees = tallies(ada, Span.DAY), Coffee.objects.filter(person=ada)

    def change() -> None:
        with coffee_tallies.in_step(coffees):
            coffees.update(person=None)
            raise RuntimeError("a failure within the change")

    with pytest.raises(RuntimeError):
        change()
    assert tallies(ada, Span.DAY) == before
    assert are_right()


def test_whoever_is_erased_leaves_no_row(ada: Person) -> None:
    number = ada.pk
    forget(person=ada, by=None, now=NOON)
    assert are_right()
    assert not CoffeeTally.objects.filter(person_number=number).exists()
    assert CoffeeTally.objects.filter(person_number=NOBODY).exists()


@pytest.mark.parametrize("what", [Capture, Coffee, Device])
def test_deleting_the_coffees_by_a_cascade_deletes_the_tallies(ada: Person, what: Any) -> None:
    what.objects.all().delete()
    assert are_right()
    assert not CoffeeTally.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_workers_at_once_count_each_coffee_once(seattle01: Device, chicago01: Device) -> None:
    """While a reviewer voids and restores, and everything is counted anew."""
    people = [create_person(site=seattle01.site, name=name) for name in ("Ada", "Bob")]
    reviewed = [add_coffees(seattle01, people[0], [NOON - dt.timedelta(days=day)])[0] for day in range(4)]
    ready = threading.Barrier(4)

    def count(worker: int) -> None:
        add_coffees(seattle01, people[worker], [NOON - dt.timedelta(hours=hour) for hour in range(8)])

    def judge(worker: int) -> None:
        for coffee in reviewed:
            void_coffee(coffee=coffee, by=None, reason="Tea.", now=NOON)

    def rebuild(worker: int) -> None:
        for _ in range(4):
            coffee_tallies.rebuild()

    def work(worker: int) -> None:
        try:
            ready.wait()
            (count, count, judge, rebuild)[worker](worker)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as workers:
        list(workers.map(work, range(4)))
    assert Coffee.objects.counted().count() == 16
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


def test_rebuilding_finds_rows_that_are_missing_and_rows_too_many(ada: Person, seattle01: Device) -> None:
    CoffeeTally.objects.filter(person_number=NOBODY).delete()
    CoffeeTally.objects.create(
        device=seattle01, span=Span.DAY, start=dt.date(2020, 1, 1), person_number=ada.pk, coffees=1
    )
    assert coffee_tallies.rebuild() == len([Span.DAY] * 2 + [Span.MONTH, Span.YEAR]) + 1
    assert are_right()


def test_a_database_that_kept_the_tallies_by_triggers_is_brought_up_to_date(seattle01: Device) -> None:
    (coffee,) = add_coffees(seattle01, None, [NOON])
    CoffeeTally.objects.filter(span=Span.DAY).update(coffees=70)
    CoffeeTally.objects.filter(span=Span.YEAR).delete()
    with connection.cursor() as cursor:
        for statement in trigger(connection.vendor):
            cursor.execute(statement)
        migration = import_module("faces.migrations.0012_coffee_tallies_without_triggers")
        for step in (migration.drop_triggers, migration.count_anew):
            step(apps, SimpleNamespace(connection=connection, execute=cursor.execute))
    assert are_right()
    coffee.save()  # upon which the trigger would empty the tallies
    assert are_right()


def trigger(vendor: str) -> list[str]:
    """One that empties the tallies, under the name of a former one."""
    name, body = "faces_coffeetally_updated_after", "DELETE FROM faces_coffeetally;"
    if vendor == "sqlite":
        return [f"CREATE TRIGGER {name} AFTER UPDATE ON faces_coffee BEGIN {body} END"]
    return [
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} RETURN NULL; END $$",
        f"CREATE TRIGGER {name} AFTER UPDATE ON faces_coffee FOR EACH ROW EXECUTE FUNCTION {name}()",
    ]
