"""What people did while contents were shown: by content, site, hour and place in the sequence. Reads of tallies.

Average unit audience is the average number of people who were there and looked, at any moment of the shown time:

    (time that people who looked at the display were together with the content) / (time it was shown to a camera that
    was on)

It has the parts of the industry's metric: presence, notice and dwell (Audience Metrics Guidelines, Out-of-home Video
Advertising Bureau, now DPAA, 2008). For plays of one unit's length each, it is the average audience of a unit.
"""

import datetime as dt
import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Case, Count, F, Q, QuerySet, When
from django.db.models.functions import ExtractHour, TruncDate

from analytics.counting.visits import TENTH_MS
from analytics.numbers.buckets import day_start
from analytics.numbers.intervals import CONFIDENCE, Groups, Interval, score_interval
from analytics.numbers.sql import IntegerSum
from devices.models import Device, Site
from plays.models import Content, ContentDay, ContentHour, ContentQuarter, Screen

MS = 1_000
ONE_DAY = dt.timedelta(days=1)

SUMS = (
    *("plays", "shown_ms", "seen_ms", "impressions", "together_ms", "noticed_ms", "told", "attention_ms"),
    *("visits", "viewers", "passers_by", "passing_viewers", "thumbs_up"),
)
SQUARES = ("groups", "attention_squares", "told_squares", "products")
"""What the interval of the attention needs besides; see `ContentDay`."""


@dataclass(slots=True)
class Numbers:
    """The sums of some plays. A play that several cameras saw is one play, and its audience is that of all of them."""

    plays: float = 0
    shown_ms: float = 0
    seen_ms: float = 0
    impressions: int = 0
    together_ms: int = 0
    noticed_ms: int = 0
    told: int = 0
    attention_ms: int = 0
    visits: int = 0
    viewers: int = 0
    passers_by: int = 0
    passing_viewers: int = 0
    thumbs_up: int = 0
    groups: int = 0
    attention_squares: float = 0
    told_squares: float = 0
    products: float = 0

    def add(self, sums: Sequence[Any], squares: Sequence[Any] = (0, 0, 0, 0)) -> None:
        """Add sums in the order of `SUMS`, and squares in that of `SQUARES`."""
        for name, value in zip((*SUMS, *SQUARES), (*sums, *squares), strict=True):
            setattr(self, name, getattr(self, name) + value)

    @property
    def shown_s(self) -> float:
        return self.shown_ms / MS

    @property
    def coverage(self) -> float | None:
        """The share of the shown time in which a camera was on; None if nothing was shown."""
        return min(1.0, self.seen_ms / self.shown_ms) if self.shown_ms else None

    @property
    def attention_per_play_s(self) -> float | None:
        return self.attention_ms / MS / self.plays if self.plays else None

    @property
    def attention_per_viewer_s(self) -> float | None:
        """Seconds of attention to the content, of each who gave it at least one."""
        return self.attention_ms / MS / self.viewers if self.viewers else None

    @property
    def attention_s(self) -> float | None:
        """Seconds of attention per impression; None without one whose attention is known."""
        return self.attention_ms / MS / self.told if self.told else None

    @property
    def attention_interval(self) -> Interval | None:
        """The 95 % interval of `attention_s`. The quarter hours are its units, because people in one are alike."""
        groups = Groups(
            self.groups,
            self.attention_ms / TENTH_MS,
            self.told,
            self.attention_squares,
            self.told_squares,
            self.products,
        )
        ratio, variance = groups.ratio, groups.variance
        if ratio is None or variance is None:
            return None
        from scipy.special import stdtrit

        reach = float(stdtrit(self.groups - 1, (1 + CONFIDENCE) / 2)) * math.sqrt(variance)
        return Interval(max(0.0, ratio - reach) / 10, (ratio + reach) / 10)

    @property
    def conversion(self) -> float | None:
        """Viewers as a share of passers-by; None without a camera that looks for bodies."""
        return self.passing_viewers / self.passers_by if self.passers_by else None

    @property
    def conversion_interval(self) -> Interval | None:
        share = self.conversion
        return None if share is None else score_interval(share, self.passers_by)

    @property
    def average_unit_audience(self) -> float | None:
        """See the head of this module; None if no camera was on while it was shown."""
        return self.noticed_ms / self.seen_ms if self.seen_ms else None

    def as_json(self) -> dict[str, Any]:
        """Return the numbers as the API shows them."""
        interval, conversion = self.attention_interval, self.conversion_interval
        return {
            "plays": round(self.plays),
            "shown_s": round(self.shown_s, 1),
            "coverage": _rounded(self.coverage),
            "impressions": self.impressions,
            "viewers": self.viewers,
            "attention_s": _rounded(self.attention_s),
            "attention_interval": [round(interval.low, 3), round(interval.high, 3)] if interval else None,
            "attention_per_play_s": _rounded(self.attention_per_play_s),
            "attention_per_viewer_s": _rounded(self.attention_per_viewer_s),
            "thumbs_up": self.thumbs_up,
            "conversion": _rounded(self.conversion),
            "conversion_interval": [round(conversion.low, 3), round(conversion.high, 3)] if conversion else None,
            "average_unit_audience": _rounded(self.average_unit_audience),
        }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


