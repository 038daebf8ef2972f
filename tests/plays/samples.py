"""A screen, plays and visits for tests of plays."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

from analytics.counting import visit_rows
from analytics.counting.visits import VisitRow
from analytics.models import EngagementQuarter, Episode
from analytics.models.quarters import quarter_start
from devices.models import Device
from plays.attribution import services as attribution
from plays.experiments.services import publish
from plays.intake.reports import Report
from plays.intake.services import Stored, store
from plays.models import Content, ContentQuarter, Experiment, Play, Screen, Source
from tests import clock

SECOND = dt.timedelta(seconds=1)

NOON = clock.NOW - dt.timedelta(hours=2)
"""The moment from which tests count seconds: the start of a quarter hour."""


def at(seconds: float) -> dt.datetime:
    return NOON + seconds * SECOND


def screen(device: Device, name: str = "Lobby", **more: object) -> Screen:
    found, _ = Screen.objects.get_or_create(site=device.site, name=name, defaults={"cameras": [device.name], **more})
    return found


def play(on: Screen, content: str, start: float, end: float | None, **more: object) -> Stored:
    """Store one play, with times in seconds after `NOON`."""
    ended_at = None if end is None else at(end)
    report = Report(content, at(start), ended_at, **more)  # type: ignore[arg-type]
    return store(screen=on, reports=[report], source=Source.API, now=clock.now())


def visit(
    device: Device, start: float, dwell: float, attention: float | None, *, key: str = "", bodies: bool = True
) -> None:
    row = VisitRow(
        device.pk,
        at(start),
        key or f"v{start}",
        round(dwell * 1000),
        None if attention is None else round(attention * 1000),
        None,
        True,
        bodies,
    )
    visit_rows.add([row])


def camera_on(device: Device, start: float, minutes: int) -> None:
    """Have the camera be on in the first minutes of the quarter hour that contains `start`."""
    EngagementQuarter.objects.create(
        device=device,
        start=quarter_start(at(start)),
        frames=minutes,
        faces_sum=0,
        faces_peak=0,
        minutes_seen=2**minutes - 1,
        minutes_occupied=0,
        minutes_told=2**minutes - 1,
    )


def thumbs_up(device: Device, start: float) -> None:
    Episode.objects.create(
        device=device, label="thumbs-up", started=at(start), ended=at(start + 1), peak=1, confidence=0.9
    )


def tallies(content: str | None = None) -> Sequence[ContentQuarter]:
    """Compute what has changed, and return the tallies, of one content or of all."""
    attribution.compute_changed(now=clock.now())
    found = ContentQuarter.objects.order_by("start", "content", "position")
    return list(found if content is None else found.filter(content__key=content))


def content(on: Screen, key: str) -> Content:
    return Content.objects.get_or_create(site=on.site, key=key, defaults={"name": key})[0]


def one_play(device: Device) -> Play:
    play(screen(device), "film", 0, 10)
    return Play.objects.get(device=device)


def experiment(device: Device, **more: Any) -> Experiment:
    """Publish an experiment of a film against a poster, which begins tomorrow. Its plan is always the same, so that no
    test meets an interval that misses, as 5 % of them do."""
    lobby = screen(device)
    values: dict[str, Any] = {
        "name": "Film or poster",
        "first_day": clock.now().date() + dt.timedelta(days=1),
        "days": 14,
        "from_hour": 8,
        "to_hour": 20,
        "block_minutes": 60,
        "smallest_lift": 0.15,
    }
    made = Experiment(site=device.site, screen=lobby, **{**values, **more})
    contents = [content(lobby, key) for key in ("film", "poster")]
    return publish(experiment=made, contents=contents, by=None, now=clock.now(), seed="one plan")
