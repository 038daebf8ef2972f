"""The leaderboard: how many coffees each person had, and on how many days in a row, in each site's time zone."""

import datetime as dt
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Exists, OuterRef, Q, Subquery, Sum

from devices.models import Device, Site
from faces.models import NOBODY, Coffee, CoffeeTally, Consent, Method, Person, Span
from faces.models.querysets import CoffeeQuerySet, Period, check_period, start_of

LONGEST_STREAK = 30
"""Days; a longer streak is not measured, so that the cost of a leaderboard is bounded."""


@dataclass(frozen=True, slots=True)
class LeaderboardRow:
    """A person's row. Equal counts share a rank, and the following ranks are skipped (1, 2, 2, 4)."""

    rank: int
    person: Person
    coffees: int
    streak: int
    """Days in a row with a coffee, up to today, or to yesterday before today's first coffee; whatever the period.

    `LONGEST_STREAK` means that many or more.
    """
    latest: Coffee
    has_portrait: bool
    """Whether the face may be shown: the person agreed in person, and the latest coffee has a picture."""

    @property
    def site(self) -> Site:
        return self.person.site

    @property
    def last_at(self) -> dt.datetime:
        return self.latest.taken_at


@dataclass(frozen=True, slots=True)
class Leaderboard:
    """The first rows of a leaderboard, and its totals."""

    rows: list[LeaderboardRow]
    people: int
    """The number of people with a coffee, including people beyond the rows."""
    anonymous: int
    """The number of anonymous coffees."""
    total: int
    """The number of all coffees."""


def leaderboard(*, sites: Collection[Site], period: Period, now: dt.datetime, limit: int | None = None) -> Leaderboard:
    """Return the leaderboard of these sites; all rows, or the first `limit`.

    The number of queries does not depend on the number of people. Raises `ValueError` for an unknown period.
    """
    counts = coffees_by_person(sites=sites, period=period, now=now)
    total, anonymous = counts.total(), counts.pop(NOBODY, 0)
    people = _first(counts, limit, now)
    streaks = streaks_of(people, now=now)
    latest = _latest(people)
    better, rows = Counter(counts.values()), []
    ranks = {coffees: 1 + sum(count for more, count in better.items() if more > coffees) for coffees in better}
    for person in people:
        coffee = latest.get(person.pk)
        if coffee is None:
            continue  # the coffee was voided or the person erased since the first query
        coffees = counts[person.pk]
        shown = person.agreed and has_face_picture(coffee)
        rows.append(LeaderboardRow(ranks[coffees], person, coffees, streaks[person.pk], coffee, shown))
    return Leaderboard(rows, len(counts), anonymous, total)


def coffees_by_person(*, sites: Collection[Site], period: Period, now: dt.datetime) -> Counter[int]:
    """Return the number of coffees by the person's number; anonymous coffees are under `NOBODY`.

    Raises `ValueError` for an unknown period.
    """
    check_period(period)
    span, matches = {"month": Span.MONTH, "all": Span.YEAR}.get(period, Span.DAY), Q(pk__in=[])
    # The devices' numbers are queried first, as a join would keep the database from using its index.
    devices = Device.objects.filter(site__in=sites).order_by("site__timezone").values_list("site__timezone", "pk")
    for timezone, group in groupby(devices, key=lambda device: device[0]):
        start = start_of(period, now.astimezone(ZoneInfo(timezone)))
        since = {"start__gte": start.date()} if start else {}
        matches |= Q(device__in=[number for _, number in group], span=span, **since)
    rows = CoffeeTally.objects.filter(matches).order_by().values_list("person_number")
    return Counter(dict(rows.annotate(Sum("coffees"))))


def streaks_of(people: Collection[Person], *, now: dt.datetime) -> dict[int, int]:
    """Return the days in a row with a coffee, at most `LONGEST_STREAK`, by the person's number."""
    streaks: dict[int, int] = {}
    by_zone = sorted(people, key=lambda person: person.site.timezone)
    for timezone, group in groupby(by_zone, key=lambda person: person.site.timezone):
        streaks |= _streaks_in({person.pk for person in group}, ZoneInfo(timezone), now)
    return streaks


def streak(days: Collection[dt.date], today: dt.date) -> int:
    """Return the number of consecutive `days` that end today or, if today is not among the days, yesterday."""
    day = today if today in days else today - dt.timedelta(days=1)
    length = 0
    while day - dt.timedelta(days=length) in days:
        length += 1
    return length


def has_agreed_in_person(now: dt.datetime) -> Exists:
    """The condition that a person has a consent of their own in force, not only the owner's for everyone."""
    return Exists(Consent.objects.valid(now).filter(person=OuterRef("pk")).exclude(method=Method.OWNER))


def has_face_picture(coffee: Coffee) -> bool:
    """Whether the coffee has a picture to cut the face from."""
    return bool(coffee.sighting.box and coffee.sighting.capture.image)


def _with_picture() -> CoffeeQuerySet:
    """Return all coffees, with only the columns that a leaderboard needs."""
    coffees = Coffee.objects.select_related("sighting__capture")
    return coffees.only("person", "taken_at", "sighting__box", "sighting__capture__image")


def _first(counts: Counter[int], limit: int | None, now: dt.datetime) -> list[Any]:
    """Return the people with the most coffees, in descending order; equal counts in the order of names."""
    top_counts = sorted(counts.values(), reverse=True)[:limit]
    least = top_counts[-1] if top_counts else 0
    numbers = [person for person, coffees in counts.items() if coffees >= least]
    people = Person.objects.select_related("site").filter(pk__in=numbers).annotate(agreed=has_agreed_in_person(now))
    return sorted(people, key=lambda person: (-counts[person.pk], person.name, person.pk))[:limit]


def _latest(people: Collection[Person]) -> Mapping[int, Coffee]:
    """Return each person's latest coffee that counts, by the person's number."""
    newest = Coffee.objects.counted().filter(person=OuterRef("pk")).order_by("-taken_at", "-pk")
    selected = Person.objects.filter(pk__in=[person.pk for person in people]).order_by()
    coffees = _with_picture().filter(pk__in=selected.values_list(Subquery(newest.values("pk")[:1])))
    return {coffee.person_id: coffee for coffee in coffees.order_by()}


def _streaks_in(people: set[int], zone: ZoneInfo, now: dt.datetime) -> dict[int, int]:
    today = now.astimezone(zone).date()
    rows = CoffeeTally.objects.filter(
        span=Span.DAY, person_number__in=people, start__gte=today - dt.timedelta(days=LONGEST_STREAK)
    )
    days_of: dict[int, set[dt.date]] = {person: set() for person in people}
    for person, day in rows.values_list("person_number", "start"):
        days_of[person].add(day)
    return {person: min(streak(days, today), LONGEST_STREAK) for person, days in days_of.items()}