assert {*SUMS, *SQUARES} == {  # noqa: S101
    field.name for field in fields(Numbers)
}


@dataclass(frozen=True, slots=True)
class Period:
    """A stretch of time, from `start`, included, to `end`, excluded; UTC."""

    start: dt.datetime
    end: dt.datetime


def read_contents(sites: Collection[Site], period: Period) -> dict[int, Numbers]:
    """Read the numbers of each content by its key, in three queries; a fourth where the period cuts days."""
    found: dict[int, Numbers] = defaultdict(Numbers)
    shared = shared_screens(sites)
    for rows in _tallies(sites, period, ContentDay):
        for (content,), sums, squares in add_up(rows, shared, "content"):
            found[content].add(sums, squares)
    return dict(found)


@dataclass(frozen=True, slots=True)
class Parts:
    """The numbers of one content, in parts."""

    whole: Numbers
    by_hour: dict[int, Numbers]
    """By the local hour of the day."""
    by_day: dict[dt.date, Numbers]
    """By the local day."""
    by_position: dict[int, Numbers]
    """By the place in the sequence; 0 where the player does not tell."""
    by_screen: dict[int, Numbers]
    """By the screen's key."""


def read_parts(content: Content, period: Period) -> Parts:
    """Read the numbers of a content in parts, in five queries; two more where the period cuts days.

    A quarter hour belongs to the hour that contains it.
    """
    sites, zone = [content.site], content.site.zone
    shared = shared_screens(sites)
    parts = Parts(Numbers(), *(defaultdict(Numbers) for _ in range(4)))
    for rows in _tallies(sites, period, ContentDay):
        date = TruncDate("start", tzinfo=zone) if rows.model is ContentQuarter else F("day")
        of_content = rows.filter(content=content.pk)
        for (day, screen, position), sums, squares in add_up(of_content, shared, "screen", "position", date=date):
            for numbers in (parts.whole, parts.by_day[day], parts.by_position[position], parts.by_screen[screen]):
                numbers.add(sums, squares)
    for rows in _tallies(sites, period, ContentHour):
        each_hour = ExtractHour("start", tzinfo=zone) if rows.model is ContentQuarter else F("hour")
        for (hour,), sums, squares in add_up(rows.filter(content=content.pk), shared, each=each_hour):
            parts.by_hour[hour].add(sums, squares)
    return parts


def _tallies(
    sites: Collection[Site], period: Period, of_days: type[ContentDay] | type[ContentHour]
) -> list[QuerySet[Any]]:
    """Return the rows that make up the period: those of `of_days` of the local days that lie in it whole, and the
    quarter hours of the days that it cuts; without the latter where it cuts none."""
    by_zone: dict[str, list[Site]] = defaultdict(list)
    for site in sites:
        by_zone[site.timezone].append(site)
    devices = _devices_of(sites)
    whole, cut = Q(pk__in=[]), Q()
    for those in by_zone.values():
        keys, zone = [key for site in those for key in devices[site.pk]], those[0].zone
        first, last = _whole_days(period, zone)
        spans = [(period.start, period.end)]
        if first < last:
            whole |= Q(device__in=keys, day__gte=first, day__lt=last)
            spans = [(period.start, day_start(first, zone)), (day_start(last, zone), period.end)]
        for start, end in spans:
            if start < end:
                cut |= Q(device__in=keys, start__gte=start, start__lt=end)
    # The devices are named once more for databases that are distributed by them.
    everywhere = [key for site in sites for key in devices[site.pk]]
    days = of_days.objects.filter(whole, device__in=everywhere)
    return [days, ContentQuarter.objects.filter(cut, device__in=everywhere)] if cut else [days]


