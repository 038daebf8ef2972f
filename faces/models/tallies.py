"""What is kept beside the facts so that reading stays quick: who entered galleries and left them, coffees by day."""

import secrets

from django.db import models

from devices.models import Device, Site
from devices.querysets import DeviceScopedQuerySet, SiteScopedQuerySet

NOBODY = 0
"""The number that anonymous coffees are tallied under; no person has it."""


def new_token() -> int:
    return secrets.randbits(63)


class GalleryChange(models.Model):
    """A face came to a site or went, so that every process knows what it holds too much or lacks.

    Says only which: whether the face is there now, the table of faces says. Rows of a site are numbered in the order
    of their commits, as whoever writes one has locked the site. The number of a change that was rolled back may be
    given again; the token is not.
    """

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="+")
    face_number = models.BigIntegerField(help_text="The face's primary key.")
    token = models.BigIntegerField(default=new_token)

    objects = SiteScopedQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["site", "id"], name="changes_of_a_gallery")]

    def __str__(self) -> str:
        return f"face {self.face_number} came to {self.site} or went"


class Span(models.TextChoices):
    """What a tally of coffees is of: a day, a month or a year of the site's own calendar."""

    DAY = "day"
    MONTH = "month"
    YEAR = "year"


class CoffeeTally(models.Model):
    """How many coffees count, by device, span of time, and person; see `coffees/coffee_tallies.py`."""

    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="+", db_index=False)
    span = models.CharField(max_length=5, choices=Span.choices)
    start = models.DateField(help_text="The span's first day, by the site's own clock.")
    person_number = models.BigIntegerField(help_text="The person's primary key, or 0 for nobody in particular.")
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
