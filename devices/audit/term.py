"""Deletes the entries of the audit whose term is over."""

import datetime as dt

from django.conf import settings

from devices.models import AuditEntry


def forget_old_entries(*, now: dt.datetime) -> int:
    """Delete the entries that are older than `AUDIT_RETENTION_DAYS`, and return how many."""
    return AuditEntry.objects.all().forget_before(now - dt.timedelta(days=settings.AUDIT_RETENTION_DAYS))
