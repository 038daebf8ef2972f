"""Query sets of pictures, people and coffees, limited to what a user may see."""

import datetime as dt
from collections.abc import Iterable
from itertools import groupby
from typing import TYPE_CHECKING, Literal, Self, get_args
from zoneinfo import ZoneInfo

from django.db.models import Q

from devices.rules.roles import Right
from devices.storage.querysets import DeviceScopedQuerySet, SiteScopedQuerySet

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from devices.models import Site, User

Period = Literal["today", "week", "month", "all"]
"""Since the latest midnight, Monday or first of the month in the site's time zone; or all time."""

PERIODS: tuple[Period, ...] = get_args(Period)


class AnnotationQuerySet(SiteScopedQuerySet):
    site_path = "capture__device__site"


class ConsentQuerySet(SiteScopedQuerySet):
    site_path = "person__site"

    def valid(self, now: dt.datetime) -> Self:
        """Consents that are in force at this moment: signed, not withdrawn, and not expired."""
        return self.filter(_consent_in_force(now))

    def to_withdraw(self) -> Self:
        """Consents that are not withdrawn, or that still have faces because an outage interrupted the withdrawal."""
        return self.filter(Q(withdrawn_at__isnull=True) | Q(faces__isnull=False)).distinct()


class FaceQuerySet(SiteScopedQuerySet):
    site_path = "consent__person__site"

    def consented(self, now: dt.datetime) -> Self:
        """Faces that may be matched at this moment, because their consent is in force."""
        return self.filter(_consent_in_force(now, path="consent__"))

    def at(self, site_id: int, *, provider: str) -> Self:
        """Faces of the site that this recogniser has indexed."""
        return self.filter(provider=provider, consent__person__site=site_id)


class EnrolmentPhotoQuerySet(SiteScopedQuerySet):
    site_path = "draft__site"


class ErasureNoticeQuerySet(SiteScopedQuerySet):
    site_path = "person__site"


class RecogniserMonthQuerySet(SiteScopedQuerySet):
    """The calls of the whole deployment, which belong to no site and are visible to superusers only."""

    def permitted(self, user: "User | AnonymousUser | None", right: Right) -> Self:
        return self if user is not None and user.is_active and user.is_superuser else self.none()


class SightingQuerySet(SiteScopedQuerySet):
    site_path = "capture__device__site"


class CaptureQuerySet(DeviceScopedQuerySet):
    def due(self, now: dt.datetime) -> Self:
        """Captures whose recognition should have finished by this time."""
        return self.filter(Q(state="queued") | Q(state="working"), next_try_at__lte=now)


class CoffeeQuerySet(DeviceScopedQuerySet):
    def counted(self) -> Self:
        """Coffees that count, because they are not voided."""
        return self.filter(voided=False)

    def of(self, *, sites: "Iterable[Site]", period: Period, now: dt.datetime) -> Self:
        """Coffees that count at these sites within the period, in each site's time zone.

        Raises `ValueError` for an unknown period.
        """
        check_period(period)
        by_zone = sorted(sites, key=lambda site: site.timezone)
        matches = Q(pk__in=[])
        for timezone, group in groupby(by_zone, key=lambda site: site.timezone):
            start = start_of(period, now.astimezone(ZoneInfo(timezone)))
            matches |= Q(device__site__in=list(group), **({"taken_at__gte": start} if start else {}))
        return self.counted().filter(matches)


def _consent_in_force(now: dt.datetime, *, path: str = "") -> Q:
    """The condition of `Consent.is_valid` in SQL. `path` leads from the row to its consent, such as `consent__`."""
    terms = {"withdrawn_at__isnull": True, "signed_at__lte": now, "expires_at__gt": now}
    return Q(**{f"{path}{term}": value for term, value in terms.items()})


def check_period(period: str) -> None:
    """Raise `ValueError` for an unknown period."""
    if period not in PERIODS:
        raise ValueError(f"There is no period “{period}”; the periods are {', '.join(PERIODS)}.")


def start_of(period: Period, local: dt.datetime) -> dt.datetime | None:
    """Return the start of the period in the time zone of `local`; None for all time."""
    if period == "all":
        return None
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    if period == "today":
        return midnight
    if period == "week":
        return midnight - dt.timedelta(days=midnight.weekday())
    return midnight.replace(day=1)
