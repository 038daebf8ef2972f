"""The API's views of sites, devices, their logs and the quarantine, and of messages that are sent over HTTP."""

from typing import TYPE_CHECKING, Any, cast

from django.core.exceptions import ValidationError as DjangoValidationError
from django.db.models import BinaryField, Count, QuerySet
from django.db.models.functions import Substr
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, status
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer, as_serializer_error
from rest_framework.viewsets import ViewSet

from devices.intake import batches
from devices.intake.quarantine import quarantined_counts
from devices.managing.places import sought
from devices.models import AuditEntry, Device, DeviceLog, QuarantinedMessage, Site, Thing
from devices.reading.decoding import Arrival
from devices.rest.authentication import DeviceTokenAuthentication, IsDevice
from devices.rest.base import ScopedReadOnlyViewSet
from devices.rest.filters import AuditFilter, LogFilter, QuarantineFilter
from devices.rest.items import MOST_NAMED, Items
from devices.rest.parsing import MessagesParser
from devices.rest.posted import Posted
from devices.rest.serializers import (
    AuditEntrySerializer,
    DeviceSerializer,
    LogLineSerializer,
    MessageSerializer,
    QuarantineCountSerializer,
    QuarantinedMessageSerializer,
    ReceiptSerializer,
    SiteSerializer,
    latest_state_columns,
)
from edge_agent import messages

if TYPE_CHECKING:
    from devices.models import User


class SiteViewSet(ScopedReadOnlyViewSet):
    """The sites you are a member of."""

    queryset = Site.objects.annotate(members=Count("memberships"))
    serializer_class = SiteSerializer
    lookup_field = "slug"
    cursor_ordering = ("slug",)
    exports_whole_list = True


class DeviceViewSet(mixins.UpdateModelMixin, ScopedReadOnlyViewSet):
    """The devices of your sites, each with its stretch of time at its place, and its latest state while it is there.

    Operators and owners may correct what a device looks for.
    """

    http_method_names = ["get", "head", "options", "patch"]

    queryset = Device.objects.select_related("site", "thing__state").annotate(**latest_state_columns())
    serializer_class = DeviceSerializer
    cursor_ordering = ("pk",)
    exports_whole_list = True

    def get_object(self) -> Device:
        """Return the device. Raises `PermissionDenied` where the request would change it and the user may not."""
        device: Device = super().get_object()
        if self.request.method not in SAFE_METHODS:
            sought.check_may_correct(device, cast("User", self.request.user))
        return device

    def perform_update(self, serializer: BaseSerializer[Any]) -> None:
        device = cast("Device", serializer.instance)
        given: dict[str, Any] = serializer.validated_data
        try:
            sought.correct_sought(
                device=device,
                by=cast("User", self.request.user),
                faces=given.get("faces_sought", device.faces_sought),
                labels=given.get("labels_sought", device.labels_sought),
                waits=given.get("waits_between_uploads", device.waits_between_uploads),
                is_corrected=given.get("sought_is_corrected", True),
            )
        except DjangoValidationError as refusal:
            raise ValidationError(as_serializer_error(refusal)) from None
        serializer.instance = self.get_object()


class LogViewSet(ScopedReadOnlyViewSet):
    """The log lines of your devices, newest first."""

    queryset = DeviceLog.objects.select_related("device__site")
    serializer_class = LogLineSerializer
    filterset_class = LogFilter
    cursor_ordering = ("-at", "-pk")
    exports_whole_list = True


class AuditViewSet(ScopedReadOnlyViewSet):
    """Who changed, looked at and exported what at the sites that you own, newest first, and who signed in.

    People are named by numbers. Nothing can be changed or deleted.
    """

    queryset = AuditEntry.objects.select_related("site")
    serializer_class = AuditEntrySerializer
    filterset_class = AuditFilter
    cursor_ordering = ("-pk",)
    exports_whole_list = True


LISTED_BYTES = 1_000
"""Bytes of each payload in a list of quarantined messages, so that no page of a list is large."""


class QuarantineViewSet(ScopedReadOnlyViewSet):
    """The quarantined messages of your devices, newest first. Only superusers see those of unknown devices.

    A list has the first 1,000 bytes of each payload; a single message has its whole payload.
    """

    queryset = QuarantinedMessage.objects.select_related("device")
    serializer_class = QuarantinedMessageSerializer
    filterset_class = QuarantineFilter
    cursor_ordering = ("-received_at", "-pk")
    exports_whole_list = True
    export_instead = {"payload": "size"}

    def get_queryset(self) -> QuerySet[Any]:
        messages: QuerySet[Any] = super().get_queryset().defer("payload")
        if self.action != "list":
            return messages
        beginning = Substr("payload", 1, LISTED_BYTES, output_field=BinaryField())
        listed: QuerySet[Any] = messages.annotate(beginning=beginning)
        return listed

    @extend_schema(responses=QuarantineCountSerializer(many=True), filters=False)
    @action(detail=False, pagination_class=None)
    def counts(self, request: Request) -> Response:
        """How many quarantined messages wait for a replay, by device and reason."""
        rows = quarantined_counts(self.get_queryset())
        return Response(QuarantineCountSerializer(rows, many=True).data)


class MessageViewSet(ViewSet):
    """Takes in messages over HTTP, for devices without MQTT."""

    authentication_classes = [DeviceTokenAuthentication]
    permission_classes = [IsDevice]
    parser_classes = [MessagesParser]

    @extend_schema(request=MessageSerializer(many=True), responses={202: ReceiptSerializer})
    def create(self, request: Request) -> Response:
        """Send a list of messages, at most 1,000 at once.

        The response is their receipt: each message is committed or quarantined by then, or `refused`, because it is
        not an object with a known `kind` and a `payload`. If all are refused, the status is 400.
        """
        thing = cast(Thing, request.auth)
        items = Items()
        for number, message in enumerate(cast("list[Posted]", request.data)):
            if why := _why_refused(message):
                items.refused[number] = why
            else:
                items.valid[number] = _arrival(thing, message)
        if items.refused and not items.valid:
            first = items.as_refused()[:MOST_NAMED]
            raise ValidationError({str(each["number"]): [each["detail"]] for each in first})
        accepted = batches.accept(list(items.valid.values()))
        receipt = {
            "ids": accepted.receipts.get(thing.name, []),
            "committed": accepted.committed,
            "quarantined": accepted.quarantined,
            "refused": items.as_refused(),
        }
        return Response(receipt, status=status.HTTP_202_ACCEPTED)


def _why_refused(message: Posted) -> str:
    """Return why the message cannot be given to the intake, in one sentence; "" if it can."""
    if not message.is_object:
        return "The message must be an object with “kind” and “payload”."
    if message.payload is None:
        return "The message has no “payload”."
    if message.kind not in messages.KINDS:
        kind = "no text" if message.kind is None else f"“{message.kind[:64]}”"
        return f"The message's “kind” is {kind}; it must be one of {', '.join(messages.KINDS)}."
    return ""


def _arrival(thing: Thing, message: Posted) -> Arrival:
    topic = messages.topic_from_device(thing.name, message.kind or "")
    return Arrival(topic, message.payload or b"", timezone.now())
