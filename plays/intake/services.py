"""All writes of plays: idempotent, in any order, each report for itself."""

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connection, transaction

from devices.faults.isolation import each
from devices.models import Device, Site
from devices.storage import sql
from plays.intake.reports import BadReport, Report, check, key_of, readable
from plays.models import MOST_SHOWN_MS, OPEN_MS, Content, Play, PlayDay, Screen, Source

PLAY_FIELDS = (
    *("device_id", "started_at", "key", "screen_id", "content_id"),
    *("ended_at", "is_closed", "layout", "position", "source"),
)
PLAY_MERGE: dict[str, sql.Merge] = {
    **dict.fromkeys(("screen_id", "content_id", "layout", "position", "source"), "new"),
    "ended_at": "max",
    "is_closed": "max",
}
"""Reports of one play may come in any order: its end only grows, and what is closed stays closed."""

MOST_CONTENTS = 5_000
"""Contents of one site, so that a player that makes up a new name for each play does not fill the lists."""

CLOCK_IS_RIGHT = dt.timedelta(seconds=2)
"""A report's way through the network takes up to so long, so that a smaller difference tells nothing of a clock."""

CLOCK_IS_LOST = dt.timedelta(minutes=10)
"""A clock that is off by more is not corrected by seconds: somebody must set it."""

CLOCK_STEP = dt.timedelta(milliseconds=500)
"""A smaller change of a clock's difference is not stored."""

ONE_DAY = dt.timedelta(days=1)


@dataclass(slots=True)
class Stored:
    """What became of some reports."""

    plays: int = 0
    """Reports that are stored, also those that were stored before."""
    refused: list[tuple[int, str]] = field(default_factory=list)
    """The place of each refused report among those given, and why it was refused, in one sentence."""


def retention() -> dt.timedelta:
    """Return how long plays are kept, and how long ago a reported play may have started."""
    return dt.timedelta(days=settings.FRAME_RETENTION_DAYS)


@transaction.atomic
def store(
    *,
    screen: Screen,
    reports: Sequence[Report],
    source: Source,
    now: dt.datetime,
    ahead: dt.timedelta | None = None,
    instead: Device | None = None,
) -> Stored:
    """Store what the screen showed. Idempotent; a report that cannot be stored harms no other one.

    `ahead` is how far the player's clock is ahead, as a live report tells. `instead` is the device whose plays they
    are where no camera of the screen was at its place; without it, such a report is refused.
    """
    stored = Stored()
    good: list[tuple[int, Report]] = []
    for number, report in enumerate(reports):
        try:
            check(report, now=now, retention=retention())
            good.append((number, report))
        except BadReport as error:
            stored.refused.append((number, str(error)))
    contents, over = _contents(screen.site, [report for _, report in good])
    cameras = list(Device.objects.filter(site=screen.site_id, name__in=screen.cameras).order_by("pk"))
    rows: dict[tuple[int, dt.datetime, int], list[Any]] = {}
    for number, report in good:
        content = contents.get(report.content)
        devices = [each for each in cameras if each.holds(report.started_at)] or ([instead] if instead else [])
        if content is None:
            stored.refused.append((number, over))
        elif not devices:
            at = report.started_at.isoformat()
            stored.refused.append((number, f"No camera of the screen “{screen}” was at its place at {at}."))
        else:
            stored.plays += 1
            for device in devices:
                _add(rows, device, screen, content, report, source)
    _write(list(rows.values()))
    if ahead is not None:
        _learn_clock(screen, ahead)
    stored.refused.sort()
    return stored


def _add(
    rows: dict[tuple[int, dt.datetime, int], list[Any]],
    device: Device,
    screen: Screen,
    content: Content,
    report: Report,
    source: Source,
) -> None:
    key = device.pk, report.started_at, key_of(screen.pk, content.pk)
    end = report.ended_at or max(report.seen_until or report.started_at, report.started_at)
    closed = report.ended_at is not None
    known = rows.get(key)
    if known is not None:
        end, closed = max(end, known[5]), closed or bool(known[6])
    rows[key] = [*key, screen.pk, content.pk, end, closed, report.layout, report.position, str(source)]


def _write(rows: Sequence[Sequence[Any]]) -> None:
    """Write rows of `PLAY_FIELDS`, and mark their days."""
    if not rows:
        return
    ordered = sorted(rows, key=lambda row: tuple(row[:3]))
    sql.Rows(Play, PLAY_FIELDS, ordered).add_up(PLAY_MERGE)
    longest: dict[tuple[int, dt.date], int] = defaultdict(int)
    for device, start, *_, end, closed, _layout, _position, _source in rows:
        day = device, start.date()
        shown_ms = (end - start) // dt.timedelta(milliseconds=1) + (1 if closed else OPEN_MS)
        longest[day] = max(longest[day], min(shown_ms, MOST_SHOWN_MS))
    _mark(longest)


