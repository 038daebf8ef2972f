"""Reads of pictures and people, scoped to what a user may see."""

import datetime as dt
from collections.abc import Iterable
from itertools import groupby
from typing import TYPE_CHECKING, Literal, Self, get_args
from zoneinfo import ZoneInfo

from django.db.models import Q

from devices.querysets import DeviceScopedQuerySet, SiteScopedQuerySet
from devices.roles import Right

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from devices.models import Site, User

Period = Literal["today", "week", "month", "all"]
"""From the site's own last midnight, Monday or first of the month; or from the beginning."""

PERIODS: tuple[Period, ...] = get_args(Period)


class ConsentQuerySet(SiteScopedQuerySet):
    site_path = "person__site"

    def valid(self, now: dt.datetime) -> Self:
        """Those that were neither withdrawn nor have run out at this moment."""
        return self.filter(withdrawn_at__isnull=True, signed_at__lte=now, expires_at__gt=now)

    def to_withdraw(self) -> Self:
        """Those that are not withdrawn, or not to the end: an outage may leave faces that rest on them."""
        return self.filter(Q(withdrawn_at__isnull=True) | Q(faces__isnull=False)).distinct()


class FaceQuerySet(SiteScopedQuerySet):
    site_path = "consent__person__site"

    def consented(self, now: dt.datetime) -> Self:
        """Faces that may be matched at this moment: their consent is neither withdrawn nor over."""
        return self.filter(consent__withdrawn_at__isnull=True, consent__signed_at__lte=now, consent__expires_at__gt=now)

    def at(self, site_id: int, *, provider: str) -> Self:
        """A site's faces, as this recogniser knows them."""
        return self.filter(provider=provider, consent__person__site=site_id)


class ErasureNoticeQuerySet(SiteScopedQuerySet):
    site_path = "person__site"


class RecogniserMonthQuerySet(SiteScopedQuerySet):
    """The deployment's account with a recogniser, which is no site's own: for superusers alone."""

    def permitted(self, user: "User | AnonymousUser | None", right: Right) -> Self:
        return self if user is not None and user.is_active and user.is_superuser else self.none()


class SightingQuerySet(SiteScopedQuerySet):
    site_path = "capture__device__site"


class CaptureQuerySet(DeviceScopedQuerySet):
    def due(self, now: dt.datetime) -> Self:
        """Captures whose recognition somebody should have finished by this moment."""
        return self.filter(Q(state="queued") | Q(state="working"), next_try_at__lte=now)


class CoffeeQuerySet(DeviceScopedQuerySet):
    def counted(self) -> Self:
        return self.filter(voided=False)

    def of(self, *, sites: "Iterable[Site]", period: Period, now: dt.datetime) -> Self:
        """What was counted at these sites within the period, each site by its own clock. Raises `ValueError`."""
        check_period(period)
        here = sorted(sites, key=lambda site: site.timezone)
        wanted = Q(pk__in=[])
        for timezone, group in groupby(here, key=lambda site: site.timezone):
            start = start_of(period, now.astimezone(ZoneInfo(timezone)))
            wanted |= Q(device__site__in=list(group), **({"taken_at__gte": start} if start else {}))
        return self.counted().filter(wanted)


def check_period(period: str) -> None:
    """Raises `ValueError` where there is no such period."""
    if period not in PERIODS:
        raise ValueError(f"There is no period “{period}”; there are {', '.join(PERIODS)}.")


def start_of(period: Period, local: dt.datetime) -> dt.datetime | None:
    """The period's first moment on the wall clock of `local`'s zone; None where it has none."""
    if period == "all":
        return None
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    if period == "today":
        return midnight
    if period == "week":
        return midnight - dt.timedelta(days=midnight.weekday())
    return midnight.replace(day=1)
