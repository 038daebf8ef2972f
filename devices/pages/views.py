"""How machines ask whether the platform is at work, and people's own account."""

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


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def account(request: HttpRequest) -> HttpResponse:
    """Who the user is here, and the user's API tokens; a POST with `name` makes one, whose text is shown only then."""
    user = cast("User", request.user)
    made, refused = None, []
    if request.method == "POST":
        try:
            made = services.issue_api_token(user=user, name=request.POST.get("name", "").strip())
        except ValidationError as error:
            refused = error.messages
    context = {
        "memberships": user.memberships.select_related("site").order_by("site__name"),
        "tokens": user.api_tokens.all(),
        "made": made,
        "refused": refused,
    }
    response = render(request, "devices/account.html", context, status=400 if refused else 200)
    add_never_cache_headers(response)
    return response


@login_required
@require_POST
def revoke_token(request: HttpRequest, pk: int) -> HttpResponse:
    """End one of the user's own tokens."""
    user = cast("User", request.user)
    token = get_object_or_404(user.api_tokens.all(), pk=pk)
    services.revoke_api_token(token=token)
    messages.success(request, f"The token “{token}” is revoked; what used it is refused from now on.")
    return redirect("account")


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
