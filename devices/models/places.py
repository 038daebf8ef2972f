"""Things, the places where they are and were, their states and their logs."""

import datetime as dt
from typing import Any

from django.core.validators import RegexValidator
from django.db import models
from django.urls import reverse

from devices.models.sites import Site, validate_timezone
from devices.storage.constraints import OneAtATime
from devices.storage.querysets import DeviceQuerySet, DeviceScopedQuerySet
from edge_agent.messages import THING_CHARACTERS


class Thing(models.Model):
    """A camera as the broker knows it, wherever it is. Its credentials, settings and state stay with it."""

    name = models.CharField(
        "thing name",
        max_length=128,
        unique=True,
        validators=[RegexValidator(rf"^[{THING_CHARACTERS}]+\Z", "Letters, digits, “:”, “_” and “-” only.")],
        help_text="The device's name at the broker, such as deeplens_HoVip9KQTXiC3UFub47lJA.",
    )
    clock_timezone = models.CharField(
        "clock's time zone",
        max_length=64,
        default="UTC",
        validators=[validate_timezone],
        help_text="Time zone of the time stamps that a DeepLens writes: UTC, unless somebody changed it on the device.",
    )
    former_timezones = models.JSONField(
        default=list,
        editable=False,
        help_text="Time zones that were set for the clock before. What was stored by them is known again by them.",
    )
    bucket = models.CharField(
        max_length=63,
        blank=True,
        help_text="The bucket into which the device puts its pictures. Pictures elsewhere are not the device's.",
    )
    bucket_prefix = models.CharField(
        "prefix in the bucket",
        max_length=512,
        blank=True,
        help_text="How the keys of the device's pictures begin, such as seattle01/. Of several devices whose prefix "
        "fits, the one with the longest prefix has the picture.",
    )
    desired_config = models.JSONField(
        default=dict,
        editable=False,
        help_text="Settings that the device shall use. It keeps its own value of every other setting.",
    )
    config_unsent_since = models.DateTimeField(
        null=True, editable=False, help_text="Since when the desired settings wait to be sent to the broker."
    )
    token_digest = models.CharField(max_length=64, blank=True, editable=False, db_index=True)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save the thing, and remember the time zone that was set for its clock before."""
        stored = Thing.objects.filter(pk=self.pk).values_list("clock_timezone", flat=True).first()
        if stored is not None and stored != self.clock_timezone:
            self.former_timezones = [*(zone for zone in self.former_timezones if zone != stored), stored]
            if kwargs.get("update_fields"):
                kwargs["update_fields"] = {*kwargs["update_fields"], "former_timezones"}
        super().save(*args, **kwargs)

    @property
    def known_state(self) -> "DeviceState | None":
        """The stored state of the thing; None before its first message."""
        return getattr(self, "state", None)


class Device(models.Model):
    """One thing at one place for one stretch of time. Whatever the thing saw in this time keeps this place.

    The site and the name are the place, a spot where people expect a camera. A thing that moves, and a spot whose
    camera is replaced, get a new row; `devices/services.py` does it.
    """

    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="devices")
    name = models.SlugField(
        max_length=80, help_text="The name of the camera's spot, such as Seattle01; unique at its site."
    )
    thing = models.ForeignKey(
        Thing, to_field="name", db_column="thing_name", on_delete=models.PROTECT, related_name="devices"
    )
    since = models.DateTimeField(
        null=True, blank=True, help_text="When the camera came to this place. Empty: before its first message."
    )
    until = models.DateTimeField(
        null=True, blank=True, help_text="When the camera left this place. Empty: it is still there."
    )
    faces_sought = models.BooleanField(
        "looks for faces", null=True, blank=True, help_text="Unknown until a message of the device shows it."
    )
    labels_sought = models.JSONField(
        "labels that the device looks for", default=list, blank=True, help_text="Labels of objects and gestures."
    )
    waits_between_uploads = models.BooleanField(
        null=True,
        blank=True,
        help_text="Whether a DeepLens says that it has seen nothing while it only waits. In minutes without a frame, "
        "its labels are unknown then. Empty until messages of the device show it.",
    )
    sought_is_corrected = models.BooleanField(
        "corrected by hand",
        default=False,
        help_text="Whether somebody corrected what the device looks for, or whether it waits. Messages change it no "
        "more then.",
    )

    objects = DeviceQuerySet.as_manager()

    class Meta:
        ordering = ["site__name", "name", models.F("until").desc(nulls_first=True)]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(since__lt=models.F("until")),
                name="a_device_comes_before_it_leaves",
                violation_error_message="A device must come to a place before it leaves the place.",
            ),
            OneAtATime(
                of=["thing"],
                start="since",
                end="until",
                name="one_place_of_a_thing_at_a_time",
                violation_error_message="This thing is registered at another place in this time.",
            ),
            OneAtATime(
                of=["site", "name"],
                start="since",
                end="until",
                name="one_thing_of_a_place_at_a_time",
                violation_error_message="The site has another device of this name in this time.",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("device", args=[self.site.slug, self.name])

    @property
    def thing_name(self) -> str:
        return str(self.thing_id)

    @property
    def is_open(self) -> bool:
        """Whether the thing is still at this place."""
        return self.until is None

    def holds(self, at: dt.datetime) -> bool:
        """Whether the thing was at this place at this time."""
        return (self.since is None or self.since <= at) and (self.until is None or at < self.until)

    def overlaps(self, start: dt.datetime, end: dt.datetime) -> bool:
        """Whether the thing was at this place at any time from `start`, included, to `end`, excluded."""
        return (self.since is None or self.since < end) and (self.until is None or start < self.until)

    @property
    def latest_state(self) -> "DeviceState | None":
        """The state of the thing, if a message came from it while it was at this place and it is still there."""
        state = self.thing.known_state if self.is_open else None
        if state is None or self.since is None:
            return state
        return state if state.last_seen_at is not None and state.last_seen_at >= self.since else None

    @property
    def was_heard(self) -> bool:
        """Whether a message came from the thing while it was at this place, and it is still there."""
        state = self.latest_state
        return state is not None and state.last_seen_at is not None

    def is_live(self, now: dt.datetime) -> bool:
        """Whether the latest message came within `LIVE_FOR`, and the thing neither went offline nor left since."""
        state = self.latest_state
        return state is not None and state.is_live(now)


LIVE_FOR = dt.timedelta(minutes=2)
"""A device is live for this time after a message: four missed heartbeats of the edge agent."""

SKEW_TO_FLAG = dt.timedelta(minutes=1)
"""Pages warn of a device's clock that is off by more than this."""


