"""What the intake records of messages, and the platform of its processes."""

from django.db import models

from devices.models.places import Device, Thing
from devices.storage.querysets import DeviceScopedQuerySet


class Reason(models.TextChoices):
    """Why a message was quarantined. The codes are stable."""

    UNKNOWN_TOPIC = "unknown-topic", "no device publishes on this topic"
    UNKNOWN_DEVICE = "unknown-device", "no device is registered under this thing name"
    OTHER_DEVICE = "other-device", "the payload names another device than the topic"
    TOO_LARGE = "too-large", "larger than a message may be"
    UNREADABLE = "unreadable", "the payload cannot be read"
    BAD_VALUE = "bad-value", "a value is out of its range"
    BAD_PICTURE = "bad-picture", "the picture is not a usable JPEG"
    TOO_MANY = "too-many", "more pictures than a device may send"
    TOO_OLD = "too-old", "older than the retention period"
    IN_FUTURE = "in-future", "more than an hour in the future"
    NO_PLACE = "no-place", "the device was registered at no place at the time"
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

    Only a migration writes it, and `devices/reading/identity.py` reads it.
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
    """What a file or a bucket has brought of the time before its thing was registered.

    It is kept for ever: it tells that the record was counted, also after the frames of the record are deleted.
    """

    thing = models.ForeignKey(Thing, on_delete=models.CASCADE, related_name="+", db_index=False)
    key = models.BigIntegerField(help_text="Hash of the message, or of an object's name and content.")
    read_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["thing", "key"], name="one_past_record_once")]

    def __str__(self) -> str:
        return f"{self.key:x} of {self.thing}"
