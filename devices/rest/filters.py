"""The filters of the API's lists whose rows belong to a device."""

from django_filters import rest_framework as filters

from devices.models import AuditEntry, DeviceLog
from devices.rest.parameters import FilterSet, NumberFilter


class OfDeviceFilter(FilterSet):
    site = filters.CharFilter(field_name="device__site__slug", label="A site's slug.")
    device = filters.CharFilter(field_name="device__name", label="A device's name.")


class LogFilter(OfDeviceFilter):
    class Meta:
        model = DeviceLog
        fields = {"level": ["exact"], "at": ["gte", "lt"]}


class AuditFilter(FilterSet):
    site = filters.CharFilter(field_name="site__slug", label="A site's slug.")
    by = NumberFilter(field_name="by_id", label="The number of the account that acted.")

    class Meta:
        model = AuditEntry
        fields = {"action": ["exact"], "subject": ["exact"], "at": ["gte", "lt"]}
