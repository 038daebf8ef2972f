"""The API's endpoints that create sites, cameras and members, change the settings of cameras, and pin versions."""

from typing import Any, cast

from django.core.exceptions import ValidationError as Invalid
from django.db.models import QuerySet
from django.utils import timezone
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from devices.cameras.adding.services import make_claim
from devices.cameras.fleet import reads
from devices.cameras.fleet import services as fleet
from devices.cameras.fleet.reads import State
from devices.cameras.provisioning import services
from devices.cameras.provisioning.services import NotAllowed
from devices.cameras.releases import rollouts, wheel
from devices.models import Device, Invitation, Membership, Rollout, Site, Thing
from devices.rest import views
from devices.rest.base import ScopedReadOnlyViewSet
from devices.rest.filters import MemberFilter
from devices.rest.parameters import FilterSet
from devices.rest.serializers import DeviceSerializer, SiteSerializer
from devices.rules.roles import Right, Role
from devices.rules.text import MOST

MOST_DEVICES = 10_000


class NewSiteSerializer(serializers.Serializer[dict[str, Any]]):
    slug = serializers.SlugField(max_length=80)
    name = serializers.CharField(max_length=80)
    timezone = serializers.CharField(max_length=64, help_text="IANA name.")
    latitude = serializers.FloatField(required=False, allow_null=True, default=None)
    longitude = serializers.FloatField(required=False, allow_null=True, default=None)


class NewDeviceSerializer(serializers.Serializer[dict[str, Any]]):
    site = serializers.CharField(max_length=80, help_text="The slug of a site.")
    name = serializers.CharField(max_length=80, help_text="What people call the place, such as “Front desk”.")
    thing_name = serializers.CharField(
        max_length=128, required=False, default="", help_text="Without it, a thing name and a claim code are made."
    )
    address = serializers.CharField(
        max_length=500,
        required=False,
        allow_null=True,
        default=None,
        help_text="Of the camera, for its box; for the claim code.",
    )


class NewClaimSerializer(serializers.Serializer[dict[str, Any]]):
    address = serializers.CharField(
        max_length=500,
        required=False,
        allow_null=True,
        default=None,
        help_text="Of the camera; without it the box keeps what it has.",
    )


class CreatedDeviceSerializer(DeviceSerializer):
    claim_code = serializers.CharField(read_only=True, help_text="Shown this once; empty if there is none.")
    agent_sha256 = serializers.CharField(read_only=True, help_text="Of the agent's wheel, for the command.")

    class Meta(DeviceSerializer.Meta):
        fields = [*DeviceSerializer.Meta.fields, "claim_code", "agent_sha256"]


class NewMemberSerializer(serializers.Serializer[dict[str, Any]]):
    site = serializers.CharField(max_length=80, help_text="The slug of a site.")
    user = serializers.CharField(max_length=254, help_text="A user name, or an e-mail address to invite.")
    role = serializers.ChoiceField(choices=Role.choices)


class MemberSerializer(serializers.ModelSerializer[Membership]):
    site = serializers.SlugRelatedField[Site](slug_field="slug", read_only=True)
    user = serializers.CharField(source="user.username", read_only=True)

    class Meta:
        model = Membership
        fields = ["id", "site", "user", "role"]


class CreatedMemberSerializer(serializers.Serializer[Any]):
    site = serializers.CharField()
    user = serializers.CharField()
    role = serializers.CharField()
    invitation = serializers.CharField(
        allow_blank=True, help_text="The token of the invitation's link, if the address has no account; shown once."
    )


class DeviceKeyField(serializers.IntegerField):
    """The id of a device."""

    def __init__(self) -> None:
        super().__init__(min_value=1, max_value=MOST)


class SettingsSerializer(serializers.Serializer[dict[str, Any]]):
    devices = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=MOST), max_length=MOST_DEVICES
    )
    settings = serializers.DictField(help_text="The settings to change, by name; the others stay.")


