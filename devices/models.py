"""Sites, their members and devices, and what arrived from a device that is not a count."""

import datetime as dt
import zoneinfo
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.urls import reverse

from devices.querysets import ApiTokenQuerySet, DeviceScopedQuerySet, SiteQuerySet, SiteScopedQuerySet
from devices.roles import Right, Role

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser
    from django.contrib.auth.models import User as User


def validate_timezone(name: str) -> None:
    if name not in zoneinfo.available_timezones():
        raise ValidationError(f"“{name}” is not an IANA time zone, such as America/Chicago.")


class Site(models.Model):
    """A place with displays: an office, a lobby, a showroom."""

    name = models.CharField(max_length=80, unique=True)
    slug = models.SlugField(max_length=80, unique=True, help_text="Stands in addresses: /sites/seattle/")
    timezone = models.CharField(
        max_length=64,
        validators=[validate_timezone],
        help_text="IANA name, such as America/Chicago; hours and days in plots are this zone's.",
    )
    latitude = models.FloatField(
        null=True, blank=True, validators=[MinValueValidator(-90), MaxValueValidator(90)], help_text="Degrees north."
    )
    longitude = models.FloatField(
        null=True, blank=True, validators=[MinValueValidator(-180), MaxValueValidator(180)], help_text="Degrees east."
    )

    objects = SiteQuerySet.as_manager()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def zone(self) -> zoneinfo.ZoneInfo:
        return zoneinfo.ZoneInfo(self.timezone)

    def allows(self, user: "User | AnonymousUser | None", right: Right) -> bool:
        """Whether this user has this right at the site; superusers have every right. One query."""
        return Site.objects.all().permitted(user, right).filter(pk=self.pk).exists()


