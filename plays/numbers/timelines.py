"""Timelines: what was shown, and who was there, one above the other; of a day, or of one visit."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from django.db import connection
from django.db.models import Max

from analytics.models import Visit
from analytics.models.archive import FactKind
from analytics.numbers.archived_facts import read_facts
from devices.models import Device
from plays.attribution.statements import Dialect, shown_plays
from plays.models import Content, PlayDay, Screen

MOST_BARS = 1_500
"""Plays, and visits, that one timeline draws; when there are more, the page shows and says up to when they began."""

FIRST_STRETCH = dt.timedelta(minutes=15)
"""The plays of so much time are read first; of more where plays are shown for longer."""

VISIT = ("id", "began_at", "dwell_ms", "attention_ms")
"""The columns of a visit that a timeline shows."""

ONE_DAY = dt.timedelta(days=1)
MS = dt.timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class ShownPlay:
    """A play with its real times, in UTC: the player's clock is corrected, and an open end is found."""

    screen: int
    content: int
    position: int
    started_at: dt.datetime
    ended_at: dt.datetime


@dataclass(frozen=True, slots=True)
class SeenVisit:
    """A visit; one of thousands, so that it is no object of the model."""

    pk: int
    began_at: dt.datetime
    dwell_ms: int
    attention_ms: int | None
    is_archived: bool = field(default=False, kw_only=True)
    """Whether the database has it no longer."""

    @property
    def left_at(self) -> dt.datetime:
        return self.began_at + self.dwell_ms * MS


def read_plays(
    devices: Sequence[Device], start: dt.datetime, end: dt.datetime, *, now: dt.datetime, most: int
) -> list[ShownPlay]:
    """Read the plays before these cameras that are shown within the period, by their starts.

    A play that several of the cameras see comes once. Returns at most `most` plays, and reads little more: it reads the
    period in stretches, each twice as long as the one before, until there are so many. Two queries, and one for each
    stretch: seven for a day.
    """
    longest, ahead = _longest(devices, start, end), _clocks_ahead(devices)
    found: list[ShownPlay] = []
    low, length = start, max(FIRST_STRETCH, *longest) if longest else end - start
    while longest and low < end and len(found) < most:
        high = min(end, low + length)
        found += _read_stretch(longest, ahead, low, high, now=now, with_earlier=low == start, most=most - len(found))
        low, length = high, 2 * length
    return found


def _read_stretch(
    longest: Mapping[dt.timedelta, Sequence[int]],
    ahead: dt.timedelta,
    start: dt.datetime,
    end: dt.datetime,
    *,
    now: dt.datetime,
    with_earlier: bool,
    most: int,
) -> list[ShownPlay]:
    """Read the plays that start within the stretch; `with_earlier` also those that have started before, and go on."""
    # A play starts at most the longest time before it is shown, and the play that ends it follows within this time.
    moments = {"high": end + ahead, "after": end + ahead + max(longest)}
    conditions = []
    for number, (length, keys) in enumerate(sorted(longest.items())):
        moments[f"low_{number}"] = start - ahead - (length if with_earlier else dt.timedelta())
        conditions.append(f"p.device_id IN ({', '.join(map(str, keys))}) AND p.started_at >= %(low_{number})s")
    parameters: dict[str, Any] = {
        name: connection.ops.adapt_datetimefield_value(each) for name, each in moments.items()
    }
    parameters |= {"now": _ms(now), "start_ms": _ms(start), "end_ms": _ms(end), "most": most}
    shown = shown_plays(Dialect(connection.vendor), f"({' OR '.join(conditions)})")
    within = "end_ms > %(start_ms)s" if with_earlier else "start_ms >= %(start_ms)s"
    statement = (
        f"WITH {shown} SELECT DISTINCT screen_id, content_id, position, start_ms, end_ms "  # noqa: S608
        f"FROM shown WHERE start_ms < %(end_ms)s AND {within} ORDER BY start_ms, screen_id LIMIT %(most)s"
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        rows = cursor.fetchall()
    return [ShownPlay(screen, content, place, _time(low), _time(high)) for screen, content, place, low, high in rows]


def _longest(devices: Sequence[Device], start: dt.datetime, end: dt.datetime) -> dict[dt.timedelta, list[int]]:
    """Return how long the plays around the period are shown at most, with the keys of the devices of which this holds;
    without those that have no plays."""
    days = PlayDay.objects.filter(
        device__in=[device.pk for device in devices],
        day__gte=(start - 2 * ONE_DAY).date(),
        day__lte=(end + ONE_DAY).date(),
    )
    found: dict[dt.timedelta, list[int]] = {}
    for device, longest in days.order_by("device").values_list("device").annotate(Max("longest_ms")):
        found.setdefault(longest * MS, []).append(device)
    return found


def _clocks_ahead(devices: Sequence[Device]) -> dt.timedelta:
    """Return by how much the clocks of the players before these cameras differ at most."""
    clocks = Screen.objects.filter(site__in={device.site_id for device in devices}).order_by()
    return max((abs(ahead) for ahead in clocks.values_list("clock_ahead_ms", flat=True)), default=0) * MS


@dataclass(frozen=True, slots=True)
class Timeline:
    """Plays by screen, and the visits above them."""

    start: dt.datetime
    end: dt.datetime
    visits: Sequence[SeenVisit]
    rows: Sequence[tuple[Screen, Sequence[tuple[ShownPlay, Content]]]]
    until: dt.datetime | None
    """When there are more plays or visits than are drawn: those that began up to this moment are drawn."""


def read_timeline(devices: Sequence[Device], start: dt.datetime, end: dt.datetime, *, now: dt.datetime) -> Timeline:
    """Read what was shown before these cameras and who came, in six queries besides those of the stretches."""
    plays = read_plays(devices, start, end, now=now, most=MOST_BARS)
    until = plays[-1].started_at if len(plays) >= MOST_BARS else None
    keys = [device.pk for device in devices]
    visits = _read_visits(keys, start, min(end, until or end))
    if len(visits) >= MOST_BARS:
        until = visits[-1].began_at
        plays = [play for play in plays if play.started_at <= until]
    contents = Content.objects.select_related("site").in_bulk({play.content for play in plays})
    screens = Screen.objects.in_bulk({play.screen for play in plays})
    of_screen: dict[int, list[tuple[ShownPlay, Content]]] = {}
    for play in plays:
        if play.content in contents and play.screen in screens:
            of_screen.setdefault(play.screen, []).append((play, contents[play.content]))
    rows = sorted(((screens[key], found) for key, found in of_screen.items()), key=lambda row: row[0].name)
    return Timeline(start, end, visits, rows, until)


def _read_visits(devices: Sequence[int], start: dt.datetime, end: dt.datetime) -> list[SeenVisit]:
    """Read the first `MOST_BARS` visits that began in the period, by time, from the database and the archive."""
    stored = Visit.objects.filter(device__in=devices, began_at__gte=start, began_at__lt=end).order_by("began_at")
    archived = islice(read_facts(FactKind.VISITS, VISIT, devices=devices, spans=[(start, end)]), MOST_BARS)
    found = [SeenVisit(*row) for row in stored.values_list(*VISIT)[:MOST_BARS]]
    found += [SeenVisit(*row, is_archived=True) for row in archived]
    return sorted(found, key=lambda visit: visit.began_at)[:MOST_BARS]


def _ms(moment: dt.datetime) -> int:
    return round(moment.timestamp() * 1000)


def _time(milliseconds: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(milliseconds / 1000, dt.UTC)
