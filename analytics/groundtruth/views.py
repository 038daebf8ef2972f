"""The pages of ground truth: a device's sessions, the page for a phone that counts, and a session's result."""

from typing import TYPE_CHECKING, cast

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from analytics.groundtruth import charts, reads, services
from analytics.groundtruth.forms import StartForm
from analytics.models.groundtruth import GroundTruthSession
from analytics.plots import library
from devices.models import Device
from devices.roles import Right

if TYPE_CHECKING:
    from devices.models import User


@login_required
def device(request: HttpRequest, site: str, name: str) -> HttpResponse:
    """How right a device is, its sessions, and the form that starts another."""
    shown = get_object_or_404(Device.objects.for_user(request.user).select_related("site"), site__slug=site, name=name)
    form = StartForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        return redirect(services.start(device=shown, by=_user(request), now=timezone.now(), **form.cleaned_data))
    accuracy = reads.accuracy(shown)
    context = {
        "device": shown,
        "form": form,
        "accuracy": accuracy,
        "comparison": accuracy.comparison,
        "sentence": charts.sentence(accuracy.comparison),
        "may_count": shown.site.allows(request.user, Right.OPERATE),
    }
    return render(request, "analytics/groundtruth/device.html", context)


@login_required
@require_safe
def session(request: HttpRequest, pk: int) -> HttpResponse:
    """The counting page, for who started a session that has not ended; its result for all others."""
    shown = _visible(request, pk)
    if shown.ended_at is None and shown.counted_by_id == _user(request).pk:
        latest = shown.counts.last()
        people = latest.people if latest else None
        return render(
            request, "analytics/groundtruth/count.html", {"session": shown, "people": people, "now": timezone.now()}
        )
    result = reads.session_result(shown)
    context = {
        "session": shown,
        "result": result,
        "comparison": result.comparison,
        "sentence": charts.sentence(result.comparison),
        "figure": charts.session_figure(result.minutes, shown.device.site.zone) if result.minutes else None,
        "until": reads.until(shown),
        "plotly": library.address(),
        "may_count": shown.device.site.allows(request.user, Right.OPERATE),
    }
    return render(request, "analytics/groundtruth/result.html", context)


@login_required
@require_POST
def discard(request: HttpRequest, pk: int) -> HttpResponse:
    """Delete a session; the answer is the list of its device's others."""
    shown = _visible(request, pk)
    services.discard(session=shown, by=_user(request))
    return redirect(reverse("ground-truth-device", args=[shown.device.site.slug, shown.device.name]))


def _visible(request: HttpRequest, pk: int) -> GroundTruthSession:
    sessions = GroundTruthSession.objects.for_user(request.user).select_related("device__site", "counted_by")
    found: GroundTruthSession = get_object_or_404(sessions, pk=pk)
    return found


def _user(request: HttpRequest) -> "User":
    return cast("User", request.user)
