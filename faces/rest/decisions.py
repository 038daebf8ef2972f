"""The API of what an owner decides about faces: the policy of a site, and whether expressions may be read there."""

from functools import partial
from typing import TYPE_CHECKING, Any, cast

from django.http import Http404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from devices.managing.access import check_right, find_site
from devices.models import Site
from devices.rest.base import ScopedReadOnlyViewSet
from devices.rest.parameters import KnownFieldsOnly
from devices.rules.roles import Right
from faces.models import FeelingsConfirmation, Mode, SitePolicy
from faces.people.feelings import FeelingsRefused, confirm_feelings, withdraw_feelings
from faces.people.policies import TERMS, PolicyRefused, check_policy, set_policy, set_retention
from faces.recognisers.recogniser import RecogniserUnavailable
from faces.rest.errors import Unavailable, with_field_errors

if TYPE_CHECKING:
    from devices.models import User


class PolicySerializer(serializers.ModelSerializer[SitePolicy]):
    site = serializers.SlugRelatedField[Site](slug_field="slug", read_only=True)
    confirmed_by = serializers.SlugRelatedField[Any](slug_field="username", read_only=True, allow_null=True)
    kept_hours = serializers.IntegerField(read_only=True, help_text="For how many hours pictures are kept.")

    class Meta:
        model = SitePolicy
        fields = ["site", "mode", "confirmed_by", "confirmed_at", "kept_hours", *TERMS]

    def to_representation(self, instance: Any) -> Any:
        """Take a site, which has the policy of the defaults where nobody has set one."""
        policy = getattr(instance, "policy", None) or SitePolicy(site=instance)
        return super().to_representation(policy)


class NewPolicySerializer(KnownFieldsOnly, serializers.ModelSerializer[SitePolicy]):
    confirmed = serializers.BooleanField(
        default=False, help_text="That you own the site and confirm the mode; needed for every mode but “off”."
    )

    class Meta:
        model = SitePolicy
        fields = ["mode", "confirmed", *TERMS]
        extra_kwargs = {"mode": {"required": False}}


class PolicyViewSet(ScopedReadOnlyViewSet):
    """What your sites do with faces, and for how long they keep pictures and people."""

    queryset = Site.objects.select_related("policy__confirmed_by")
    serializer_class = PolicySerializer
    lookup_field = "slug"
    cursor_ordering = ("name", "pk")

    @extend_schema(request=NewPolicySerializer, responses=PolicySerializer)
    def partial_update(self, request: Request, slug: str) -> Response:
        """Change the mode, some of the terms, or both. For owners of the site."""
        site: Site = self.get_object()
        user = cast("User", request.user)
        check_right(user, site, Right.DECIDE_ON_FACES)
        serializer = NewPolicySerializer(data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        values = dict(serializer.validated_data)
        mode, confirmed = values.pop("mode", None), values.pop("confirmed", False)
        if mode is not None:
            _check_mode(site, Mode(mode), confirmed, user)
        if values:
            policy = getattr(site, "policy", None) or SitePolicy(site=site)
            terms = {name: values.get(name, getattr(policy, name)) for name in TERMS}
            with_field_errors(partial(set_retention, site=site, **terms))
        if mode is not None:
            try:
                set_policy(site=site, mode=mode, confirmed_by=user)
            except RecogniserUnavailable as error:
                raise Unavailable(
                    f"The policy is set, but some guests' faces are left; send it again. {error}"
                ) from error
        return Response(self.get_serializer(self.get_object()).data)


def _check_mode(site: Site, mode: Mode, confirmed: bool, user: "User") -> None:
    if mode != Mode.OFF and not confirmed:
        raise ValidationError({"confirmed": ["Recognition needs the confirmation of an owner."]})
    try:
        check_policy(site=site, mode=mode, confirmed_by=user)
    except PolicyRefused as error:
        raise ValidationError({"mode": [str(error)]}) from error


class ExpressionsSerializer(serializers.ModelSerializer[FeelingsConfirmation]):
    site = serializers.SlugRelatedField[Site](slug_field="slug", read_only=True)
    confirmed_by = serializers.SlugRelatedField[Any](slug_field="username", read_only=True)

    class Meta:
        model = FeelingsConfirmation
        fields = [
            *("site", "jurisdiction", "nobody_at_work_or_school", "notice_is_public", "confirmed_by", "confirmed_at"),
        ]


class NewExpressionsSerializer(KnownFieldsOnly, serializers.ModelSerializer[FeelingsConfirmation]):
    site = serializers.SlugField(help_text="A site's slug.")

    class Meta:
        model = FeelingsConfirmation
        fields = ["site", "jurisdiction", "nobody_at_work_or_school", "notice_is_public"]
        extra_kwargs = {
            "nobody_at_work_or_school": {"required": True},
            "notice_is_public": {"required": True},
        }


class ExpressionsViewSet(ScopedReadOnlyViewSet):
    """The confirmations of owners that expressions of faces may be read at their site."""

    queryset = FeelingsConfirmation.objects.select_related("site", "confirmed_by")
    serializer_class = ExpressionsSerializer
    lookup_field = "site__slug"
    lookup_url_kwarg = "slug"
    cursor_ordering = ("pk",)

    @extend_schema(request=NewExpressionsSerializer, responses={201: ExpressionsSerializer})
    def create(self, request: Request) -> Response:
        """Confirm, by your name and the time, that expressions may be read. For owners of the site."""
        user = cast("User", request.user)
        serializer = NewExpressionsSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        values = dict(serializer.validated_data)
        try:
            site = find_site(user, values.pop("site"))
        except Http404:
            raise ValidationError({"site": ["Give the slug of one of your sites."]}) from None
        check_right(user, site, Right.DECIDE_ON_FACES)
        try:
            row = confirm_feelings(site=site, by=user, now=timezone.now(), **values)
        except FeelingsRefused as error:
            raise ValidationError({"detail": [str(error)]}) from error
        return Response(ExpressionsSerializer(row).data, status=status.HTTP_201_CREATED)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, slug: str) -> Response:
        """Stop reading expressions at the site, and delete their counts. For owners of the site."""
        row: FeelingsConfirmation = self.get_object()
        check_right(cast("User", request.user), row.site, Right.DECIDE_ON_FACES)
        withdraw_feelings(site=row.site)
        return Response(status=status.HTTP_204_NO_CONTENT)