SHARED_FOR = dt.timedelta(minutes=10)
"""Pages warn of two programs with one name for this time: the programs take the name from each other each minute."""


class PictureProblem(models.TextChoices):
    """What a device says is wrong with its camera's picture, compared with its own past."""

    DARK = "dark", "the light is off, or something covers the lens"
    COVERED = "covered", "the picture has one tone only: something covers the lens"
    BLURRED = "blurred", "less sharp than usual: clean the lens, or focus it"
    TURNED = "turned", "another view than usual: the camera was turned or moved"


class DeviceState(models.Model):
    """The latest state of a thing. It is a table of its own because each batch of messages rewrites it."""

    thing = models.OneToOneField(Thing, on_delete=models.CASCADE, primary_key=True, related_name="state")
    last_seen_at = models.DateTimeField(null=True, help_text="Arrival of the device's latest message.")
    online = models.BooleanField(
        null=True, help_text="From the device's latest status message or last will; unknown for a DeepLens."
    )
    status_at = models.DateTimeField(null=True)
    software = models.CharField(max_length=64, blank=True)
    clock_skew_ms = models.BigIntegerField(
        null=True, help_text="The device's clock minus the platform's, at the latest message, in milliseconds."
    )
    largest_skew_ms = models.BigIntegerField(
        default=0, help_text="The most by which the device's clock was ever seen to be off, in milliseconds."
    )
    outbox_messages = models.PositiveBigIntegerField(default=0)
    outbox_bytes = models.PositiveBigIntegerField(default=0)
    dropped_messages = models.PositiveBigIntegerField(default=0)
    temperature = models.FloatField(null=True, help_text="Degrees Celsius of the box's processor; unknown: not told.")
    reported_config = models.JSONField(
        null=True, help_text="The settings in force, from the device's latest status; unknown for a DeepLens."
    )
    signs_since_upload = models.PositiveIntegerField(
        null=True, editable=False, help_text="Of a DeepLens: how often it said that it was on since its latest upload."
    )
    uploads_after_waits = models.PositiveSmallIntegerField(
        null=True, editable=False, help_text="How many uploads in a row came after at least `FEWEST_SIGNS` signs."
    )
    reported_models = models.JSONField(
        null=True, help_text="The trained models that run on the device, and those it refused, from its latest status."
    )
    config_error = models.TextField(blank=True, help_text="Why the device refused the latest settings.")
    instances = models.JSONField(
        default=list, editable=False, help_text="The latest programs of the device: pairs of an id and a time (ms)."
    )
    name_shared_at = models.DateTimeField(
        null=True, help_text="When the platform last noticed that two programs use the device's thing name."
    )
    picture_problem = models.CharField(
        max_length=8,
        choices=PictureProblem.choices,
        blank=True,
        db_default="",
        help_text="What is wrong with the camera's picture, from the device's latest status.",
    )
    picture_problem_since = models.DateTimeField(null=True, help_text="By the device's clock.")

    def __str__(self) -> str:
        return f"state of {self.thing}"

    def is_live(self, now: dt.datetime) -> bool:
        return self.online is not False and self.last_seen_at is not None and now - self.last_seen_at < LIVE_FOR

    @property
    def name_is_shared(self) -> bool:
        """Whether two programs used the device's thing name within `SHARED_FOR` of its latest message."""
        if self.name_shared_at is None or self.last_seen_at is None:
            return False
        return self.last_seen_at - self.name_shared_at < SHARED_FOR

    @property
    def clock_is_off(self) -> bool:
        return self.clock_skew_ms is not None and abs(self.clock_skew_ms) > SKEW_TO_FLAG / dt.timedelta(milliseconds=1)


class LogLevel(models.TextChoices):
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class DeviceLog(models.Model):
    """A line of a device's own log."""

    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="log")
    at = models.DateTimeField()
    key = models.BigIntegerField()
    received_at = models.DateTimeField()
    level = models.CharField(max_length=7, choices=LogLevel.choices, default=LogLevel.INFO)
    text = models.TextField()

    objects = DeviceScopedQuerySet.as_manager()

    class Meta:
        ordering = ["-at", "-pk"]
        constraints = [models.UniqueConstraint(fields=["device", "at", "key"], name="one_log_line_once")]
        # For lists of the newest lines of many devices.
        indexes = [models.Index(fields=["-at"], name="log_lines_by_time")]

    def __str__(self) -> str:
        return self.text
