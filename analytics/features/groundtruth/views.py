"""The pages of ground truth: a device's sessions, the counting page for a phone, and a session's result."""

from typing import TYPE_CHECKING, cast

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from analytics.features.groundtruth import charts, reads, services
from analytics.features.groundtruth.forms import StartForm
from analytics.models.groundtruth import GroundTruthSession
from analytics.plots import library
from devices.models import Device
from devices.rules.roles import Right

if TYPE_CHECKING:
    from devices.models import User


@login_required
def device(request: HttpRequest, site: str, name: str) -> HttpResponse:
    """Show a device's accuracy, its sessions, and the form that starts a session."""
    visible = Device.objects.for_user(request.user).select_related("site")
    spots = visible.filter(site__slug=site, name=name).spots()
    if not spots:
        raise Http404(f"You have no device “{name}” at the site “{site}”.")
    device = spots[0].latest
    if request.method == "POST":
        services.check_role(device, _user(request))
    form = StartForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        return redirect(
            services.start_session(device=device, by=_user(request), now=timezone.now(), **form.cleaned_data)
        )
    accuracy = reads.read_accuracy(device)
    context = {
        "device": device,
        "form": form,
        "accuracy": accuracy,
        "comparison": accuracy.comparison,
        "visits": accuracy.visits,
        "sentence": charts.calibration(accuracy),
        "may_count": device.is_open and device.site.allows(request.user, Right.OPERATE),
    }
    return render(request, "analytics/groundtruth/device.html", context)


@login_required
@require_safe
def session(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the counting page if this user started the session and it is running; otherwise show the result."""
    session = _visible_session(request, pk)
    if session.ended_at is None and session.counted_by_id == _user(request).pk:
        latest = session.counts.last()
        arrived = session.counts.exclude(came=None).last()
        context = {
            "session": session,
            "people": latest.people if latest else None,
            "came": arrived.came if arrived else None,
            "now": timezone.now(),
        }
        return render(request, "analytics/groundtruth/count.html", context)
    result = reads.read_session_result(session)
    context = {
        "session": session,
        "result": result,
        "comparison": result.comparison,
        "visits": result.visits,
        "sentence": charts.sentence(result.comparison),
        "figure": charts.session_figure(result.minutes, session.device.site.zone) if result.minutes else None,
        "until": reads.until(session),
        "plotly": library.address(),
        "may_count": session.device.site.allows(request.user, Right.OPERATE),
    }
    return render(request, "analytics/groundtruth/result.html", context)


@login_required
@require_POST
def discard(request: HttpRequest, pk: int) -> HttpResponse:
    """Delete a session and redirect to the list of its device's sessions."""
    session = _visible_session(request, pk)
    services.delete_session(session=session, by=_user(request))
    return redirect(reverse("ground-truth-device", args=[session.device.site.slug, session.device.name]))


def _visible_session(request: HttpRequest, pk: int) -> GroundTruthSession:
    sessions = GroundTruthSession.objects.for_user(request.user).select_related("device__site", "counted_by")
    session: GroundTruthSession = get_object_or_404(sessions, pk=pk)
    return session


def _user(request: HttpRequest) -> "User":
    return cast("User", request.user)
