"""The filters of the API's lists whose rows belong to a site or a device."""

from typing import TYPE_CHECKING, Any

from django.db.models import QuerySet
from django_filters import rest_framework as filters

from devices.models import AuditEntry, Device, DeviceLog, Membership, QuarantinedMessage
from devices.rest.parameters import FilterSet, NumberFilter

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from devices.models import User


def of_devices(rows: QuerySet[Any], user: "User | AnonymousUser", **look_ups: Any) -> QuerySet[Any]:
    """Return the rows of the devices that the user may see and that fit these look-ups.

    The statement names the devices by their keys. So the database knows how few of all rows are theirs and reads only
    these; from a condition on their site it would not, and read the rows of everybody. A superuser who gives no look-up
    gets the rows of all devices.
    """
    if user.is_superuser and not look_ups:
        return rows
    devices = Device.objects.for_user(user).filter(**look_ups).order_by("pk")
    return rows.filter(device__in=list(devices.values_list("pk", flat=True)))


class OfSiteFilter(FilterSet):
    site = filters.CharFilter(field_name="site__slug", label="A site's slug.")


class OfDeviceFilter(FilterSet):
    """Filters by the site and the device of the rows, and names the devices to the database."""

    site = filters.CharFilter(method="by_devices", label="A site's slug.")
    device = filters.CharFilter(method="by_devices", label="A device's name.")

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        asked = {"site__slug": self.form.cleaned_data["site"], "name": self.form.cleaned_data["device"]}
        look_ups = {look_up: value for look_up, value in asked.items() if value}
        return of_devices(super().filter_queryset(queryset), self.request.user, **look_ups)

    def by_devices(self, queryset: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        """Leave the rows to `filter_queryset`, which needs both values at once."""
        return queryset


class LogFilter(OfDeviceFilter):
    class Meta:
        model = DeviceLog
        fields = {"level": ["exact"], "at": ["gte", "lt"]}


class AuditFilter(OfSiteFilter):
    by = NumberFilter(field_name="by_id", label="The number of the account that acted.")

    class Meta:
        model = AuditEntry
        fields = {"action": ["exact"], "subject": ["exact"], "at": ["gte", "lt"]}


class QuarantineFilter(OfDeviceFilter):
    class Meta:
        model = QuarantinedMessage
        fields = {"reason": ["exact"]}


class MemberFilter(OfSiteFilter):
    class Meta:
        model = Membership
        fields = {"role": ["exact"]}
