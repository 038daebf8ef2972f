"""How machines ask whether the platform is at work."""

from collections.abc import Iterator

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from rest_framework.decorators import api_view, permission_classes
from rest_framework.permissions import IsAdminUser
from rest_framework.request import Request

from devices import health
from devices.models import QuarantinedMessage
from devices.querysets import quarantined_counts


def healthz(request: HttpRequest) -> HttpResponse:
    """One line for each part; status 200 where all are well, else 503. Needs no account and tells nothing of a site."""
    lines = health.report(timezone.now())
    text = "".join(f"{line}\n" for line in lines)
    well = all(line.well for line in lines)
    return HttpResponse(text, status=200 if well else 503, content_type="text/plain; charset=utf-8")


@extend_schema(exclude=True)
@api_view(["GET"])
@permission_classes([IsAdminUser])
def metrics(request: Request) -> HttpResponse:
    """The same facts and the quarantine's counts for Prometheus; staff only: `Authorization: Token <token>`."""
    registry = CollectorRegistry()
    registry.register(_Facts())
    return HttpResponse(generate_latest(registry), content_type="text/plain; version=0.0.4; charset=utf-8")


class _Facts(Collector):
    def collect(self) -> Iterator[Metric]:
        lines = health.report(timezone.now())
        well = GaugeMetricFamily("headcount_part_well", "1 where the part is at work.", labels=["part"])
        families: dict[str, CounterMetricFamily | GaugeMetricFamily] = {}
        for line in lines:
            well.add_metric([line.part], line.well)
            for name, value in line.numbers.items():
                families.setdefault(name, _family(name)).add_metric([line.part], value)
        yield well
        yield from families.values()
        aside = GaugeMetricFamily(
            "headcount_quarantined", "Messages set aside and not replayed.", labels=["device", "reason"]
        )
        for device, reason, count in quarantined_counts(QuarantinedMessage.objects.all()):
            aside.add_metric([device or "unknown", reason], count)
        yield aside


def _family(name: str) -> CounterMetricFamily | GaugeMetricFamily:
    kind = CounterMetricFamily if name.endswith("_total") else GaugeMetricFamily
    return kind(f"headcount_{name}", f"{name.removesuffix('_total').replace('_', ' ').capitalize()}.", labels=["part"])
