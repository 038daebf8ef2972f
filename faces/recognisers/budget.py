"""What a recogniser may be asked in a month, where each call is charged."""

import datetime as dt

from django.conf import settings
from django.db.models import F

from faces.models import RecogniserMonth
from faces.recognisers.recogniser import BudgetSpent


def charge_call(*, provider: str, now: dt.datetime) -> None:
    """Count one call, before it is made, so that a worker that is killed meanwhile has paid for it.

    Raises `BudgetSpent` where the month's calls are all made. Within a transaction the count goes with it.
    """
    month = billing_month(now)
    if _count(provider, month):
        return
    RecogniserMonth.objects.get_or_create(provider=provider, month=month)
    if not _count(provider, month):
        until = (month + dt.timedelta(days=31)).replace(day=1)
        raise BudgetSpent(
            f"The {monthly_limit(provider):,} calls to {provider} of {month:%B %Y} are spent; it goes on by itself on "
            f"{until:%d %B}, or when REKOGNITION_MONTHLY_CALLS is raised.",
            until=dt.datetime.combine(until, dt.time(), dt.UTC),
        )


def calls_made(*, provider: str, now: dt.datetime) -> int:
    """In the month (UTC) of this moment."""
    month = RecogniserMonth.objects.filter(provider=provider, month=billing_month(now)).first()
    return month.calls if month else 0


def is_spent(*, provider: str, now: dt.datetime) -> bool:
    """Whether nothing may be asked until the next month."""
    limit = monthly_limit(provider)
    return limit is not None and calls_made(provider=provider, now=now) >= limit


def monthly_limit(provider: str) -> int | None:
    """Calls a month; None for a recogniser that costs nothing."""
    limit: int = settings.REKOGNITION_MONTHLY_CALLS
    return limit if provider == "rekognition" else None


def billing_month(now: dt.datetime) -> dt.date:
    """Of the month by UTC, by which Amazon bills."""
    return now.astimezone(dt.UTC).date().replace(day=1)


def _count(provider: str, month: dt.date) -> bool:
    """One statement, so that workers at once never count beyond the limit."""
    months, limit = RecogniserMonth.objects.filter(provider=provider, month=month), monthly_limit(provider)
    within = months if limit is None else months.filter(calls__lt=limit)
    return bool(within.update(calls=F("calls") + 1))