class Membership(models.Model):
    """A user's role at a site; `devices/roles.py` says what each role may do."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role.choices, default=Role.VIEWER)

    objects = SiteScopedQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "site"], name="one_role_per_user_and_site")]

    def __str__(self) -> str:
        return f"{self.user} is {self.role} of {self.site}"


class Device(models.Model):
    """A camera, known to people by its name and to the broker by its thing name."""

    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="devices")
    name = models.SlugField(max_length=80, help_text="Such as Seattle01; unique at its site.")
    thing_name = models.CharField(
        max_length=128,
        unique=True,
        validators=[RegexValidator(r"^[A-Za-z0-9:_-]+\Z", "Letters, digits, “:”, “_” and “-” only.")],
        help_text="Its name at the broker, such as deeplens_HoVip9KQTXiC3UFub47lJA.",
    )
    clock_timezone = models.CharField(
        "clock's time zone",
        max_length=64,
        default="UTC",
        validators=[validate_timezone],
        help_text="Zone of the time stamps that a DeepLens writes; UTC unless somebody set it otherwise on the device.",
    )
    desired_config = models.JSONField(
        default=dict, editable=False, help_text="Settings that the device is told to have; all others are its own."
    )
    config_unsent_since = models.DateTimeField(
        null=True, editable=False, help_text="Since when the broker has not been told the desired settings."
    )
    token_digest = models.CharField(max_length=64, blank=True, editable=False, db_index=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = SiteScopedQuerySet.as_manager()

    class Meta:
        ordering = ["site__name", "name"]
        constraints = [models.UniqueConstraint(fields=["site", "name"], name="one_device_per_site_and_name")]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("device", args=[self.site.slug, self.name])

    @property
    def latest_state(self) -> "DeviceState | None":
        """The latest word from the device; None where nothing is kept of it yet."""
        return getattr(self, "state", None)

    def is_live(self, now: dt.datetime) -> bool:
        """Whether the device was heard of within `LIVE_FOR` and has not said good-bye since; False if never heard."""
        state = self.latest_state
        return state is not None and state.is_live(now)


LIVE_FOR = dt.timedelta(minutes=2)
"""A device that was heard of within this time is live: four missed heartbeats of the edge agent."""

SKEW_TO_FLAG = dt.timedelta(minutes=1)


class DeviceState(models.Model):
    """The latest word from a device; rewritten all the time, so apart from `Device`."""

    device = models.OneToOneField(Device, on_delete=models.CASCADE, primary_key=True, related_name="state")
    last_seen_at = models.DateTimeField(null=True, help_text="Arrival of the device's latest message.")
    online = models.BooleanField(
        null=True, help_text="As its status message or last will says; unknown for a DeepLens."
    )
    status_at = models.DateTimeField(null=True)
    software = models.CharField(max_length=64, blank=True)
    clock_skew_ms = models.BigIntegerField(null=True, help_text="The device's clock minus ours, at its latest message.")
    outbox_messages = models.PositiveBigIntegerField(default=0)
    outbox_bytes = models.PositiveBigIntegerField(default=0)
    dropped_messages = models.PositiveBigIntegerField(default=0)
    reported_config = models.JSONField(
        null=True, help_text="The settings in force, as its status says; unknown for a DeepLens."
    )
    config_error = models.TextField(blank=True, help_text="Why the device did not take the latest settings.")

    objects = DeviceScopedQuerySet.as_manager()

    def __str__(self) -> str:
        return f"state of {self.device}"

    def is_live(self, now: dt.datetime) -> bool:
        return self.online is not False and self.last_seen_at is not None and now - self.last_seen_at < LIVE_FOR

    @property
    def clock_is_off(self) -> bool:
        return self.clock_skew_ms is not None and abs(self.clock_skew_ms) > SKEW_TO_FLAG / dt.timedelta(milliseconds=1)


class LogLevel(models.TextChoices):
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class DeviceLog(models.Model):
    """A line a device said about itself."""

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

    def __str__(self) -> str:
        return self.text


class Reason(models.TextChoices):
    """Why a message was set aside; the codes are stable."""

    UNKNOWN_TOPIC = "unknown-topic", "no device publishes on this topic"
    UNKNOWN_DEVICE = "unknown-device", "no device is registered under this thing name"
    OTHER_DEVICE = "other-device", "claims another device than its topic"
    TOO_LARGE = "too-large", "larger than a message may be"
    UNREADABLE = "unreadable", "cannot be decoded"
    BAD_VALUE = "bad-value", "a value is out of its range"
    BAD_PICTURE = "bad-picture", "the picture is not a usable JPEG"
    TOO_OLD = "too-old", "older than the retention"
    IN_FUTURE = "in-future", "more than an hour in the future"
    REFUSED = "refused", "the database refused it"


class QuarantinedMessage(models.Model):
    """A message that was set aside whole, with the reason, never counted, and can be replayed."""

    key = models.BigIntegerField(unique=True)
    topic = models.TextField()
    payload = models.BinaryField()
    reason = models.CharField(max_length=20, choices=Reason.choices)
    detail = models.TextField(blank=True)
    device = models.ForeignKey(Device, on_delete=models.SET_NULL, null=True, related_name="quarantined")
    size = models.PositiveIntegerField(help_text="Bytes of the payload.")
    received_at = models.DateTimeField(db_index=True)
    replayed_at = models.DateTimeField(null=True, help_text="When a replay took it in.")

    objects = DeviceScopedQuerySet.as_manager()

    class Meta:
        ordering = ["-received_at", "-pk"]

    def __str__(self) -> str:
        return f"{self.topic}: {self.get_reason_display()}"


class Heartbeat(models.Model):
    """The latest sign of life of one of our own long-running processes, for `manage.py health` and the metrics."""

    process = models.CharField(max_length=160, primary_key=True)
    at = models.DateTimeField()
    numbers = models.JSONField(default=dict, help_text="What the process counts, by name.")

    def __str__(self) -> str:
        return self.process


class ApiToken(models.Model):
    """A person's key to the API, for one program: whoever shows it may do what the person may, until it is revoked."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=80, help_text="Where it is used, such as “Grafana”.")
    token_digest = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    used_at = models.DateTimeField(null=True, editable=False, help_text="To the hour.")

    objects = ApiTokenQuerySet.as_manager()

    class Meta:
        verbose_name = "API token"
        ordering = ["-created_at", "-pk"]

    def __str__(self) -> str:
        return self.name


class DeliveredBatch(models.Model):
    """The messages of one committed batch that carry no time of their own, for as long as they can be redelivered.

    Written and read by `devices/intake/deliveries.py` alone. At most as many rows a client as a broker may
    have messages under way to it.
    """

    client = models.CharField(max_length=128)
    sequence = models.BigIntegerField(help_text="Which of the client's messages was the batch's latest.")
    deliveries = models.BinaryField(help_text="Packet ids, words and times of arrival, as MessagePack.")

    class Meta:
        indexes = [models.Index(fields=["client", "sequence"], name="latest_batches_of_a_client")]

    def __str__(self) -> str:
        return f"{self.client} up to {self.sequence}"
