"""Filters of the API's lists of captures, people, coffees and merges."""

from django_filters import rest_framework as filters

from devices.rest.filters import OfDeviceFilter
from devices.rest.parameters import FilterSet, NumberFilter
from faces.models import Capture, Coffee, ConsentTemplate, Merge, Person


class CaptureFilter(OfDeviceFilter):
    class Meta:
        model = Capture
        fields = {"state": ["exact"], "taken_at": ["gte", "lt"]}


class CoffeeFilter(OfDeviceFilter):
    person = NumberFilter(field_name="person", label="A person's id.")
    anonymous = filters.BooleanFilter(
        field_name="person", lookup_expr="isnull", label="Whether the coffee is anonymous."
    )

    class Meta:
        model = Coffee
        fields = {"voided": ["exact"], "taken_at": ["gte", "lt"]}


class PersonFilter(FilterSet):
    site = filters.CharFilter(field_name="site__slug", label="A site's slug.")

    class Meta:
        model = Person
        fields = {"name": ["exact", "icontains"], "external_id": ["exact"]}


class ConsentTextFilter(FilterSet):
    site = filters.CharFilter(field_name="site__slug", label="A site's slug.")
    retired = filters.BooleanFilter(
        field_name="retired_at", lookup_expr="isnull", exclude=True, label="Whether nobody agrees to it any more."
    )

    class Meta:
        model = ConsentTemplate
        fields = {"name": ["exact"]}


class MergeFilter(FilterSet):
    site = filters.CharFilter(field_name="site__slug", label="A site's slug.")
    person = NumberFilter(field_name="person", label="The id of the person who took the rows over.")
    undone = filters.BooleanFilter(
        field_name="undone_at", lookup_expr="isnull", exclude=True, label="Whether the merge is undone."
    )

    class Meta:
        model = Merge
        fields: dict[str, list[str]] = {}
