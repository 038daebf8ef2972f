"""The API of what people are told: consents and when they end, announced erasures, and the notices of displays."""

from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from devices.models import Device, Site
from devices.rest.base import ScopedReadOnlyViewSet
from devices.rest.filters import OfDeviceFilter
from devices.rest.parameters import FilterSet, NumberFilter
from devices.rules.text import whole_number
from faces.models import Consent, DisplayNotice, ErasureNotice
from faces.notices.current import current_notice
from faces.people.renewals import SOON, ending_consents
from faces.rest.serializers import PersonNameSerializer


class ConsentOfPersonSerializer(serializers.ModelSerializer[Consent]):
    site = serializers.SlugRelatedField[Site](slug_field="slug", read_only=True, source="person.site")
    person = PersonNameSerializer(read_only=True)
    recorded_by = serializers.SlugRelatedField[Any](slug_field="username", read_only=True, allow_null=True)

    class Meta:
        model = Consent
        fields = [
            *("id", "site", "person", "text_version", "text_sha256", "method", "signed_by", "signed_at", "expires_at"),
            *("withdrawn_at", "reminded_at", "recorded_by", "recorded_at", "on_own_device"),
        ]


class ConsentFilter(FilterSet):
    site = filters.CharFilter(field_name="person__site__slug", label="A site's slug.")
    person = NumberFilter(field_name="person", label="A person's id.")
    in_force = filters.BooleanFilter(method="select_in_force", label="Whether the consent is in force now.")
    ending = filters.BooleanFilter(
        method="select_ending",
        label=f"Whether the consent is in force, ends within {SOON.days} days, and no longer one follows.",
    )

    class Meta:
        model = Consent
        fields = {"method": ["exact"], "expires_at": ["gte", "lt"]}

    def select_in_force(self, consents: Any, name: str, value: bool) -> Any:
        valid = Consent.objects.valid(timezone.now()).values("pk")
        return consents.filter(pk__in=valid) if value else consents.exclude(pk__in=valid)

    def select_ending(self, consents: Any, name: str, value: bool) -> Any:
        ending = ending_consents(now=timezone.now()).order_by().values("pk")
        return consents.filter(pk__in=ending) if value else consents.exclude(pk__in=ending)


class ConsentViewSet(ScopedReadOnlyViewSet):
    """The consents of the people of your sites, the first to end first. `people/{id}/consents/` has their texts."""

    queryset = Consent.objects.select_related("person__site", "recorded_by")
    serializer_class = ConsentOfPersonSerializer
    filterset_class = ConsentFilter
    cursor_ordering = ("expires_at", "pk")


class ErasureNoticeSerializer(serializers.ModelSerializer[ErasureNotice]):
    site = serializers.SlugRelatedField[Site](slug_field="slug", read_only=True, source="person.site")
    person = PersonNameSerializer(read_only=True)

    class Meta:
        model = ErasureNotice
        fields = ["id", "site", "person", "last_seen_at", "noticed_at", "erase_at", "told_at", "problem"]


class ErasureNoticeFilter(FilterSet):
    site = filters.CharFilter(field_name="person__site__slug", label="A site's slug.")

    class Meta:
        model = ErasureNotice
        fields = {"erase_at": ["gte", "lt"]}


class ErasureNoticeViewSet(ScopedReadOnlyViewSet):
    """The announced erasures of people whom no camera sees any more, the first first."""

    queryset = ErasureNotice.objects.select_related("person__site")
    serializer_class = ErasureNoticeSerializer
    filterset_class = ErasureNoticeFilter
    cursor_ordering = ("erase_at", "pk")


class DisplayNoticeSerializer(serializers.ModelSerializer[DisplayNotice]):
    id = serializers.IntegerField(source="device_id", read_only=True, help_text="The id of the device.")
    site = serializers.SlugRelatedField[Site](slug_field="slug", read_only=True, source="device.site")
    device = serializers.SlugRelatedField[Device](slug_field="name", read_only=True)
    page = serializers.SerializerMethodField(help_text="The address of the notice, which is open to everybody.")
    statements = serializers.JSONField(
        source="content",
        read_only=True,
        help_text="Its sentences, each with `group`, `key`, `text`, and maybe `hours`.",
    )

    class Meta:
        model = DisplayNotice
        fields = ["id", "site", "device", "since", "page", "statements"]

    def get_page(self, notice: DisplayNotice) -> str:
        return str(self.context["request"].build_absolute_uri(reverse("display-notice", args=[notice.code])))


class DisplayNoticeFilter(OfDeviceFilter):
    class Meta:
        model = DisplayNotice
        fields = {"since": ["gte", "lt"]}


class DisplayNoticeViewSet(ScopedReadOnlyViewSet):
    """The notices of your displays: what each camera does. The list is brought up to date every hour."""

    queryset = DisplayNotice.objects.filter(device__until=None).select_related("device__site")
    serializer_class = DisplayNoticeSerializer
    filterset_class = DisplayNoticeFilter
    cursor_ordering = ("device",)

    @extend_schema(responses=DisplayNoticeSerializer)
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The notice of the device with this id, as its settings are now."""
        devices: QuerySet[Any] = Device.objects.open().for_user(request.user).select_related("site", "thing__state")
        device = devices.filter(pk=whole_number(self.kwargs["pk"])).first()
        if device is None:
            raise NotFound
        return Response(self.get_serializer(current_notice(device, now=timezone.now())).data)
