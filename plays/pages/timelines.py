"""The timeline of a day: who was there, above what was shown; and that of one visit."""

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, cast
from zoneinfo import ZoneInfo

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from django.views.decorators.http import require_safe

from analytics.models import Visit
from devices.managing.access import find_site
from devices.models import Device, Site
from devices.rules.text import whole_number
from plays.models import Content, Screen
from plays.numbers.timelines import SeenVisit, ShownPlay, read_timeline

if TYPE_CHECKING:
    from devices.models import User

SPANS = {"10m": dt.timedelta(minutes=10), "1h": dt.timedelta(hours=1), "1d": dt.timedelta(days=1)}
DEFAULT_SPAN = "1h"
ROOM = dt.timedelta(seconds=30)
"""The time before and after a visit on its own timeline."""

NARROWEST_LABEL = 6
"""A play that is narrower, in percents of the line, has no name on it."""

COLOURS = 8
"""Contents take turns with so many colours."""


@login_required
@require_safe
def timeline(request: HttpRequest, slug: str) -> HttpResponse:
    """Show a stretch of a day: visits above, plays below. `?visit=` shows one visit with what it met."""
    user, now = cast("User", request.user), timezone.now()
    site = find_site(user, slug)
    devices = list(Device.objects.filter(site=site).order_by("pk"))
    visit = _visit(request, devices)
    span = request.GET.get("span", "")
    span = span if span in SPANS else DEFAULT_SPAN
    if visit is not None:
        start, end = visit.began_at - ROOM, visit.began_at + dt.timedelta(milliseconds=visit.dwell_ms) + ROOM
        devices = [device for device in devices if device.pk == visit.device_id]
    else:
        start = _moment(request, site, devices, span, now)
        end = start + SPANS[span]
    found = read_timeline(devices, start, end, now=now)
    line = Line(start, end, site.zone)
    contents = sorted({content for _, plays in found.rows for _, content in plays}, key=lambda each: each.name)
    looks = {content: Look(content, number % COLOURS) for number, content in enumerate(contents)}
    context = {
        "site": site,
        "visit": visit,
        "start": start.astimezone(site.zone),
        "end": end.astimezone(site.zone),
        "span": span,
        "spans": list(SPANS),
        "earlier": (start - SPANS[span]).isoformat(),
        "later": (end).isoformat() if end < now else "",
        "people": _joined(_visit_bar(each, line) for each in found.visits if visit is None or each.pk == visit.pk),
        "rows": [
            (screen, _joined(_play_bar(play, looks[content], line) for play, content in shown))
            for screen, shown in found.rows
        ],
        "key": [(content, look.colour) for content, look in looks.items()],
        "met": _met(visit, found.rows) if visit is not None else [],
        "ticks": _ticks(start, end, site),
        "until": found.until,
    }
    return render(request, "plays/timeline.html", context)


def _visit(request: HttpRequest, devices: Sequence[Device]) -> Visit | None:
    text = request.GET.get("visit", "")
    if not text:
        return None
    number = whole_number(text)
    keys = [device.pk for device in devices]
    found: Visit | None = None if number is None else Visit.objects.filter(device__in=keys, pk=number).first()
    if found is None:
        raise Http404("There is no such visit.")
    return found


def _moment(request: HttpRequest, site: Site, devices: Sequence[Device], span: str, now: dt.datetime) -> dt.datetime:
    """Return the start of the stretch in the address; by default that which contains the latest visit."""
    text = request.GET.get("from", "")
    try:
        moment = parse_datetime(text.replace(" ", "+")) if text else None
        if moment is not None and moment.tzinfo is None:
            moment = moment.replace(tzinfo=site.zone)
        if moment is not None and 2000 <= moment.year < 9000:
            return moment.astimezone(dt.UTC)
    except (ValueError, OverflowError):
        pass
    keys = [device.pk for device in devices]
    latest = Visit.objects.filter(device__in=keys, began_at__lte=now).order_by("-began_at").first()
    at = (latest.began_at if latest else now).astimezone(site.zone)
    if span == "1d":
        return at.replace(hour=0, minute=0, second=0, microsecond=0).astimezone(dt.UTC)
    minutes = at.minute // 10 * 10 if span == "10m" else 0
    return at.replace(minute=minutes, second=0, microsecond=0).astimezone(dt.UTC)