class ChangedSerializer(serializers.Serializer[Any]):
    changed = serializers.IntegerField()


class NewRolloutSerializer(serializers.Serializer[dict[str, Any]]):
    devices = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=MOST), max_length=MOST_DEVICES
    )
    version = serializers.CharField(max_length=64)


class RolloutSerializer(serializers.ModelSerializer[Rollout]):
    version = serializers.CharField(source="release.version", read_only=True)

    class Meta:
        model = Rollout
        fields = ["id", "version", "started_at"]


class DeviceFilter(FilterSet):
    q = filters.CharFilter(method="search", label="A part of the name, the thing name, the site or the software.")
    state = filters.ChoiceFilter(method="select", choices=State.choices, label="How the device is.")

    class Meta:
        model = Device
        fields = {"site__slug": ["exact"], "name": ["exact"], "until": ["isnull"]}

    def search(self, devices: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return devices.filter(reads.containing(value))

    def select(self, devices: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return devices.filter(reads.being(value, timezone.now()), until=None)


class SiteViewSet(views.SiteViewSet):
    """The sites you are a member of."""

    @extend_schema(request=NewSiteSerializer, responses={201: SiteSerializer, 200: SiteSerializer})
    def create(self, request: Request) -> Response:
        """Create the site of this slug, or change it. Administrators create sites; owners change their own."""
        outcome = _carried_out(services.provision_site, request, _valid(NewSiteSerializer, request))
        site = self.get_queryset().get(pk=outcome.row.pk)
        return Response(SiteSerializer(site).data, status=_status(outcome))


class DeviceViewSet(views.DeviceViewSet):
    """The devices of your sites, each with its stretch of time at its place, and its latest state while it is there."""

    http_method_names = [*views.DeviceViewSet.http_method_names, "post"]
    filterset_class = DeviceFilter

    @extend_schema(request=NewDeviceSerializer, responses={201: CreatedDeviceSerializer, 200: CreatedDeviceSerializer})
    def create(self, request: Request) -> Response:
        """Add a camera. A spot of this name that has a camera is left as it is. For operators of the site."""
        values = _valid(NewDeviceSerializer, request)
        site = _site(request, values.pop("site"))
        values["source"] = values.pop("address")
        outcome = _carried_out(services.provision_device, request, {**values, "site": site, "now": timezone.now()})
        outcome.row.claim_code = outcome.secret
        outcome.row.agent_sha256 = wheel.current_release().sha256 if outcome.secret else ""
        return Response(CreatedDeviceSerializer(outcome.row).data, status=_status(outcome))

    @extend_schema(request=NewClaimSerializer, responses={201: CreatedDeviceSerializer})
    @action(detail=True, methods=["post"])
    def claim(self, request: Request, pk: str) -> Response:
        """Make a new claim code for the device's box; an earlier code ends. For operators of the site."""
        device = get_object_or_404(self.get_queryset(), pk=pk)
        if not device.site.allows(request.user, Right.OPERATE):
            raise PermissionDenied(f"Only an operator or owner of {device.site} sets up cameras there.")
        if not device.is_open:
            raise ValidationError({"non_field_errors": [f"{device} has left {device.site}."]})
        address = _valid(NewClaimSerializer, request)["address"]
        device.claim_code = make_claim(device=device, source=address, now=timezone.now())
        device.agent_sha256 = wheel.current_release().sha256
        return Response(CreatedDeviceSerializer(device).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=SettingsSerializer, responses=ChangedSerializer)
    @action(detail=False, methods=["post"], url_path="settings", url_name="settings")
    def change_settings(self, request: Request) -> Response:
        """Change settings of many cameras at once. For operators of their sites; devices of others are left out."""
        values = _valid(SettingsSerializer, request)
        try:
            settings = fleet.parse_settings(values["settings"])
            unknown = set(values["settings"]) - set(settings)
            if unknown:
                raise ValidationError({"settings": [f"There is no setting {', '.join(sorted(unknown))}."]})
            changed = fleet.configure_devices(
                devices=_operated(request, values["devices"]), settings=settings, now=timezone.now()
            )
        except Invalid as error:
            raise ValidationError({"settings": error.messages}) from None
        return Response({"changed": changed})


class MemberViewSet(ScopedReadOnlyViewSet):
    """The members of your sites."""

    queryset = Membership.objects.select_related("user", "site")
    serializer_class = MemberSerializer
    filterset_class = MemberFilter
    cursor_ordering = ("pk",)
    exports_whole_list = True

    @extend_schema(request=NewMemberSerializer, responses={201: CreatedMemberSerializer, 200: CreatedMemberSerializer})
    def create(self, request: Request) -> Response:
        """Give a user a role at a site, or invite an e-mail address. For owners, up to their own role."""
        values = _valid(NewMemberSerializer, request)
        values["site"] = site = _site(request, values["site"])
        outcome = _carried_out(services.provision_member, request, {**values, "now": timezone.now()})
        is_invited = isinstance(outcome.row, Invitation)
        answer = {
            "site": site.slug,
            "user": outcome.row.email if is_invited else outcome.row.user.username,
            "role": outcome.row.role,
            "invitation": outcome.secret,
        }
        return Response(answer, status=_status(outcome))


class RolloutViewSet(ScopedReadOnlyViewSet):
    """The versions of the agent that were pinned for your cameras, the latest first."""

    queryset = Rollout.objects.select_related("release").defer("release__wheel")
    serializer_class = RolloutSerializer
    cursor_ordering = ("-started_at", "-pk")

    def get_queryset(self) -> QuerySet[Any]:
        things = Device.objects.open().for_user(self.request.user).values("thing__pk")
        rollouts_seen: QuerySet[Any] = self.queryset.filter(updates__thing__in=things).distinct()
        return rollouts_seen

    @extend_schema(request=NewRolloutSerializer, responses={201: RolloutSerializer})
    def create(self, request: Request) -> Response:
        """Pin a version for cameras, which install it wave by wave. For operators; devices of others are left out."""
        values = _valid(NewRolloutSerializer, request)
        names = list(_operated(request, values["devices"]).values_list("thing_id", flat=True))
        things = list(Thing.objects.filter(name__in=names).order_by("pk"))
        try:
            rollout = rollouts.start_rollout(
                things=things,
                version=values["version"],
                by=request.user,  # type: ignore[arg-type]
                now=timezone.now(),
            )
        except Invalid as error:
            raise ValidationError({"version": error.messages}) from None
        return Response(RolloutSerializer(rollout).data, status=status.HTTP_201_CREATED)


def _valid(form: type[serializers.Serializer[dict[str, Any]]], request: Request) -> dict[str, Any]:
    serializer = form(data=request.data)
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)


def _site(request: Request, slug: str) -> Site:
    site: Site | None = Site.objects.for_user(request.user).filter(slug=slug).first()
    if site is None:
        raise ValidationError({"site": [f"You have no site “{slug}”."]})
    return site


def _operated(request: Request, keys: list[int]) -> QuerySet[Device]:
    return cast("QuerySet[Device]", Device.objects.open().permitted(request.user, Right.OPERATE).filter(pk__in=keys))


def _carried_out(write: Any, request: Request, values: dict[str, Any]) -> services.Outcome:
    try:
        outcome: services.Outcome = write(**values, by=request.user)
    except NotAllowed as error:
        raise PermissionDenied(str(error)) from None
    except Invalid as error:
        problems = error.message_dict if hasattr(error, "error_dict") else {"non_field_errors": error.messages}
        raise ValidationError(problems) from None
    return outcome


def _status(outcome: services.Outcome) -> int:
    return status.HTTP_201_CREATED if outcome.did == "created" else status.HTTP_200_OK
