"""The API of shared pages: as the page on which operators make and revoke links."""

from typing import TYPE_CHECKING, Any, cast

from django.core.exceptions import ValidationError
from django.urls import reverse
from django.utils import timezone
from rest_framework import mixins, serializers

from analytics.features.sharing import services
from analytics.models.shares import SharedPage
from devices.rest.base import ScopedReadOnlyViewSet
from devices.rest.fields import SiteField

if TYPE_CHECKING:
    from devices.models import User


class SharedPageSerializer(serializers.ModelSerializer[SharedPage]):
    """A link that shows the numbers of one site, or of one spot of it, over one period, without an account."""

    site = SiteField()
    device = serializers.CharField(
        source="device_name", required=False, default="", max_length=80, help_text="Leave it out for the whole site."
    )
    parameters = serializers.DictField(
        child=serializers.CharField(max_length=40),
        required=False,
        default=dict,
        help_text=f"As a page's address has them: {', '.join(services.PARAMETERS)}.",
    )
    works_for = serializers.ChoiceField(
        choices=[str(days) for days in services.DAYS_OFFERED], write_only=True, help_text="Days."
    )
    address = serializers.CharField(
        read_only=True,
        allow_null=True,
        default=None,
        help_text="Only in the response that makes the link: it is not stored.",
    )

    class Meta:
        model = SharedPage
        fields = (
            *("id", "site", "name", "device", "parameters", "works_for", "created_at", "expires_at", "used_at"),
            "address",
        )
        read_only_fields = ("created_at", "expires_at", "used_at")

    def validate_parameters(self, value: dict[str, str]) -> dict[str, str]:
        if unknown := sorted(set(value) - set(services.PARAMETERS)):
            raise serializers.ValidationError(
                f"There is no parameter “{unknown[0]}”; a page has {', '.join(services.PARAMETERS)}."
            )
        return value

    def create(self, validated_data: dict[str, Any]) -> SharedPage:
        request = self.context["request"]
        days = validated_data.pop("works_for")
        try:
            page, text = services.share(**validated_data, days=days, by=request.user, now=timezone.now())
        except ValidationError as refusal:
            raise serializers.ValidationError(serializers.as_serializer_error(refusal)) from None
        page.address = request.build_absolute_uri(reverse("shared", args=[text]))  # type: ignore[attr-defined]
        return page


class SharedPageViewSet(mixins.CreateModelMixin, mixins.DestroyModelMixin, ScopedReadOnlyViewSet):
    """The shared pages of your sites. Operators and owners make and revoke them."""

    queryset = SharedPage.objects.select_related("site").order_by("pk")
    serializer_class = SharedPageSerializer
    cursor_ordering = ("pk",)

    def perform_destroy(self, instance: SharedPage) -> None:
        services.revoke(page=instance, by=cast("User", self.request.user))
