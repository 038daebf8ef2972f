"""The query string of the review page. Parameters that are not valid raise `Http404` with a sentence."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from django.http import Http404, QueryDict
from django.utils.http import urlencode

from analytics.features.reviewing.items import SHOWS, DetectionFilter, Show
from analytics.models import LabelQuarter
from analytics.numbers import periods
from devices.models import Device, Site
from devices.rules.text import whole_number
from devices.storage.querysets import Spot, spots_of
from edge_agent.vision.gestures import THUMBS_UP

if TYPE_CHECKING:
    from devices.models import User

T = TypeVar("T")

DEFAULT_SHOW: Show = "pictured"


@dataclass(frozen=True, slots=True)
class PageQuery:
    """The site, device, label, period and conditions of the detections that the page shows."""

    site: Site
    devices: Sequence[Device]
    """All devices that the site has and had."""
    spots: Sequence[Spot]
    spot: Spot | None
    """The spot of the selected device; None for all devices of the site."""
    labels: Sequence[str]
    """The labels that the site's devices detected in the period."""
    label: str
    period: periods.Period
    show: Show
    least: int
    most: int
    """Bounds of the confidence in per cent."""
    before: int | None
    """The primary key of the detection after which the page starts; None for the first page."""

    @property
    def detection_filter(self) -> DetectionFilter:
        """The conditions of the page's detections."""
        return DetectionFilter(
            devices=self.spot.devices if self.spot else self.devices,
            label=self.label,
            start=self.period.start,
            end=self.period.end,
            show=self.show,
            least=self.least / 100,
            most=self.most / 100,
        )

    def address(self, **changed: str | int | dt.date | None) -> str:
        """Return the page's query string with these values changed; None omits a parameter."""
        values: dict[str, str | int | dt.date | None] = {
            "site": self.site.slug,
            "device": self.spot.latest.name if self.spot else None,
            "label": self.label,
            "show": self.show,
            "least": self.least or None,
            "most": self.most if self.most < 100 else None,
            "days": self.period.days,
            "to": None if self.period.is_current else self.period.last.isoformat(),
            **changed,
        }
        return "?" + urlencode({name: str(value) for name, value in values.items() if value is not None})


def parse_query(parameters: QueryDict, user: "User", now: dt.datetime) -> PageQuery | None:
    """Parse the page's parameters, by default the user's first site; None where the user has no site.

    Raises `Http404` for a site or spot that the user may not see, and for a value that cannot be read.
    """
    given = {name: str(value) for name, value in parameters.items()}
    sites = {site.slug: site for site in Site.objects.for_user(user)}
    if not sites:
        return None
    site = _one_of(sites, given.get("site"), "site", default=next(iter(sites)))
    devices = list(Device.objects.filter(site=site).order_by("name"))
    spots = {spot.latest.name: spot for spot in spots_of(devices)}
    try:
        period = periods.parse({name: given.get(name) for name in ("days", "to")}, zone=site.zone, now=now)
        least, most = _percent(given.get("least", "0")), _percent(given.get("most", "100"))
        before = _before(given["before"]) if "before" in given else None
    except ValueError as error:
        raise Http404(str(error)) from None
    labels = _labels(devices, period)
    return PageQuery(
        site=site,
        devices=devices,
        spots=list(spots.values()),
        spot=_one_of(spots, given["device"], "device") if given.get("device") else None,
        labels=labels,
        label=given.get("label") or (THUMBS_UP if THUMBS_UP in labels or not labels else labels[0]),
        period=period,
        show=_one_of({show: show for show in SHOWS}, given.get("show"), "kind of review", default=DEFAULT_SHOW),
        least=least,
        most=most,
        before=before,
    )


def _labels(devices: Sequence[Device], period: periods.Period) -> list[str]:
    tallies = LabelQuarter.objects.filter(device__in=devices, start__gte=period.start, start__lt=period.end)
    return list(tallies.order_by("label").values_list("label", flat=True).distinct())


def _one_of(known: Mapping[str, T], name: str | None, what: str, default: str | None = None) -> T:
    try:
        return known[name or default or ""]
    except KeyError:
        raise Http404(f"You have no {what} “{name}”.") from None


def _before(text: str) -> int:
    number = whole_number(text)
    if number is None:
        raise ValueError(f"“{text:.20}” is not the number of a detection.")
    return number


def _percent(text: str) -> int:
    number = whole_number(text, 100)
    if number is None:
        raise ValueError(f"“{text:.20}” is not a confidence in per cent, 0 to 100.")
    return number
