"""The monthly limit of charged calls to a recogniser."""

import datetime as dt

from django.conf import settings
from django.db.models import F

from faces.models import RecogniserMonth
from faces.recognisers.recogniser import BudgetSpent


def charge_call(*, provider: str, now: dt.datetime) -> None:
    """Count one call before it is made, so that the call counts even if the worker is killed meanwhile.

    Raises `BudgetSpent` if the month's limit is reached. In a transaction that rolls back, the call is not counted.
    """
    month = billing_month(now)
    if _count(provider, month):
        return
    RecogniserMonth.objects.get_or_create(provider=provider, month=month)
    if not _count(provider, month):
        until = (month + dt.timedelta(days=31)).replace(day=1)
        raise BudgetSpent(
            f"The {monthly_limit(provider):,} calls to {provider} for {month:%B %Y} are used; recognition resumes on "
            f"{until:%d %B}, or when REKOGNITION_MONTHLY_CALLS is raised.",
            until=dt.datetime.combine(until, dt.time(), dt.UTC),
        )


def calls_made(*, provider: str, now: dt.datetime) -> int:
    """Return the number of calls in the month (UTC) of `now`."""
    month = RecogniserMonth.objects.filter(provider=provider, month=billing_month(now)).first()
    return month.calls if month else 0


def is_spent(*, provider: str, now: dt.datetime) -> bool:
    """Whether the month's limit is reached."""
    limit = monthly_limit(provider)
    return limit is not None and calls_made(provider=provider, now=now) >= limit


def monthly_limit(provider: str) -> int | None:
    """Return the calls allowed per month; None for a recogniser without charges."""
    limit: int = settings.REKOGNITION_MONTHLY_CALLS
    return limit if provider == "rekognition" else None


def billing_month(now: dt.datetime) -> dt.date:
    """Return the first day of the month in UTC; Amazon bills by months in UTC."""
    return now.astimezone(dt.UTC).date().replace(day=1)


def _count(provider: str, month: dt.date) -> bool:
    """Count a call unless the limit is reached; as one statement, so that parallel workers never exceed the limit."""
    months, limit = RecogniserMonth.objects.filter(provider=provider, month=month), monthly_limit(provider)
    within = months if limit is None else months.filter(calls__lt=limit)
    return bool(within.update(calls=F("calls") + 1))
