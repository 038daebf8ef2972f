"""Fields that serializers of several parts of the API share."""

from typing import Any

from rest_framework import serializers

from devices.models import Site


class SiteField(serializers.SlugRelatedField[Site]):
    """A site, by its slug. A request may name only a site that the caller may see."""

    def __init__(self, **more: Any) -> None:
        super().__init__(slug_field="slug", **{"queryset": Site.objects.none(), **more})

    def get_queryset(self) -> Any:
        request = self.context.get("request")
        return Site.objects.for_user(request.user if request else None)

    def to_internal_value(self, data: Any) -> Site:
        # No slug contains a zero byte, and PostgreSQL raises an error for a query with one.
        return super().to_internal_value(str(data).replace("\0", " "))
