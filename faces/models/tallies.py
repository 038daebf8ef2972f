"""What is kept beside the facts so that reading stays quick: who entered galleries and left them, coffees by month."""

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


class CoffeeMonth(models.Model):
    """How many coffees count, by device, month and person; the database itself keeps it (`faces.coffee_months`)."""

    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="+")
    start = models.DateField(help_text="First day of the month of UTC.")
    person_number = models.BigIntegerField(help_text="The person's primary key, or 0 for nobody in particular.")
    coffees = models.IntegerField()

    objects = DeviceScopedQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["device", "start", "person_number"], name="one_total_per_device_month_and_person"
            )
        ]

    def __str__(self) -> str:
        return f"{self.coffees} coffees of person {self.person_number} in {self.start:%Y-%m}"
