"""By what the API's lists of pictures, people and coffees can be narrowed."""

from django_filters import rest_framework as filters

from devices.rest.filters import OfDeviceFilter
from faces.models import Capture, Coffee, Merge, Person


class CaptureFilter(OfDeviceFilter):
    class Meta:
        model = Capture
        fields = {"state": ["exact"], "taken_at": ["gte", "lt"]}


class CoffeeFilter(OfDeviceFilter):
    person = filters.NumberFilter(field_name="person", label="A person's id.")
    anonymous = filters.BooleanFilter(field_name="person", lookup_expr="isnull", label="Of nobody in particular.")

    class Meta:
        model = Coffee
        fields = {"voided": ["exact"], "taken_at": ["gte", "lt"]}


class PersonFilter(filters.FilterSet):  # type: ignore[misc]
    site = filters.CharFilter(field_name="site__slug", label="A site's slug.")

    class Meta:
        model = Person
        fields = {"name": ["exact", "icontains"]}


class MergeFilter(filters.FilterSet):  # type: ignore[misc]
    site = filters.CharFilter(field_name="site__slug", label="A site's slug.")
    person = filters.NumberFilter(field_name="person", label="The id of who took everything over.")
    undone = filters.BooleanFilter(field_name="undone_at", lookup_expr="isnull", exclude=True, label="Undone or not.")

    class Meta:
        model = Merge
        fields: dict[str, list[str]] = {}
