"""The filters of the API's lists whose rows belong to a device."""

from django_filters import rest_framework as filters

from devices.models import DeviceLog
from devices.rest.parameters import FilterSet


class OfDeviceFilter(FilterSet):
    site = filters.CharFilter(field_name="device__site__slug", label="A site's slug.")
    device = filters.CharFilter(field_name="device__name", label="A device's name.")


class LogFilter(OfDeviceFilter):
    class Meta:
        model = DeviceLog
        fields = {"level": ["exact"], "at": ["gte", "lt"]}
