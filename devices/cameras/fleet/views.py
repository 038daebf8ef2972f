"""The page of the fleet: all cameras, their settings and their versions."""

from typing import TYPE_CHECKING, Any, cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from devices.cameras.fleet import reads, services
from devices.cameras.releases import rollouts
from devices.cameras.releases.wheel import current_release
from devices.models import AgentRelease, Device, Rollout, Thing
from devices.rules.roles import Right
from devices.rules.text import whole_number
from edge_agent.messages import Settings

if TYPE_CHECKING:
    from devices.models import User

PAGE_SIZE = 50


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def fleet(request: HttpRequest) -> HttpResponse:
    """List the user's cameras: `?q=`, `?state=`, `?page=`. A POST changes settings or pins a version, for the selected
    cameras or, with `all`, for all that match."""
    user = cast("User", request.user)
    now = timezone.now()
    q, state = request.GET.get("q", "").strip()[:200], request.GET.get("state", "")
    matching = reads.fleet_of(user, q=q, state=state, now=now)
    operated = Device.objects.all().permitted(user, Right.OPERATE)
    errors: list[str] = []
    if request.method == "POST":
        try:
            told = _act(request, user, matching.filter(pk__in=operated.values("pk")))
        except ValidationError as error:
            errors = error.messages
        else:
            messages.success(request, told)
            return redirect(request.get_full_path())
    page = Paginator(matching, PAGE_SIZE).get_page(request.GET.get("page"))
    rows = reads.rows_of(cast("QuerySet[Device]", page.object_list), now=now)
    may_operate = operated.open().exists()
    if may_operate:
        current_release()
    context = {
        "rows": rows,
        "page": page,
        "q": q,
        "state": state,
        "states": reads.State,
        "hot": reads.HOT,
        "further": [title for title, _ in rows[0].further] if rows else [],
        "now": now,
        "query": _query(request.GET),
        "may_operate": may_operate,
        "releases": AgentRelease.objects.defer("wheel")[:10],
        "rollouts": reads.rollouts_of(Device.objects.open().for_user(user)) if may_operate else [],
        "errors": errors,
        "typed": request.POST,
        "detectors": ("faces", "hands", "objects"),
        "typed_detectors": request.POST.getlist("detectors"),
        "numbers": NUMBERS,
    }
    return render(request, "devices/fleet/fleet.html", context, status=400 if errors else 200)


NUMBERS = (
    ("cadence", "Frames per second"),
    ("facing_angle", "Facing angle, °"),
    ("face_threshold", "Least confidence of faces"),
    ("gesture_threshold", "… of gestures"),
    ("object_threshold", "… of objects"),
    ("countdown", "Countdown, s"),
    ("cooldown", "Cool-down, s"),
)
"""The settings that are numbers, with their labels, in the order of the page."""


def _act(request: HttpRequest, user: "User", permitted: QuerySet[Device]) -> str:
    """Carry out the action of the form, and return the sentence to show. Raises `ValidationError`."""
    if not permitted.exists():
        raise PermissionDenied("Your role does not allow you to change these cameras. Ask an owner of their site.")
    if "retry" in request.POST:
        rollout = Rollout.objects.filter(
            pk=request.POST["retry"] if request.POST["retry"].isdecimal() else 0,
            updates__thing__devices__in=permitted.values("pk"),
        ).first()
        if rollout is None:
            raise ValidationError("There is no such rollout.")
        return f"{rollouts.retry(rollout=rollout)} boxes try the update again."
    chosen = permitted
    if "all" not in request.POST:
        keys = [key for text in request.POST.getlist("device") if (key := whole_number(text)) is not None]
        chosen = permitted.filter(pk__in=keys[:PAGE_SIZE])
    if request.POST.get("action") == "update":
        names = chosen.order_by("pk").values_list("thing_id", flat=True)
        things = sorted(Thing.objects.filter(name__in=list(names)), key=lambda thing: thing.pk)
        version = request.POST.get("version", "")
        rollouts.start_rollout(things=things, version=version, by=user, now=timezone.now())
        return f"{len(things)} cameras will run {version}: first one, then a tenth of them, then the rest."
    given: dict[str, Any] = {name: request.POST.get(name, "").strip() for name in Settings.__struct_fields__}
    given["detectors"] = request.POST.getlist("detectors")
    count = services.configure_devices(devices=chosen, settings=services.parse_settings(given), now=timezone.now())
    return f"The settings of {count} cameras are changed, and are sent within a minute."


def _query(asked: QueryDict) -> str:
    """Return the query of the page without its number, for the links to other pages."""
    query = asked.copy()
    query.pop("page", None)
    return query.urlencode()
