"""Who had how many coffees, and on how many days in a row; each site by its own clock."""

import datetime as dt
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Count, Exists, OuterRef, Q, Subquery, Sum
from django.db.models.functions import TruncDate

from devices.models import Site
from faces.models import NOBODY, Coffee, CoffeeMonth, Consent, Method, Person
from faces.querysets import CoffeeQuerySet, Period, start_of

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
    latest = _with_picture().in_bulk([person.latest for person in people])
    better, rows = Counter(counts.values()), []
    ranks = {coffees: 1 + sum(count for more, count in better.items() if more > coffees) for coffees in better}
    for person in people:
        coffee = latest.get(person.latest)
        if coffee is None:
            continue  # voided or erased a moment ago
        coffees = counts[person.pk]
        shown = person.agreed and may_show(coffee)
        rows.append(LeaderboardRow(ranks[coffees], person, coffees, streaks[person.pk], coffee, shown))
    return Leaderboard(rows, len(counts), anonymous, total)


def coffees_by_person(*, sites: Collection[Site], period: Period, now: dt.datetime) -> Counter[int]:
    """How many coffees count by the person's number; under `NOBODY` those of nobody in particular."""
    if period in ("all", "month"):
        return _of_months(sites, period, now)
    return _counted(Coffee.objects.of(sites=sites, period=period, now=now))


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


def agreed_in_person(now: dt.datetime) -> Exists:
    """Whether a person's own consent is in force; the owner's confirmation for everyone is none."""
    return Exists(Consent.objects.valid(now).filter(person=OuterRef("pk")).exclude(method=Method.OWNER))


def may_show(coffee: Coffee) -> bool:
    """Whether there is a picture to cut the face from."""
    return bool(coffee.sighting.box and coffee.sighting.capture.image)


def _with_picture() -> CoffeeQuerySet:
    """Coffees with no more of what they come from than a board shows."""
    coffees = Coffee.objects.select_related("sighting__capture")
    return coffees.only("person", "taken_at", "sighting__box", "sighting__capture__image")


def _of_months(sites: Iterable[Site], period: Period, now: dt.datetime) -> Counter[int]:
    """By whole months of UTC, and what lies between the turn of the month there and at the site."""
    months, before, after = Q(pk__in=[]), Q(pk__in=[]), Q(pk__in=[])
    for timezone, group in groupby(sorted(sites, key=lambda site: site.timezone), key=lambda site: site.timezone):
        here, start = {"device__site__in": list(group)}, start_of(period, now.astimezone(ZoneInfo(timezone)))
        if start is None:
            months |= Q(**here)
            continue
        turn = dt.datetime(start.year, start.month, 1, tzinfo=dt.UTC)
        months |= Q(**here, start__gte=turn.date())
        before |= Q(**here, taken_at__gte=start, taken_at__lt=turn)
        after |= Q(**here, taken_at__gte=turn, taken_at__lt=start)
    rows = CoffeeMonth.objects.filter(months).values_list("person_number").annotate(Sum("coffees"))
    counts = Counter(dict(rows.order_by()))
    if period != "all":
        counts.update(_counted(Coffee.objects.counted().filter(before)))
        counts.subtract(_counted(Coffee.objects.counted().filter(after)))
    return +counts


def _counted(coffees: CoffeeQuerySet) -> Counter[int]:
    rows = coffees.order_by().values_list("person").annotate(Count("pk"))
    return Counter({person or NOBODY: number for person, number in rows})


def _first(counts: Counter[int], limit: int | None, now: dt.datetime) -> list[Any]:
    """The people with most coffees, by name where they have equally many; `latest` is each one's latest coffee."""
    places = sorted(counts.values(), reverse=True)[:limit]
    least = places[-1] if places else 0
    chosen = [person for person, coffees in counts.items() if coffees >= least]
    newest = Coffee.objects.counted().filter(person=OuterRef("pk")).order_by("-taken_at", "-pk")
    people = Person.objects.select_related("site").filter(pk__in=chosen)
    found = list(people.annotate(latest=Subquery(newest.values("pk")[:1]), agreed=agreed_in_person(now)))
    found.sort(key=lambda person: (-counts[person.pk], person.name, person.pk))
    return found[:limit]


def _streaks_in(people: set[int], zone: ZoneInfo, now: dt.datetime) -> dict[int, int]:
    today = now.astimezone(zone).date()
    found = _days(people, today - dt.timedelta(days=LONGEST_STREAK), zone)
    lengths = {person: min(streak(days, today), LONGEST_STREAK) for person, days in found}
    return dict.fromkeys(people, 0) | lengths


def _days(people: set[int], first: dt.date, zone: ZoneInfo) -> Iterator[tuple[int, set[dt.date]]]:
    """On which days from the first on each of these people had coffee."""
    start = dt.datetime.combine(first, dt.time(), zone)
    coffees = Coffee.objects.counted().filter(person__in=people, taken_at__gte=start).order_by("person")
    days = coffees.annotate(day=TruncDate("taken_at", tzinfo=zone)).values_list("person", "day").distinct()
    for person, group in groupby(days, key=lambda row: row[0]):
        yield person, {day for _, day in group}
