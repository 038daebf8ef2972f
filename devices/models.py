"""Sites, members, devices and tokens; the log, state and quarantined messages of devices; and records of the intake."""

import datetime as dt
import zoneinfo
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.urls import reverse

from devices.querysets import ApiTokenQuerySet, DeviceQuerySet, DeviceScopedQuerySet, SiteQuerySet, SiteScopedQuerySet
from devices.roles import Right, Role
from devices.text import LineField, validate_site_slug

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser
    from django.contrib.auth.models import User as User


def validate_timezone(name: str) -> None:
    if name not in zoneinfo.available_timezones():
        raise ValidationError(f"“{name}” is not an IANA time zone, such as America/Chicago.")


class Site(models.Model):
    """A place with displays: an office, a lobby, a showroom."""

    name = LineField(max_length=80, unique=True)
    slug = models.SlugField(
        max_length=80, unique=True, help_text="Part of the site's addresses, such as /sites/seattle/."
    )
    timezone = models.CharField(
        max_length=64,
        validators=[validate_timezone],
        help_text="IANA name, such as America/Chicago. Hours and days in plots are in this time zone.",
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

    def clean(self) -> None:
        try:
            validate_site_slug(self.slug)
        except ValidationError as error:
            raise ValidationError({"slug": error.messages}) from None

    @property
    def zone(self) -> zoneinfo.ZoneInfo:
        return zoneinfo.ZoneInfo(self.timezone)

    def allows(self, user: "User | AnonymousUser | None", right: Right) -> bool:
        """Whether this user has this right at the site; superusers have every right. One query."""
        return Site.objects.all().permitted(user, right).filter(pk=self.pk).exists()


class Membership(models.Model):
    """A user's role at a site. `devices/roles.py` lists the rights of each role."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role.choices, default=Role.VIEWER)

    objects = SiteScopedQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "site"], name="one_role_per_user_and_site")]

    def __str__(self) -> str:
        return f"{self.user} is {self.role} of {self.site}"


class Invitation(models.Model):
    """An offer of a role at a site to whoever opens its link. It can be accepted once, before it expires."""

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="invitations")
    role = models.CharField(max_length=10, choices=Role.choices)
    email = models.EmailField(
        blank=True, help_text="The address that the link was sent to; empty if it was handed over."
    )
    token_digest = models.CharField(max_length=64, unique=True, editable=False)
    invited_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+", editable=False
    )
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    objects = SiteScopedQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-pk"]

    def __str__(self) -> str:
        return f"invitation to {self.site} as {self.role}"


class Device(models.Model):
    """A camera. People know it by its name, the broker by its thing name."""

    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="devices")
    name = models.SlugField(max_length=80, help_text="Such as Seattle01; unique at its site.")
    thing_name = models.CharField(
        max_length=128,
        unique=True,
        validators=[RegexValidator(r"^[A-Za-z0-9:_-]+\Z", "Letters, digits, “:”, “_” and “-” only.")],
        help_text="The device's name at the broker, such as deeplens_HoVip9KQTXiC3UFub47lJA.",
    )
    clock_timezone = models.CharField(
        "clock's time zone",
        max_length=64,
        default="UTC",
        validators=[validate_timezone],
        help_text="Time zone of the time stamps that a DeepLens writes: UTC, unless somebody changed it on the device.",
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

    objects = DeviceQuerySet.as_manager()

    class Meta:
        ordering = ["site__name", "name"]
        constraints = [models.UniqueConstraint(fields=["site", "name"], name="one_device_per_site_and_name")]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("device", args=[self.site.slug, self.name])

    @property
    def latest_state(self) -> "DeviceState | None":
        """The stored state of the device; None before its first message."""
        return getattr(self, "state", None)

    def is_live(self, now: dt.datetime) -> bool:
        """Whether the device's latest message came within `LIVE_FOR`, and it has not gone offline since."""
        state = self.latest_state
        return state is not None and state.is_live(now)


LIVE_FOR = dt.timedelta(minutes=2)
"""A device is live for this time after a message: four missed heartbeats of the edge agent."""

SKEW_TO_FLAG = dt.timedelta(minutes=1)
"""Pages warn of a device's clock that is off by more than this."""


SHARED_FOR = dt.timedelta(minutes=10)
"""Pages warn of two programs with one name for this time: the programs take the name from each other each minute."""


class DeviceState(models.Model):
    """The latest state of a device. It is a table of its own because each batch of messages rewrites it."""

    device = models.OneToOneField(Device, on_delete=models.CASCADE, primary_key=True, related_name="state")
    last_seen_at = models.DateTimeField(null=True, help_text="Arrival of the device's latest message.")
    online = models.BooleanField(
        null=True, help_text="From the device's latest status message or last will; unknown for a DeepLens."
    )
    status_at = models.DateTimeField(null=True)
    software = models.CharField(max_length=64, blank=True)
    clock_skew_ms = models.BigIntegerField(
        null=True, help_text="The device's clock minus the platform's, at the latest message, in milliseconds."
    )
    outbox_messages = models.PositiveBigIntegerField(default=0)
    outbox_bytes = models.PositiveBigIntegerField(default=0)
    dropped_messages = models.PositiveBigIntegerField(default=0)
    reported_config = models.JSONField(
        null=True, help_text="The settings in force, from the device's latest status; unknown for a DeepLens."
    )
    config_error = models.TextField(blank=True, help_text="Why the device refused the latest settings.")
    instances = models.JSONField(
        default=list, editable=False, help_text="The latest programs of the device: pairs of an id and a time (ms)."
    )
    name_shared_at = models.DateTimeField(
        null=True, help_text="When the platform last noticed that two programs use the device's thing name."
    )

    objects = DeviceScopedQuerySet.as_manager()

    def __str__(self) -> str:
        return f"state of {self.device}"

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

    def __str__(self) -> str:
        return self.text


class Reason(models.TextChoices):
    """Why a message was quarantined. The codes are stable."""

    UNKNOWN_TOPIC = "unknown-topic", "no device publishes on this topic"
    UNKNOWN_DEVICE = "unknown-device", "no device is registered under this thing name"
    OTHER_DEVICE = "other-device", "the payload names another device than the topic"
    TOO_LARGE = "too-large", "larger than a message may be"
    UNREADABLE = "unreadable", "the payload cannot be read"
    BAD_VALUE = "bad-value", "a value is out of its range"
    BAD_PICTURE = "bad-picture", "the picture is not a usable JPEG"
    TOO_OLD = "too-old", "older than the retention period"
    IN_FUTURE = "in-future", "more than an hour in the future"
    REFUSED = "refused", "the message could not be written to the database"


class QuarantinedMessage(models.Model):
    """A message that could not be counted. It is stored unchanged with the reason, and can be replayed."""

    key = models.BigIntegerField(unique=True)
    topic = models.TextField()
    payload = models.BinaryField()
    reason = models.CharField(max_length=20, choices=Reason.choices)
    detail = models.TextField(blank=True)
    device = models.ForeignKey(Device, on_delete=models.SET_NULL, null=True, related_name="quarantined")
    size = models.PositiveIntegerField(help_text="Bytes of the payload.")
    has_picture = models.BooleanField(
        default=False,
        help_text="Whether the payload may contain a picture, which is kept no longer than a stranger's picture.",
    )
    received_at = models.DateTimeField(db_index=True)
    replayed_at = models.DateTimeField(null=True, help_text="When a replay took the message in.")

    objects = DeviceScopedQuerySet.as_manager()

    class Meta:
        ordering = ["-received_at", "-pk"]

    def __str__(self) -> str:
        return f"{self.topic}: {self.get_reason_display()}"


class FormerIdentity(models.Model):
    """A former version of the identity of facts, for an installation that has stored facts with it.

    Only a migration writes it, and `devices/intake/identity.py` reads it.
    """

    version = models.PositiveSmallIntegerField(primary_key=True)
    until = models.DateTimeField(help_text="No fact that was stored with this version has a later time.")

    def __str__(self) -> str:
        return f"version {self.version} until {self.until:%Y-%m-%d %H:%M} UTC"


class Heartbeat(models.Model):
    """The latest sign of life of one of the platform's processes, for `manage.py health` and the metrics."""

    process = models.CharField(max_length=160, primary_key=True)
    at = models.DateTimeField()
    numbers = models.JSONField(default=dict, help_text="The process's counters, by name.")

    def __str__(self) -> str:
        return self.process


class ApiToken(models.Model):
    """A user's key to the API for one program, which may do whatever the user may, or only read."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_tokens")
    name = LineField(max_length=80, help_text="The program that uses the token, such as “Grafana”.")
    token_digest = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    only_reads = models.BooleanField(
        default=False, help_text="Whether the token is refused wherever it would change something."
    )
    expires_at = models.DateTimeField(null=True, blank=True, help_text="When the token stops working; empty: never.")
    used_at = models.DateTimeField(null=True, editable=False, help_text="When the token was last used, to the hour.")

    objects = ApiTokenQuerySet.as_manager()

    class Meta:
        verbose_name = "API token"
        ordering = ["-created_at", "-pk"]

    def __str__(self) -> str:
        return self.name


class RetainedMessage(models.Model):
    """The message without a time of its own that the broker retains on a topic, as it was taken in first.

    The broker hands it over again on each connection. Only `devices/intake/redelivery.py` writes and reads it.
    """

    topic = models.BigIntegerField(primary_key=True, help_text="Hash of the topic.")
    content = models.BigIntegerField(help_text="Hash of topic and payload.")
    received_at = models.DateTimeField()
    client = models.CharField(max_length=128, blank=True, help_text="Empty unless it was delivered before as new.")
    packet_id = models.PositiveIntegerField(null=True)

    def __str__(self) -> str:
        return f"{self.topic} at {self.received_at:%Y-%m-%d %H:%M:%S} UTC"


class DeliveredBatch(models.Model):
    """The messages without a time of their own in one committed batch, kept as long as they can be redelivered.

    Only `devices/intake/redelivery.py` writes and reads it. A client has at most `RECEIVE_MAXIMUM` rows.
    """

    client = models.CharField(max_length=128)
    sequence = models.BigIntegerField(help_text="Number of the batch's latest message among the client's messages.")
    deliveries = models.BinaryField(help_text="Packet ids, content hashes and times of arrival, as MessagePack.")

    class Meta:
        indexes = [models.Index(fields=["client", "sequence"], name="latest_batches_of_a_client")]

    def __str__(self) -> str:
        return f"{self.client} up to {self.sequence}"


class PastRecord(models.Model):
    """What a file or a bucket has brought of the time before its device was registered.

    It is kept for ever: it tells that the record was counted, also after the frames of the record are deleted.
    """

    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="+", db_index=False)
    key = models.BigIntegerField(help_text="Hash of the message, or of an object's name and content.")
    read_at = models.DateTimeField()

    objects = DeviceScopedQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["device", "key"], name="one_past_record_once")]

    def __str__(self) -> str:
        return f"{self.key:x} of {self.device}"
