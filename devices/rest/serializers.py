"""Sites, devices and messages as the API shows and reads them."""

from typing import Any

from django.db.models import Case, F, Q, When
from django.utils import timezone
from rest_framework import serializers

from devices.intake.seeking import MOST_LABELS
from devices.models import AuditEntry, Device, DeviceLog, DeviceState, QuarantinedMessage, Reason, Site
from devices.reading.labels import MAX_LABEL
from devices.rest.items import RefusedSerializer
from edge_agent import messages


class SiteSerializer(serializers.ModelSerializer[Site]):
    members = serializers.IntegerField(read_only=True, help_text="Number of members.")

    class Meta:
        model = Site
        fields = ["slug", "name", "timezone", "address", "latitude", "longitude", "members"]


class DeviceStateSerializer(serializers.ModelSerializer[DeviceState]):
    live = serializers.SerializerMethodField(help_text="Whether a message came within the last two minutes.")

    class Meta:
        model = DeviceState
        fields = [
            "live",
            "last_seen_at",
            "online",
            "software",
            "clock_skew_ms",
            "name_shared_at",
            "outbox_messages",
            "outbox_bytes",
            "dropped_messages",
            "picture_problem",
            "picture_problem_since",
            "temperature",
        ]

    def get_live(self, state: DeviceState) -> bool:
        return state.is_live(timezone.now())


def latest_state_columns() -> dict[str, Case]:
    """Return the annotations that give files `Device.latest_state`, under the paths that the serializers name."""
    came = Q(since=None) | Q(thing__state__last_seen_at__gte=F("since"))
    fields = (name for name in DeviceStateSerializer.Meta.fields if name != "live")
    return {
        f"latest_state__{name}": Case(When(Q(until=None) & came, then=F(f"thing__state__{name}"))) for name in fields
    }


class DeviceSerializer(serializers.ModelSerializer[Device]):
    """A device. What it looks for may be corrected; messages change it no more then."""

    site = serializers.SlugRelatedField[Site](slug_field="slug", read_only=True)
    thing_name = serializers.CharField(source="thing_id", read_only=True)
    state = DeviceStateSerializer(source="latest_state", read_only=True, allow_null=True)
    looks_for_faces = serializers.BooleanField(
        source="faces_sought",
        required=False,
        allow_null=True,
        help_text="Null: not known yet. Then a message that names nothing leaves the number of people unknown.",
    )
    looks_for_labels = serializers.ListField(
        source="labels_sought",
        child=serializers.CharField(max_length=MAX_LABEL),
        max_length=MOST_LABELS,
        required=False,
        help_text="Labels of objects and gestures.",
    )
    waits_between_uploads = serializers.BooleanField(
        required=False,
        allow_null=True,
        help_text="Whether the device says that it has seen nothing while it only waits. In minutes without a frame, "
        "its labels are unknown then. Null: not known.",
    )
    is_corrected = serializers.BooleanField(
        source="sought_is_corrected",
        required=False,
        help_text="Whether somebody corrected these three. False lets messages change them again.",
    )

    class Meta:
        model = Device
        fields = [
            "id",
            "site",
            "name",
            "thing_name",
            "since",
            "until",
            "looks_for_faces",
            "looks_for_labels",
            "waits_between_uploads",
            "is_corrected",
            "state",
        ]
        read_only_fields = ["name", "since", "until"]


class LogLineSerializer(serializers.ModelSerializer[DeviceLog]):
    site = serializers.CharField(source="device.site.slug", read_only=True)
    device = serializers.CharField(source="device.name", read_only=True)

    class Meta:
        model = DeviceLog
        fields = ["id", "site", "device", "at", "received_at", "level", "text"]


class QuarantinedMessageSerializer(serializers.ModelSerializer[QuarantinedMessage]):
    device = serializers.SlugRelatedField[Device](slug_field="name", read_only=True, allow_null=True)
    payload = serializers.SerializerMethodField(
        help_text="As text; in a list only its first 1,000 bytes. Bytes that are not UTF-8 are written \\xNN."
    )

    class Meta:
        model = QuarantinedMessage
        fields = ["id", "received_at", "device", "topic", "size", "payload", "reason", "detail", "replayed_at"]

    def get_payload(self, message: QuarantinedMessage) -> str:
        payload = getattr(message, "beginning", None)
        return bytes(message.payload if payload is None else payload).decode("utf-8", "backslashreplace")


class QuarantineCountSerializer(serializers.Serializer[Any]):
    site = serializers.CharField(allow_null=True, help_text="The slug of the device's site.")
    device = serializers.CharField(allow_null=True)
    reason = serializers.ChoiceField(choices=Reason.choices)
    count = serializers.IntegerField(source="messages")


class AuditEntrySerializer(serializers.ModelSerializer[AuditEntry]):
    site = serializers.SlugRelatedField[Site](slug_field="slug", read_only=True, allow_null=True)
    by = serializers.IntegerField(source="by_id", read_only=True, allow_null=True, help_text="Number of the account.")

    class Meta:
        model = AuditEntry
        fields = ["id", "at", "site", "by", "way", "action", "subject", "number", "label", "about", "changes"]


class MessageSerializer(serializers.Serializer[dict[str, Any]]):
    """One message as a device would publish it: the last level of its topic, and its payload."""

    kind = serializers.ChoiceField(choices=list(messages.KINDS))
    payload = serializers.JSONField(help_text="The same JSON as on the device's MQTT topic.")


class ReceiptSerializer(serializers.Serializer[dict[str, Any]]):
    ids = serializers.ListField(
        child=serializers.CharField(), help_text="Ids of the messages that the device may forget."
    )
    committed = serializers.IntegerField()
    quarantined = serializers.IntegerField()
    refused = RefusedSerializer(many=True, help_text="Items that are no objects with a known kind and a payload.")
