"""Opening hours of sites: a week plan in force from a day on, public holidays, and single days that differ."""

import datetime as dt
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models

from analytics.models.opening_hours import Hours, find_overlap, parse_hours
from devices.models import Site
from devices.storage.querysets import SiteScopedQuerySet

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
FORM = "Such as 09:00-18:00, or 09:00-12:00, 13:00-18:00, or 22:00-02:00 next day. Empty: closed."


YEARS = range(2000, 2100)
"""Days of other years are typing mistakes."""


def validate_hours(text: str) -> None:
    try:
        parse_hours(text)
    except ValueError as error:
        raise ValidationError(str(error)) from None


def hours_field(name: str, help_text: str = "") -> "models.CharField[str, str]":
    return models.CharField(name, max_length=120, blank=True, validators=[validate_hours], help_text=help_text)


class OpeningPlan(models.Model):
    """The opening hours of a site from a day on, until its next plan begins. Earlier plans hold for the past."""

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="opening_plans")
    since = models.DateField(
        default=dt.date(2000, 1, 1),
        help_text="The first day of this plan. When hours change, add a plan; the past keeps its own.",
    )
    monday = hours_field("Monday", FORM)
    tuesday = hours_field("Tuesday")
    wednesday = hours_field("Wednesday")
    thursday = hours_field("Thursday")
    friday = hours_field("Friday")
    saturday = hours_field("Saturday")
    sunday = hours_field("Sunday")
    country = models.CharField(
        max_length=2, blank=True, help_text="Whose public holidays the site has, such as US. Empty: none."
    )
    region = models.CharField(
        max_length=10, blank=True, help_text="Such as IL for Illinois; empty for the whole country."
    )
    holiday = hours_field("public holidays", "Hours on public holidays. Empty: closed.")

    objects = SiteScopedQuerySet.as_manager()

    class Meta:
        ordering = ["site__name", "-since"]
        constraints = [models.UniqueConstraint(fields=["site", "since"], name="one_opening_plan_per_site_and_day")]

    def __str__(self) -> str:
        return f"{self.site} from {self.since}"

    @property
    def week(self) -> list[Hours]:
        """The hours of each day of the week, Monday first."""
        return [parse_hours(getattr(self, day)) for day in DAYS]

    def clean(self) -> None:
        """Refuse days that overlap, a country or region without known holidays, and a day that nobody can mean."""
        _check_year(self.since, "since")
        try:
            overlap = find_overlap(self.week)
        except ValueError:
            return  # The field has told.
        if overlap is not None:
            day, following = DAYS[overlap], DAYS[(overlap + 1) % len(DAYS)]
            names = f"{day.capitalize()} reach into those of {following.capitalize()}"
            raise ValidationError({day: f"The hours of {names}; end them earlier."})
        _check_region(self.country, self.region)


def _check_year(day: dt.date | None, field: str) -> None:
    if day is not None and day.year not in YEARS:
        raise ValidationError({field: f"Choose a day from {YEARS[0]} to {YEARS[-1]}."})


def _check_region(country: str, region: str) -> None:
    # The library is slow to import, and few requests need it.
    import holidays

    if region and not country:
        raise ValidationError({"country": "A region needs its country, such as US for IL."})
    known: dict[str, Any] = holidays.list_supported_countries(include_aliases=True)
    if country and country not in known:
        raise ValidationError({"country": f"No holidays are known of “{country}”; write a code such as US, DE or NZ."})
    if region and region not in known[country]:
        some = f"; it has {', '.join(known[country][:5])} …" if known[country] else ""
        raise ValidationError({"region": f"{country} has no region “{region}” with holidays of its own{some}."})


class OpeningException(models.Model):
    """A day on which a site has other hours than its plan says, or is closed."""

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="opening_exceptions")
    date = models.DateField()
    hours = hours_field("hours", FORM)
    note = models.CharField(max_length=120, blank=True, help_text="Such as “stock-taking”.")

    objects = SiteScopedQuerySet.as_manager()

    class Meta:
        ordering = ["site__name", "-date"]
        constraints = [models.UniqueConstraint(fields=["site", "date"], name="one_opening_exception_per_site_and_day")]

    def __str__(self) -> str:
        return f"{self.site} on {self.date}: {self.hours or 'closed'}"

    def clean(self) -> None:
        """Refuse a day that nobody can mean."""
        _check_year(self.date, "date")
