"""Filters of the API's lists of captures, people, coffees and merges."""

from typing import Any

from django_filters import rest_framework as filters

from devices.rest.filters import OfDeviceFilter, OfSiteFilter
from devices.rest.parameters import NumberFilter
from faces.models import Capture, Coffee, ConsentTemplate, DeskLink, Merge, Person, Sighting


class CaptureFilter(OfDeviceFilter):
    person = NumberFilter(method="select_person", label="The id of a person who was recognised in the picture.")

    class Meta:
        model = Capture
        fields = {"state": ["exact"], "taken_at": ["gte", "lt"]}

    def select_person(self, captures: Any, name: str, value: int) -> Any:
        return captures.filter(pk__in=Sighting.objects.filter(person=value).values("capture"))


class CoffeeFilter(OfDeviceFilter):
    person = NumberFilter(field_name="person", label="A person's id.")
    anonymous = filters.BooleanFilter(
        field_name="person", lookup_expr="isnull", label="Whether the coffee is anonymous."
    )

    class Meta:
        model = Coffee
        fields = {"voided": ["exact"], "taken_at": ["gte", "lt"]}


class PersonFilter(OfSiteFilter):
    guest = filters.BooleanFilter(
        field_name="guest_number", lookup_expr="isnull", exclude=True, label="Whether the person is a guest."
    )

    class Meta:
        model = Person
        fields = {"name": ["exact", "icontains"], "external_id": ["exact"]}


class ConsentTextFilter(OfSiteFilter):
    retired = filters.BooleanFilter(
        field_name="retired_at", lookup_expr="isnull", exclude=True, label="Whether nobody agrees to it any more."
    )

    class Meta:
        model = ConsentTemplate
        fields = {"name": ["exact"]}


class DeskLinkFilter(OfSiteFilter):
    class Meta:
        model = DeskLink
        fields: dict[str, list[str]] = {}


class MergeFilter(OfSiteFilter):
    person = NumberFilter(field_name="person", label="The id of the person who took the rows over.")
    undone = filters.BooleanFilter(
        field_name="undone_at", lookup_expr="isnull", exclude=True, label="Whether the merge is undone."
    )

    class Meta:
        model = Merge
        fields: dict[str, list[str]] = {}
