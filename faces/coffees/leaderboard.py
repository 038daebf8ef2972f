"""Who had how many coffees, and on how many days in a row; each site by its own clock."""

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
"""Days; a streak is not followed any further back, so that a board costs the same however long people keep it up."""


@dataclass(frozen=True, slots=True)
class LeaderboardRow:
    """A person's place among those who had coffee; equal counts share a rank, and the next rank is left out."""

    rank: int
    person: Person
    coffees: int
    streak: int
    """Days in a row with a coffee, up to today, or to yesterday while today's is still to come; of any period.

    `LONGEST_STREAK` stands for that many or more.
    """
    latest: Coffee
    has_portrait: bool
    """Whether the person agreed in person and the latest coffee's picture is there, so that the face may be shown."""

    @property
    def site(self) -> Site:
        return self.person.site

    @property
    def last_at(self) -> dt.datetime:
        return self.latest.taken_at


@dataclass(frozen=True, slots=True)
class Leaderboard:
    """The first places, and how much there is besides."""

    rows: list[LeaderboardRow]
    people: int
    """How many had coffee, those beyond the rows too."""
    anonymous: int
    """Coffees of nobody in particular."""
    total: int
    """All coffees."""


def leaderboard(*, sites: Collection[Site], period: Period, now: dt.datetime, limit: int | None = None) -> Leaderboard:
    """Who had most coffees at these sites; all, or the first `limit`.

    As many queries however many people. Raises `ValueError` for an unknown period.
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
            continue  # voided or erased a moment ago
        coffees = counts[person.pk]
        shown = person.agreed and has_face_picture(coffee)
        rows.append(LeaderboardRow(ranks[coffees], person, coffees, streaks[person.pk], coffee, shown))
    return Leaderboard(rows, len(counts), anonymous, total)


def coffees_by_person(*, sites: Collection[Site], period: Period, now: dt.datetime) -> Counter[int]:
    """How many coffees count by the person's number; under `NOBODY` those of nobody in particular.

    Raises `ValueError` for an unknown period.
    """
    check_period(period)
    span, wanted = {"month": Span.MONTH, "all": Span.YEAR}.get(period, Span.DAY), Q(pk__in=[])
    # Devices by number, rather than by a join that would keep the database from its index.
    devices = Device.objects.filter(site__in=sites).order_by("site__timezone").values_list("site__timezone", "pk")
    for timezone, group in groupby(devices, key=lambda device: device[0]):
        start = start_of(period, now.astimezone(ZoneInfo(timezone)))
        since = {"start__gte": start.date()} if start else {}
        wanted |= Q(device__in=[number for _, number in group], span=span, **since)
    rows = CoffeeTally.objects.filter(wanted).order_by().values_list("person_number")
    return Counter(dict(rows.annotate(Sum("coffees"))))


def streaks_of(people: Collection[Person], *, now: dt.datetime) -> dict[int, int]:
    """Days in a row with a coffee, at most `LONGEST_STREAK`, by the person's number."""
    streaks: dict[int, int] = {}
    by_zone = sorted(people, key=lambda person: person.site.timezone)
    for timezone, group in groupby(by_zone, key=lambda person: person.site.timezone):
        streaks |= _streaks_in({person.pk for person in group}, ZoneInfo(timezone), now)
    return streaks


def streak(days: Collection[dt.date], today: dt.date) -> int:
    """How many days in a row are among these, up to today or, where that is not among them, to yesterday."""
    day = today if today in days else today - dt.timedelta(days=1)
    length = 0
    while day - dt.timedelta(days=length) in days:
        length += 1
    return length


def has_agreed_in_person(now: dt.datetime) -> Exists:
    """Whether a person's own consent is in force; the owner's confirmation for everyone is none."""
    return Exists(Consent.objects.valid(now).filter(person=OuterRef("pk")).exclude(method=Method.OWNER))


def has_face_picture(coffee: Coffee) -> bool:
    """Whether there is a picture to cut the face from."""
    return bool(coffee.sighting.box and coffee.sighting.capture.image)


def _with_picture() -> CoffeeQuerySet:
    """Coffees with no more of what they come from than a board shows."""
    coffees = Coffee.objects.select_related("sighting__capture")
    return coffees.only("person", "taken_at", "sighting__box", "sighting__capture__image")


def _first(counts: Counter[int], limit: int | None, now: dt.datetime) -> list[Any]:
    """The people with most coffees, by name where they have equally many."""
    places = sorted(counts.values(), reverse=True)[:limit]
    least = places[-1] if places else 0
    chosen = [person for person, coffees in counts.items() if coffees >= least]
    people = Person.objects.select_related("site").filter(pk__in=chosen).annotate(agreed=has_agreed_in_person(now))
    return sorted(people, key=lambda person: (-counts[person.pk], person.name, person.pk))[:limit]


def _latest(people: Collection[Person]) -> Mapping[int, Coffee]:
    """Each person's latest coffee that counts, by the person's number."""
    newest = Coffee.objects.counted().filter(person=OuterRef("pk")).order_by("-taken_at", "-pk")
    chosen = Person.objects.filter(pk__in=[person.pk for person in people]).order_by()
    found = _with_picture().filter(pk__in=chosen.values_list(Subquery(newest.values("pk")[:1])))
    return {coffee.person_id: coffee for coffee in found.order_by()}


def _streaks_in(people: set[int], zone: ZoneInfo, now: dt.datetime) -> dict[int, int]:
    today = now.astimezone(zone).date()
    days = CoffeeTally.objects.filter(
        span=Span.DAY, person_number__in=people, start__gte=today - dt.timedelta(days=LONGEST_STREAK)
    )
    had: dict[int, set[dt.date]] = {person: set() for person in people}
    for person, day in days.values_list("person_number", "start"):
        had[person].add(day)
    return {person: min(streak(theirs, today), LONGEST_STREAK) for person, theirs in had.items()}
