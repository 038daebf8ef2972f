"""What a Liquid Galaxy says of what it shows: End Point's director scenes, and Google Earth's tours."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

import msgspec

from devices.models import Device
from plays.intake.reports import Report
from plays.models import Content, Play, Screen

TOUR = "tour:"
SCENE = "scene:"
"""How the contents of tours and scenes begin, so that they differ from files and boards."""

OPEN_FOR = dt.timedelta(hours=1)
"""A tour that began longer ago is over, and nothing ends it."""


class NotUnderstood(ValueError):
    """The body is neither a scene nor a query. The text is one sentence."""


def read(body: Mapping[str, Any], *, screen: Screen, now: dt.datetime) -> Report | None:
    """Return the report of what the galaxy shows from now on, or of the tour that ends now; None where no tour runs.

    Understands a director's scene (`slug`, `name`, `windows`), also as a message of ROS (`type` and `message`), and a
    line of Google Earth's `query.txt`: `playtour=…` and `exittour=true`. Raises `NotUnderstood`.
    """
    if isinstance(body.get("message"), str):
        try:
            body = msgspec.json.decode(body["message"], type=dict[str, Any])
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise NotUnderstood("The “message” is not the JSON of a scene.") from None
    if isinstance(body.get("slug"), str) and "windows" in body:
        name = body.get("name")
        return Report(f"{SCENE}{body['slug']}", now, name=name if isinstance(name, str) else "")
    query = body.get("query")
    if isinstance(query, str):
        key, _, value = query.strip().partition("=")
        if key == "playtour" and value:
            return Report(f"{TOUR}{value}", now, name=value)
        if key == "exittour":
            return _end_of_tour(screen, now)
    raise NotUnderstood("The report has neither “plays”, nor a scene's “slug” and “windows”, nor a tour's “query”.")


def _end_of_tour(screen: Screen, now: dt.datetime) -> Report | None:
    devices = Device.objects.filter(site=screen.site_id).order_by("pk").values_list("pk", flat=True)
    tours = Content.objects.filter(site=screen.site_id, key__startswith=TOUR).in_bulk()
    latest = (
        Play.objects.filter(device__in=list(devices), screen=screen.pk, started_at__gte=now - OPEN_FOR)
        .order_by("-started_at")
        .first()
    )
    if latest is None or latest.is_closed or latest.content_id not in tours:
        return None
    return Report(tours[latest.content_id].key, latest.started_at, now)
