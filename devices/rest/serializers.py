"""How sites and devices look in the API."""

from typing import Annotated, Any

import msgspec
from django.utils import timezone
from rest_framework import serializers

from devices.intake.pictures import MAX_BYTES
from devices.models import Device, DeviceLog, DeviceState, QuarantinedMessage, Reason, Site
from edge_agent.messages import Box, Face

_Faces = Annotated[tuple[Face, ...], msgspec.Meta(max_length=100)]


class SiteSerializer(serializers.ModelSerializer[Site]):
    members = serializers.IntegerField(read_only=True, help_text="How many people are members of it.")

    class Meta:
        model = Site
        fields = ["slug", "name", "timezone", "latitude", "longitude", "members"]


class DeviceStateSerializer(serializers.ModelSerializer[DeviceState]):
    live = serializers.SerializerMethodField(help_text="Whether it was heard of within the last two minutes.")

    class Meta:
        model = DeviceState
        fields = [
            "live",
            "last_seen_at",
            "online",
            "software",
            "clock_skew_ms",
            "outbox_messages",
            "outbox_bytes",
            "dropped_messages",
        ]

    def get_live(self, state: DeviceState) -> bool:
        return state.is_live(timezone.now())


class DeviceSerializer(serializers.ModelSerializer[Device]):
    site = serializers.SlugRelatedField[Site](slug_field="slug", read_only=True)
    state = DeviceStateSerializer(read_only=True, allow_null=True)

    class Meta:
        model = Device
        fields = ["id", "site", "name", "thing_name", "state"]


class LogLineSerializer(serializers.ModelSerializer[DeviceLog]):
    site = serializers.CharField(source="device.site.slug", read_only=True)
    device = serializers.CharField(source="device.name", read_only=True)

    class Meta:
        model = DeviceLog
        fields = ["id", "site", "device", "at", "received_at", "level", "text"]


class QuarantinedMessageSerializer(serializers.ModelSerializer[QuarantinedMessage]):
    device = serializers.SlugRelatedField[Device](slug_field="name", read_only=True, allow_null=True)
    payload = serializers.SerializerMethodField(help_text="As text; bytes that are no UTF-8 as \\xNN.")

    class Meta:
        model = QuarantinedMessage
        fields = ["id", "received_at", "device", "topic", "payload", "reason", "detail", "replayed_at"]

    def get_payload(self, message: QuarantinedMessage) -> str:
        return bytes(message.payload).decode("utf-8", "backslashreplace")


class QuarantineCountSerializer(serializers.Serializer[dict[str, Any]]):
    device = serializers.CharField(allow_null=True)
    reason = serializers.ChoiceField(choices=Reason.choices)
    count = serializers.IntegerField()


class MessageSerializer(serializers.Serializer[dict[str, Any]]):
    """One message as a device would publish it: the last level of its topic, and its payload."""

    kind = serializers.ChoiceField(choices=["frames", "image", "status", "log"])
    payload = serializers.JSONField(help_text="As on the device's MQTT topic.")


class ReceiptSerializer(serializers.Serializer[dict[str, Any]]):
    ids = serializers.ListField(child=serializers.CharField(), help_text="Messages that need not be sent again.")
    committed = serializers.IntegerField()
    quarantined = serializers.IntegerField()


class AnnouncedUploadSerializer(serializers.Serializer[dict[str, Any]]):
    """A picture that a device wants to bring."""

    size = serializers.IntegerField(min_value=1, max_value=MAX_BYTES, help_text="Bytes of the whole picture.")
    sha256 = serializers.RegexField(r"^[0-9a-f]{64}\Z", help_text="Of the whole picture, hexadecimal.")
    taken_at = serializers.DateTimeField(help_text="By the device's clock.")
    shows = serializers.ChoiceField(choices=["frame", "crop"], default="frame")
    faces = serializers.JSONField(
        required=False, help_text="Faces that it shows: confidence, and box in pixels of the picture."
    )
    area = serializers.JSONField(
        default=None,
        allow_null=True,
        help_text="Which part of the original frame it shows: [left, top, width, height] in that frame's pixels.",
    )

    def validate_faces(self, faces: Any) -> Any:
        return _converted(faces, _Faces)

    def validate_area(self, area: Any) -> Any:
        return _converted(area, Box | None)


def _converted(value: Any, kind: Any) -> Any:
    """As the wire contract has it. Raises `ValidationError`."""
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise serializers.ValidationError(f"{error}.") from None


class UploadSerializer(serializers.Serializer[Any]):
    """What is still to be done: send the bytes from `offset` on to `url`, with these headers, and announce again."""

    id = serializers.UUIDField()
    taken_in = serializers.BooleanField(help_text="Whether the picture is here; then nothing else is told.")
    method = serializers.ChoiceField(choices=["PATCH", "PUT"], required=False)
    url = serializers.CharField(required=False, help_text="Absolute, or a path of this host.")
    headers = serializers.DictField(child=serializers.CharField(), required=False)
    offset = serializers.IntegerField(required=False, help_text="Bytes that are here already.")