def _devices_of(sites: Collection[Site]) -> Mapping[int, Sequence[int]]:
    """Return the keys of the devices of each site, by the site's key."""
    found: dict[int, list[int]] = defaultdict(list)
    for device, site in Device.objects.filter(site__in=list(sites)).order_by("pk").values_list("pk", "site"):
        found[site].append(device)
    return found


def add_up(
    rows: QuerySet[Any], shared: Collection[int], *names: str, **first: Any
) -> Iterator[tuple[Sequence[Any], Sequence[Any], Sequence[Any]]]:
    """Add rows up by an expression (or none) and by fields; yield these, the sums and the squares of each group.

    A play that several cameras see is one play, and has a row at each of them. So the rows of the screens that are
    `shared` come apart by camera, and by day or quarter hour; such groups are yielded several times.
    """
    squares: dict[str, Any] = {f"total_{name}": IntegerSum(name) for name in SQUARES}
    if rows.model is ContentQuarter:
        tenths = F("attention_ms") / TENTH_MS
        expressions = tenths * tenths, F("told") * F("told"), tenths * F("told")
        squares = {"total_groups": Count("device")} | {
            f"total_{name}": IntegerSum(each) for name, each in zip(SQUARES[1:], expressions, strict=True)
        }
    sums, by = {f"total_{name}": IntegerSum(name) for name in SUMS}, (*first, *names)
    if shared:
        time, is_shared = "start" if rows.model is ContentQuarter else "day", Q(screen__in=shared)
        apart = {"of_screen": "screen", "of_time": time, "of_place": "position", "of_device": "device"}
        if rows.model is ContentHour:
            del apart["of_place"]
        first |= {name: Case(When(is_shared, then=F(field))) for name, field in apart.items()}
        by = (*by, *apart)
    grouped = rows.order_by().annotate(**first).values_list(*by).annotate(**sums, **squares)
    wanted = len(by) - (len(apart) if shared else 0)
    cameras: dict[tuple[Any, ...], list[Sequence[Any]]] = defaultdict(list)
    for row in grouped:
        key, values = row[: len(by)], row[len(by) :]
        if shared and key[-1] is not None:
            cameras[key[:-1]].append(values)
        else:
            yield key[:wanted], values[: len(SUMS)], values[len(SUMS) :]
    for key, of_cameras in cameras.items():
        values = _as_one(of_cameras)
        yield key[:wanted], values[: len(SUMS)], values[len(SUMS) :]


def _as_one(cameras: Sequence[Sequence[Any]]) -> list[Any]:
    """Add up what several cameras saw of the same plays. The plays are those of the camera that saw most of them, and
    the coverage is that of all of them; whatever else they saw adds up."""
    total = [sum(values) for values in zip(*cameras, strict=True)]
    plays, shown, seen = (SUMS.index(name) for name in ("plays", "shown_ms", "seen_ms"))
    coverage = total[seen] / total[shown] if total[shown] else 0
    total[plays], total[shown] = (max(camera[place] for camera in cameras) for place in (plays, shown))
    total[seen] = total[shown] * coverage
    return total


def _whole_days(period: Period, zone: ZoneInfo) -> tuple[dt.date, dt.date]:
    """Return the first local day that lies in the period whole, and the day after the last one."""
    first, last = period.start.astimezone(zone).date(), period.end.astimezone(zone).date()
    return (first if day_start(first, zone) >= period.start else first + ONE_DAY), last


def shared_screens(sites: Iterable[Site]) -> list[int]:
    """Return the keys of the screens that several cameras see."""
    screens = Screen.objects.filter(site__in=list(sites)).order_by("pk").values_list("pk", "cameras")
    return [screen for screen, cameras in screens if len(cameras) > 1]