def _joined(bars: Iterable[str]) -> SafeString:
    """Return the elements of a line, whose texts are escaped. A template would take ten times as long for thousands."""
    return mark_safe("".join(bars))  # noqa: S308 - see above


class Line:
    """The line of a stretch of time, on which bars lie."""

    def __init__(self, start: dt.datetime, end: dt.datetime, zone: ZoneInfo) -> None:
        self.start, self.percent, self.zone = start, (end - start) / 100, zone

    def place(self, low: dt.datetime, high: dt.datetime) -> tuple[float, float]:
        """Return where a stretch of time lies and how wide it is, in percents of the line."""
        left = max(0.0, (low - self.start) / self.percent)
        return left, max(0.05, min(100.0, (high - self.start) / self.percent) - left)

    def clock(self, moment: dt.datetime) -> str:
        """Return the local time of day."""
        return f"{moment.astimezone(self.zone):%H:%M:%S}"


class Look:
    """How a content looks on the timeline: its name, escaped once for all its plays, and its colour."""

    def __init__(self, content: Content, colour: int) -> None:
        self.name, self.colour = escape(content.name), colour


def _visit_bar(visit: SeenVisit, line: Line) -> str:
    looked = "" if visit.attention_ms is None else f", looked for {visit.attention_ms / 1000:.1f} s"
    text = f"{line.clock(visit.began_at)}: a visit of {visit.dwell_ms / 1000:.1f} s{looked}"
    look = round(10 * (visit.attention_ms or 0) / max(1, visit.dwell_ms))
    left, width = line.place(visit.began_at, visit.left_at)
    style = f"left: {left:.3f}%; width: {width:.3f}%; --look: {look}"
    # An archived visit, which is not in the database, has no page of its own.
    link = "" if visit.is_archived else f' href="?visit={visit.pk}"'
    return f'<a class="visit-bar"{link} style="{style}" title="{text}"></a>'


def _play_bar(play: ShownPlay, look: Look, line: Line) -> str:
    seconds = (play.ended_at - play.started_at).total_seconds()
    text = f"{line.clock(play.started_at)}: {look.name}, {seconds:.1f} s"
    left, width = line.place(play.started_at, play.ended_at)
    style, label = f"left: {left:.3f}%; width: {width:.3f}%", look.name if width > NARROWEST_LABEL else ""
    return f'<span class="play-bar colour-{look.colour}" style="{style}" title="{text}">{label}</span>'


def _met(
    visit: Visit, rows: Sequence[tuple[Screen, Sequence[tuple[ShownPlay, Content]]]]
) -> list[tuple[Content, float, float | None]]:
    """Return what the visit met: each content, the seconds together, and the seconds of attention that it gets."""
    leave = visit.began_at + dt.timedelta(milliseconds=visit.dwell_ms)
    together: dict[Content, float] = {}
    for _, plays in rows:
        for play, content in plays:
            seconds = (min(play.ended_at, leave) - max(play.started_at, visit.began_at)).total_seconds()
            if seconds >= 1:
                together[content] = together.get(content, 0.0) + seconds
    share = None if visit.attention_ms is None else visit.attention_ms / max(1, visit.dwell_ms)
    return [(content, seconds, None if share is None else share * seconds) for content, seconds in together.items()]


def _ticks(start: dt.datetime, end: dt.datetime, site: Site) -> list[tuple[float, str]]:
    whole = end - start
    return [
        (20.0 * step, f"{(start + whole * step / 5).astimezone(site.zone):%H:%M:%S}".removesuffix(":00"))
        for step in range(5)
    ]
