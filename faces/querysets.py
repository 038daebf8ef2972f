"""Reads of pictures and people, scoped to what a user may see."""

import datetime as dt
from typing import Self

from django.db.models import Q

from devices.querysets import DeviceScopedQuerySet, SiteScopedQuerySet


class PersonScopedQuerySet(SiteScopedQuerySet):
    """A queryset of things that belong to a person."""

    site_path = "person__site"

    def valid(self, now: dt.datetime) -> Self:
        """Consents that were neither withdrawn nor have run out at this moment."""
        return self.filter(withdrawn_at__isnull=True, signed_at__lte=now, expires_at__gt=now)


class FaceQuerySet(SiteScopedQuerySet):
    site_path = "consent__person__site"

    def consented(self, now: dt.datetime) -> Self:
        """Faces that may be matched at this moment: their consent is neither withdrawn nor over."""
        return self.filter(consent__withdrawn_at__isnull=True, consent__signed_at__lte=now, consent__expires_at__gt=now)


class SightingQuerySet(SiteScopedQuerySet):
    site_path = "capture__device__site"


class CaptureQuerySet(DeviceScopedQuerySet):
    def due(self, now: dt.datetime) -> Self:
        """Captures whose recognition somebody should have finished by this moment."""
        return self.filter(Q(state="queued") | Q(state="working"), next_try_at__lte=now)


class CoffeeQuerySet(DeviceScopedQuerySet):
    def counted(self) -> Self:
        return self.filter(voided=False)
