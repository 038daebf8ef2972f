"""The API of walls: as the pages of walls, by the same services."""

from typing import TYPE_CHECKING, Any, cast

from django.core.exceptions import ValidationError
from django.db.models import Count, Prefetch, QuerySet
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from analytics.features.galaxy.serving import services
from analytics.features.galaxy.serving.pairing_walls import SHAPES, pair_screen
from analytics.features.galaxy.serving.tokens_page import DEFAULT_SCREENS
from analytics.models.walls import WallToken
from devices.models import Site
from devices.rest.base import ScopedReadOnlyViewSet
from devices.rest.fields import SiteField
from devices.rules.roles import Right

if TYPE_CHECKING:
    from devices.models import User


class ShownSites(serializers.ManyRelatedField):
    """The sites of a wall that the caller may see. Sites of others are neither read nor written."""

    def __init__(self, **more: Any) -> None:
        more.setdefault("child_relation", SiteField())
        super().__init__(allow_empty=False, **more)

    def get_attribute(self, instance: WallToken) -> list[Site]:
        return instance.seen_sites  # type: ignore[attr-defined, no-any-return]  # set by the view


class WallSerializer(serializers.ModelSerializer[WallToken]):
    """A wall: its token shows the numbers of some sites to whoever has its address."""

    sites = ShownSites(help_text="The slugs of the sites; you operate each of them.")
    other_sites = serializers.SerializerMethodField(help_text="How many sites it shows that you do not see.")
    token = serializers.CharField(
        read_only=True, allow_null=True, default=None, help_text="Only in the response that creates the wall."
    )
    setup = serializers.CharField(
        read_only=True,
        allow_null=True,
        default=None,
        help_text="The address of its set-up page; only in that response.",
    )

    class Meta:
        model = WallToken
        fields = ("id", "name", "sites", "other_sites", "created_at", "expires_at", "used_at", "token", "setup")
        read_only_fields = ("used_at",)

    def get_other_sites(self, wall: Any) -> int:
        return int(wall.number_of_sites - len(wall.seen_sites))

    def validate_expires_at(self, value: Any) -> Any:
        if value is not None and value <= timezone.now():
            raise serializers.ValidationError("This time has passed. Give a later one, or null for no end.")
        return value


class TakeOffSerializer(serializers.Serializer[Any]):
    """The site that a wall shows no more."""

    site = SiteField()


class PairSerializer(serializers.Serializer[Any]):
    """The screen that shows a code, and what it opens."""

    code = serializers.CharField(max_length=20, help_text="The code that the screen shows at /pair/.")
    name = serializers.CharField(max_length=80)
    sites = ShownSites()
    boards = serializers.ListField(
        child=serializers.CharField(max_length=40), allow_empty=False, max_length=20, help_text="They take turns."
    )
    shape = serializers.ChoiceField(choices=list(SHAPES))


class WallViewSet(mixins.CreateModelMixin, mixins.UpdateModelMixin, mixins.DestroyModelMixin, ScopedReadOnlyViewSet):
    """The walls that show a site which you operate. Whoever operates all sites of a wall may change and delete it."""

    http_method_names = ["get", "head", "options", "post", "patch", "delete"]
    queryset = WallToken.objects.all()
    serializer_class = WallSerializer
    cursor_ordering = ("pk",)

    def get_queryset(self) -> QuerySet[Any]:
        user = self.request.user
        operated = Site.objects.all().permitted(user, Right.OPERATE)
        seen = Prefetch("sites", Site.objects.for_user(user).order_by("slug"), to_attr="seen_sites")
        shown = WallToken.sites.through._default_manager.filter(site__in=operated).values("walltoken")
        counted: QuerySet[Any] = WallToken.objects.filter(pk__in=shown).annotate(
            number_of_sites=Count("sites", distinct=True)
        )
        # Never under the name "sites": the services would take the sites that the caller sees for all of them.
        return counted.prefetch_related(seen).order_by("pk")

    def perform_create(self, serializer: Any) -> None:
        values, user = serializer.validated_data, cast("User", self.request.user)
        made, text = _refused_as_fields(services.create_wall_token, by=user, **values)
        serializer.instance = self.get_queryset().get(pk=made.pk)
        serializer.instance.token = text
        address = reverse("wall-setup", args=[text, DEFAULT_SCREENS])
        serializer.instance.setup = self.request.build_absolute_uri(address)

    def perform_update(self, serializer: Any) -> None:
        wall, values = serializer.instance, serializer.validated_data
        _refused_as_fields(
            services.change_wall,
            token=wall,
            by=cast("User", self.request.user),
            name=values.get("name", wall.name),
            sites=values.get("sites"),
            expires_at=values.get("expires_at", wall.expires_at),
        )
        serializer.instance = self.get_queryset().get(pk=wall.pk)

    def perform_destroy(self, instance: WallToken) -> None:
        services.delete_wall(token=instance, by=cast("User", self.request.user))

    @extend_schema(request=TakeOffSerializer, responses={204: None})
    @action(detail=True, methods=["post"], url_path="take-off")
    def take_off(self, request: Request, pk: Any = None) -> Response:
        """Take a site that you operate off the wall. A wall without a site is deleted."""
        wall = self.get_object()
        asked = TakeOffSerializer(data=request.data, context=self.get_serializer_context())
        asked.is_valid(raise_exception=True)
        site: Site = asked.validated_data["site"]
        if not wall.sites.filter(pk=site.pk).exists():
            raise serializers.ValidationError({"site": [f"The wall “{wall}” does not show {site}."]})
        services.take_off_wall(token=wall, site=site, by=cast("User", request.user))
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(request=PairSerializer, responses={201: WallSerializer})
    @action(detail=False, methods=["post"])
    def pair(self, request: Request) -> Response:
        """Make a wall, and open it on the screen that shows this code."""
        asked = PairSerializer(data=request.data, context=self.get_serializer_context())
        asked.is_valid(raise_exception=True)
        made = _refused_as_fields(pair_screen, by=cast("User", request.user), **asked.validated_data)
        wall = self.get_queryset().get(pk=made.pk)
        return Response(self.get_serializer(wall).data, status=status.HTTP_201_CREATED)


def _refused_as_fields(service: Any, **values: Any) -> Any:
    try:
        return service(**values)
    except ValidationError as refusal:
        raise serializers.ValidationError(serializers.as_serializer_error(refusal)) from None