def _mark(longest: Mapping[tuple[int, dt.date], int]) -> None:
    """Have the tallies of these devices' UTC days computed again, and those of the days before: an open play of the
    evening may end with the first one of the morning. The values are how long the new plays are shown at most, in
    milliseconds."""
    both = {(device, day - ONE_DAY): 0 for device, day in longest} | dict(longest)
    rows = [(device, day.isoformat(), True, most) for (device, day), most in sorted(both.items())]
    names = "device_id", "day", "is_changed", "longest_ms"
    sql.Rows(PlayDay, names, rows).add_up({"is_changed": "max", "longest_ms": "max"})


def _contents(site: Site, reports: Sequence[Report]) -> tuple[Mapping[str, Content], str]:
    """Return the contents by their keys, making those that are new; and the sentence for those that find no room."""
    keys = {report.content for report in reports}
    known = {content.key: content for content in Content.objects.filter(site=site, key__in=keys)}
    names: dict[str, str] = {}
    for report in reports:
        if report.content not in known:
            names[report.content] = names.get(report.content) or report.name
    over = f"{site} has {MOST_CONTENTS:,} contents already; give the same content always the same name."
    if names:
        room = max(0, MOST_CONTENTS - Content.objects.filter(site=site).count())
        made = [Content(site=site, key=key, name=names[key] or readable(key)) for key in sorted(names)[:room]]
        Content.objects.bulk_create(made, ignore_conflicts=True)
        known |= {content.key: content for content in Content.objects.filter(site=site, key__in=names)}
    return known, over


def _learn_clock(screen: Screen, ahead: dt.timedelta) -> None:
    if screen.clock_is_set or abs(ahead) > CLOCK_IS_LOST:
        return
    ahead = ahead if abs(ahead) > CLOCK_IS_RIGHT else dt.timedelta()
    milliseconds = ahead // dt.timedelta(milliseconds=1)
    if abs(milliseconds - screen.clock_ahead_ms) >= CLOCK_STEP // dt.timedelta(milliseconds=1):
        screen.clock_ahead_ms = milliseconds
        Screen.objects.filter(pk=screen.pk).update(clock_ahead_ms=milliseconds)


@transaction.atomic
def change_screen(*, screen: Screen) -> Screen:
    """Save a new or changed screen, whose fields the caller has validated.

    Plays that are kept move to the cameras that the screen has now, and their days are computed again. Takes a few
    statements for each camera, however many plays there are.
    """
    screen.save()
    of_site = list(Device.objects.filter(site=screen.site_id).order_by("pk"))
    days = PlayDay.objects.filter(device__in=[device.pk for device in of_site]).values_list("device", flat=True)
    donors = sorted(set(days.order_by()))
    places = [device for device in of_site if device.name in screen.cameras]
    for device in places:
        for donor in donors:
            if donor != device.pk:
                _copy(screen, donor, device)
    gone = [donor for donor in donors if donor not in {device.pk for device in places}]
    if places and gone:
        Play.objects.filter(device__in=gone, screen=screen.pk)._raw_delete(using=DEFAULT_DB_ALIAS)
    PlayDay.objects.filter(device__in=[*donors, *(device.pk for device in places)]).update(is_changed=True)
    return screen


def _copy(screen: Screen, donor: int, device: Device) -> None:
    """Copy the screen's plays of one camera to another one, as far as the other was at its place, and mark their days.

    The months of the plays have their partitions already.
    """
    columns = PLAY_FIELDS[1:]
    since, until = device.since or _EVER[0], device.until or _EVER[1]
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO plays_play (device_id, {', '.join(columns)}) "  # noqa: S608 - columns of the model
            f"SELECT %s, {', '.join(columns)} FROM plays_play WHERE device_id = %s AND screen_id = %s "
            "AND started_at >= %s AND started_at < %s ON CONFLICT DO NOTHING",
            [device.pk, donor, screen.pk, since, until],
        )
        cursor.execute(
            "INSERT INTO plays_playday (device_id, day, is_changed, longest_ms, fingerprint) "
            "SELECT %s, day, %s, longest_ms, '' FROM plays_playday WHERE device_id = %s "
            "ON CONFLICT (device_id, day) DO UPDATE SET longest_ms = excluded.longest_ms "
            "WHERE plays_playday.longest_ms < excluded.longest_ms",
            [device.pk, True, donor],
        )


_EVER = dt.datetime(2000, 1, 1, tzinfo=dt.UTC), dt.datetime(9000, 1, 1, tzinfo=dt.UTC)


def forget_old_plays(*, now: dt.datetime) -> int:
    """Delete plays that started before the UTC days that are kept; their tallies stay. Return how many.

    A fault at one device is logged, and harms no other.
    """
    first = dt.datetime.combine((now - retention()).date(), dt.time.min, dt.UTC)
    old = Device.objects.filter(pk__in=PlayDay.objects.filter(day__lt=first.date()).values("device")).order_by("pk")
    return sum(each(old, partial(_forget_plays, before=first), what="deleting the old plays of"))


@transaction.atomic
def _forget_plays(device: Device, *, before: dt.datetime) -> int:
    PlayDay.objects.filter(device=device, day__lt=before.date()).delete()
    return Play.objects.filter(device=device, started_at__lt=before)._raw_delete(using=DEFAULT_DB_ALIAS)
