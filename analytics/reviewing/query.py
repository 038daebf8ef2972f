"""What the review page is asked for by its address. Raises `Http404` with a sentence where it cannot be."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from django.http import Http404, QueryDict
from django.utils.http import urlencode

from analytics.models import LabelQuarter
from analytics.numbers import periods
from analytics.reviewing.cards import SHOWS, Show, Wanted
from devices.models import Device, Site
from edge_agent.vision.gestures import THUMBS_UP

if TYPE_CHECKING:
    from devices.models import User

T = TypeVar("T")

DEFAULT_SHOW: Show = "pictured"


@dataclass(frozen=True, slots=True)
class Query:
    """A site, perhaps one device of it, a label, a period, and which detections of them."""

    site: Site
    devices: Sequence[Device]
    """All of the site."""
    device: Device | None
    labels: Sequence[str]
    """Those that the site's devices detected in the period."""
    label: str
    period: periods.Period
    show: Show
    least: int
    most: int
    """Bounds of the confidence in per cent."""
    before: int | None
    """The number of the detection after which the grid goes on."""

    @property
    def wanted(self) -> Wanted:
        return Wanted(
            devices=[self.device] if self.device else self.devices,
            label=self.label,
            start=self.period.start,
            end=self.period.end,
            show=self.show,
            least=self.least / 100,
            most=self.most / 100,
        )

    def address(self, **changed: str | int | dt.date | None) -> str:
        """The page's query string with these values changed; None leaves one out."""
        values: dict[str, str | int | dt.date | None] = {
            "site": self.site.slug,
            "device": self.device.name if self.device else None,
            "label": self.label,
            "show": self.show,
            "least": self.least or None,
            "most": self.most if self.most < 100 else None,
            "days": self.period.days,
            "to": None if self.period.is_current else self.period.last.isoformat(),
            **changed,
        }
        return "?" + urlencode({name: str(value) for name, value in values.items() if value is not None})


def parse(asked: QueryDict, user: "User", now: dt.datetime) -> Query | None:
    """What is asked for, the user's first site unless it is said; None where the user has no site."""
    given = {name: str(value) for name, value in asked.items()}
    sites = {site.slug: site for site in Site.objects.for_user(user)}
    if not sites:
        return None
    site = _one_of(sites, given.get("site"), "site", default=next(iter(sites)))
    devices = {device.name: device for device in Device.objects.filter(site=site).order_by("name")}
    try:
        period = periods.parse(given.get("days"), given.get("to"), zone=site.zone, now=now)
        least, most = _percent(given.get("least", "0")), _percent(given.get("most", "100"))
        before = int(given["before"]) if "before" in given else None
    except ValueError as error:
        raise Http404(str(error)) from None
    labels = _labels(list(devices.values()), period)
    return Query(
        site=site,
        devices=list(devices.values()),
        device=_one_of(devices, given["device"], "device") if given.get("device") else None,
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


def _percent(text: str) -> int:
    number = int(text) if text.isdecimal() else -1
    if not 0 <= number <= 100:
        raise ValueError(f"“{text}” is not a confidence in per cent, 0 to 100.")
    return number
