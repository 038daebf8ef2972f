"""The metrics of the platform and of its devices, as Prometheus reads them."""

from collections.abc import Callable, Iterator
from typing import Any

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpResponse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from drf_spectacular.utils import extend_schema
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from rest_framework.authentication import get_authorization_header
from rest_framework.decorators import api_view, permission_classes
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from devices import health
from devices.intake.quarantine import quarantined_counts
from devices.models import Device, DeviceState, QuarantinedMessage

Family = CounterMetricFamily | GaugeMetricFamily

DEVICE_METRICS: dict[str, tuple[str, Callable[[DeviceState], float | None]]] = {
    "last_seen_timestamp_seconds": (
        "When the latest message of the device arrived, in seconds since 1970.",
        lambda state: None if state.last_seen_at is None else state.last_seen_at.timestamp(),
    ),
    "outbox_messages": ("Messages that wait at the device.", lambda state: state.outbox_messages),
    "outbox_bytes": ("Size of the messages that wait at the device.", lambda state: state.outbox_bytes),
    "dropped_messages_total": (
        "Messages that the device dropped because its outbox was full.",
        lambda state: state.dropped_messages,
    ),
    "clock_skew_seconds": (
        "The device's clock minus the platform's, at the latest message.",
        lambda state: None if state.clock_skew_ms is None else state.clock_skew_ms / 1000,
    ),
}
"""The help and the value of each metric of a device, by its name without `headcount_device_`."""


class MayReadMetrics(BasePermission):
    """Allows administrators, and whoever sends the setting `METRICS_TOKEN` as `Authorization: Bearer <token>`."""

    def has_permission(self, request: Request, view: Any) -> bool:
        words = get_authorization_header(request).split()
        if settings.METRICS_TOKEN and len(words) == 2 and words[0].lower() == b"bearer":
            return constant_time_compare(words[1], settings.METRICS_TOKEN.encode())
        return bool(request.user and request.user.is_superuser)


@extend_schema(exclude=True)
@api_view(["GET"])
@permission_classes([MayReadMetrics])
def metrics(request: Request) -> HttpResponse:
    """Return the metrics for Prometheus, which sends `METRICS_TOKEN` or an administrator's API token."""
    registry = CollectorRegistry()
    registry.register(_Platform())
    registry.register(_Devices())
    return HttpResponse(generate_latest(registry), content_type="text/plain; version=0.0.4; charset=utf-8")


class _Platform(Collector):
    """The state of each part. While the database is away, the lines of health say so, and there is no quarantine."""

    def collect(self) -> Iterator[Metric]:
        well = GaugeMetricFamily("headcount_part_well", "1 if the part works, otherwise 0.", labels=["part"])
        families: dict[str, Family] = {}
        for line in health.report(timezone.now()):
            well.add_metric([line.part], line.well)
            for name, value in line.numbers.items():
                families.setdefault(name, _part_family(name)).add_metric([line.part], value)
        yield well
        yield from families.values()
        quarantined = GaugeMetricFamily(
            "headcount_quarantined", "Quarantined messages that were not replayed.", labels=["site", "device", "reason"]
        )
        try:
            for row in quarantined_counts(QuarantinedMessage.objects.all()):
                quarantined.add_metric([row.site or "", row.device or "unknown", row.reason], row.messages)
        except DatabaseError:
            return
        yield quarantined


class _Devices(Collector):
    """The state of each camera in use. While the database is away, there is none, and an alert on absence holds."""

    def collect(self) -> Iterator[Metric]:
        now = timezone.now()
        labels = ["site", "device"]
        online = GaugeMetricFamily("headcount_device_online", "1 if the device is live, otherwise 0.", labels=labels)
        families = {
            name: _family(f"headcount_device_{name}", text, labels) for name, (text, _) in DEVICE_METRICS.items()
        }
        try:
            devices = list(Device.objects.open().select_related("site", "thing__state"))
        except DatabaseError:
            return
        for device in devices:
            state = getattr(device.thing, "state", None)
            place = [device.site.slug, device.name]
            online.add_metric(place, state is not None and state.is_live(now))
            for name, (_, value_of) in DEVICE_METRICS.items():
                value = None if state is None else value_of(state)
                if value is not None:
                    families[name].add_metric(place, value)
        yield online
        yield from families.values()


def _part_family(name: str) -> Family:
    text = f"{name.removesuffix('_total').replace('_', ' ').capitalize()}."
    return _family(f"headcount_{name}", text, ["part"])


def _family(name: str, text: str, labels: list[str]) -> Family:
    kind = CounterMetricFamily if name.endswith("_total") else GaugeMetricFamily
    return kind(name, text, labels=labels)
