"""The health and the metrics of the platform, and each user's account page."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.cache import add_never_cache_headers
from django.views.decorators.http import require_http_methods, require_POST
from drf_spectacular.utils import extend_schema
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from rest_framework.decorators import api_view, permission_classes
from rest_framework.permissions import IsAdminUser
from rest_framework.request import Request

from devices import health, services
from devices.intake.quarantine import quarantined_counts
from devices.models import QuarantinedMessage

if TYPE_CHECKING:
    from devices.models import User


def healthz(request: HttpRequest) -> HttpResponse:
    """Return a line for each part; status 200 if all parts work, otherwise 503. Needs no account and shows no site."""
    lines = health.report(timezone.now())
    text = "".join(f"{line}\n" for line in lines)
    well = all(line.well for line in lines)
    return HttpResponse(text, status=200 if well else 503, content_type="text/plain; charset=utf-8")


@extend_schema(exclude=True)
@api_view(["GET"])
@permission_classes([IsAdminUser])
def metrics(request: Request) -> HttpResponse:
    """Return the metrics of the platform for Prometheus. Only for staff, with `Authorization: Token <token>`."""
    registry = CollectorRegistry()
    registry.register(_PlatformCollector())
    return HttpResponse(generate_latest(registry), content_type="text/plain; version=0.0.4; charset=utf-8")


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def account(request: HttpRequest) -> HttpResponse:
    """Show the user's roles and API tokens. A POST with `name` creates a token and shows its text, this once only."""
    user = cast("User", request.user)
    new_token, errors = None, []
    if request.method == "POST":
        try:
            new_token = services.issue_api_token(user=user, name=request.POST.get("name", "").strip())
        except ValidationError as error:
            errors = error.messages
    context = {
        "memberships": user.memberships.select_related("site").order_by("site__name"),
        "tokens": user.api_tokens.all(),
        "new_token": new_token,
        "errors": errors,
    }
    response = render(request, "devices/account.html", context, status=400 if errors else 200)
    add_never_cache_headers(response)
    return response


@login_required
@require_POST
def revoke_token(request: HttpRequest, pk: int) -> HttpResponse:
    """Revoke one of the user's own tokens."""
    user = cast("User", request.user)
    token = get_object_or_404(user.api_tokens.all(), pk=pk)
    services.revoke_api_token(token=token)
    messages.success(request, f"The token “{token}” is revoked. Programs that use it are refused from now on.")
    return redirect("account")


class _PlatformCollector(Collector):
    def collect(self) -> Iterator[Metric]:
        lines = health.report(timezone.now())
        well = GaugeMetricFamily("headcount_part_well", "1 if the part works, otherwise 0.", labels=["part"])
        families: dict[str, CounterMetricFamily | GaugeMetricFamily] = {}
        for line in lines:
            well.add_metric([line.part], line.well)
            for name, value in line.numbers.items():
                families.setdefault(name, _family(name)).add_metric([line.part], value)
        yield well
        yield from families.values()
        quarantined = GaugeMetricFamily(
            "headcount_quarantined", "Quarantined messages that were not replayed.", labels=["site", "device", "reason"]
        )
        for row in quarantined_counts(QuarantinedMessage.objects.all()):
            quarantined.add_metric([row.site or "", row.device or "unknown", row.reason], row.messages)
        yield quarantined


def _family(name: str) -> CounterMetricFamily | GaugeMetricFamily:
    kind = CounterMetricFamily if name.endswith("_total") else GaugeMetricFamily
    return kind(f"headcount_{name}", f"{name.removesuffix('_total').replace('_', ' ').capitalize()}.", labels=["part"])
