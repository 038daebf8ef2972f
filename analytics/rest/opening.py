"""The API of opening hours: as the pages on which operators enter them."""

from typing import TYPE_CHECKING, Any, cast

from django.core.exceptions import ValidationError
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from analytics.models.opening import DAYS, OpeningException, OpeningPlan
from analytics.verdicts.proposed_hours import propose_plan
from devices.managing.access import check_right, find_site
from devices.models import Site
from devices.rest.base import ScopedReadOnlyViewSet
from devices.rest.fields import SiteField
from devices.rest.filters import OfSiteFilter
from devices.rest.parameters import parse_query
from devices.rules.roles import Right

if TYPE_CHECKING:
    from devices.models import User

METHODS = ["get", "head", "options", "post", "patch", "delete"]


class _OfSite(serializers.ModelSerializer[Any]):
    site = SiteField()

    def validate_site(self, site: Site) -> Site:
        if self.instance is not None and self.instance.site_id != site.pk:
            raise serializers.ValidationError("A row stays at its site. Delete it, and add one at the other site.")
        return site

    def create(self, validated_data: dict[str, Any]) -> Any:
        meta: Any = self.Meta
        return self._write(meta.model(), validated_data)

    def update(self, instance: Any, validated_data: dict[str, Any]) -> Any:
        return self._write(instance, validated_data)

    def _write(self, row: Any, values: dict[str, Any]) -> Any:
        for name, value in values.items():
            setattr(row, name, value)
        check_right(self.context["request"].user, row.site, Right.OPERATE)
        try:
            row.full_clean()
        except ValidationError as refusal:
            raise serializers.ValidationError(serializers.as_serializer_error(refusal)) from None
        row.save()
        return row


class OpeningPlanSerializer(_OfSite):
    """The opening hours of a site from a day on: a text for each day of the week, such as `09:00-18:00`; "": closed."""

    class Meta:
        model = OpeningPlan
        fields = ("id", "site", "since", *DAYS, "country", "region", "holiday")
        validators = ()  # The model says in a sentence what is wrong.


class OpeningExceptionSerializer(_OfSite):
    """A day on which a site has other hours than its plan says, or, with "", is closed."""

    class Meta:
        model = OpeningException
        fields = ("id", "site", "date", "hours", "note")
        validators = ()


class ProposalQuery(serializers.Serializer[Any]):
    site = serializers.SlugField(help_text="The slug of the site.")


class ProposalSerializer(serializers.Serializer[Any]):
    """The hours of each day of the week in which people usually came."""

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        return {day: serializers.CharField() for day in DAYS}


class _OpeningViewSet(
    mixins.CreateModelMixin, mixins.UpdateModelMixin, mixins.DestroyModelMixin, ScopedReadOnlyViewSet
):
    http_method_names = METHODS
    cursor_ordering = ("pk",)

    def perform_destroy(self, instance: Any) -> None:
        check_right(cast("User", self.request.user), instance.site, Right.OPERATE)
        instance.delete()


class OpeningPlanFilter(OfSiteFilter):
    class Meta:
        model = OpeningPlan
        fields: dict[str, list[str]] = {}


class OpeningPlanViewSet(_OpeningViewSet):
    """The opening hours of your sites, from a day on each. Operators and owners may change them."""

    queryset = OpeningPlan.objects.select_related("site").order_by("pk")
    serializer_class = OpeningPlanSerializer
    filterset_class = OpeningPlanFilter

    @extend_schema(parameters=[ProposalQuery], responses=ProposalSerializer)
    @action(detail=False)
    def proposal(self, request: Request) -> Response:
        """Return the hours in which people usually came in the last eight weeks, in quarter hours; "": nobody came."""
        site = find_site(cast("User", request.user), parse_query(ProposalQuery, request)["site"])
        return Response(propose_plan(site, now=timezone.now()))


class OpeningExceptionFilter(OfSiteFilter):
    class Meta:
        model = OpeningException
        fields: dict[str, list[str]] = {}


class OpeningExceptionViewSet(_OpeningViewSet):
    """Single days on which your sites have other hours. Operators and owners may change them."""

    queryset = OpeningException.objects.select_related("site").order_by("pk")
    serializer_class = OpeningExceptionSerializer
    filterset_class = OpeningExceptionFilter
