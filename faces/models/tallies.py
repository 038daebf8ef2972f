"""Derived data that makes reading quick: changes of galleries, and tallies of coffees."""

import secrets

from django.db import models

from devices.models import Device, Site
from devices.storage.querysets import DeviceScopedQuerySet, SiteScopedQuerySet

NOBODY = 0
"""The person number of anonymous coffees in tallies; no person has it."""


def new_token() -> int:
    return secrets.randbits(63)


class GalleryChange(models.Model):
    """A face that was added to a site's gallery or removed, so that every process can update its cache.

    The row does not contain whether the face still exists; the table of faces does. The rows of a site are numbered in
    the order of their commits, because each writer locks the site. After a rollback a number may be used again, but
    with another token.
    """

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="+")
    face_number = models.BigIntegerField(help_text="The face's primary key.")
    token = models.BigIntegerField(default=new_token)

    objects = SiteScopedQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["site", "id"], name="changes_of_a_gallery")]

    def __str__(self) -> str:
        return f"change of face {self.face_number} at {self.site}"


class Span(models.TextChoices):
    """The span of a tally: a day, a month or a year in the site's time zone."""

    DAY = "day"
    MONTH = "month"
    YEAR = "year"


class CoffeeTally(models.Model):
    """The number of coffees that count, by device, span and person; see `coffees/coffee_tallies.py`."""

    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="+", db_index=False)
    span = models.CharField(max_length=5, choices=Span.choices)
    start = models.DateField(help_text="The span's first day, in the site's time zone.")
    person_number = models.BigIntegerField(help_text="The person's primary key, or 0 for anonymous coffees.")
    coffees = models.IntegerField()

    objects = DeviceScopedQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["device", "span", "start", "person_number"],
                name="one_coffee_tally_per_device_span_start_and_person",
            )
        ]
        indexes = [
            models.Index(
                fields=["person_number", "start"], condition=models.Q(span="day"), name="coffee_days_of_a_person"
            )
        ]

    def __str__(self) -> str:
        return f"{self.coffees} coffees of person {self.person_number} in the {self.span} of {self.start:%Y-%m-%d}"
