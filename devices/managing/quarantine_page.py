"""The pages of a site's quarantine: what waits there and why, what to do about it, to replay it and to discard it."""

from typing import TYPE_CHECKING, Any, cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import BinaryField
from django.db.models.functions import Substr
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from devices import services
from devices.audit.recording import record
from devices.intake.mends import MENDS
from devices.intake.quarantine import discard, messages_of_unknown, quarantined_counts, unknown_things
from devices.intake.replay import replay_all
from devices.managing import names
from devices.managing.access import check_right, find_site
from devices.models import Action, Device, QuarantinedMessage, Reason, Site
from devices.rules.roles import Right

if TYPE_CHECKING:
    from devices.models import User

ROWS = 30
"""Messages on a page."""

BEGINNING_BYTES = 200
"""Bytes of each payload in the list, so that no page is large."""

PIECE_BYTES = 16_384
"""Bytes of a payload on one page of a message."""


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def site_quarantine(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the quarantined messages of the site by `?device=` and `?reason=`. A POST replays or discards some."""
    user = cast("User", request.user)
    site = find_site(user, slug)
    if request.method == "POST":
        check_right(user, site, Right.OPERATE)
        return _change(request, site)
    found, shown = _filtered(site, request.GET)
    before = request.GET.get("before", "")
    if before:
        found = found.filter(pk__lt=int(before) if before.isdecimal() and len(before) < 19 else 0)
    beginning = Substr("payload", 1, BEGINNING_BYTES, output_field=BinaryField())
    rows = list(found.defer("payload").annotate(beginning=beginning).order_by("-pk")[: ROWS + 1])
    meanings = dict(Reason.choices)
    context = {
        "site": site,
        "counts": [
            (row, meanings[row.reason], MENDS.get(row.reason, "")) for row in quarantined_counts(_of_site(site))
        ],
        "messages_here": [(row, _text(row.beginning)) for row in rows[:ROWS]],
        "older": rows[ROWS - 1].pk if len(rows) > ROWS else None,
        "is_first": not before,
        "shown": shown,
        "reasons": Reason.choices,
        "may_change": Right.OPERATE in site.rights_of(user),
        "unknown": unknown_things() if user.is_superuser else [],
        "beginning_bytes": BEGINNING_BYTES,
    }
    return render(request, "devices/managing/quarantine.html", context)


@login_required
@require_safe
def message(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Show a quarantined message, and of its payload the piece that begins at byte `?from=`, as text."""
    user = cast("User", request.user)
    site = find_site(user, slug)
    found = get_object_or_404(_of_site(site).defer("payload").select_related("device"), pk=pk)
    asked = request.GET.get("from", "0")
    start = int(asked) if asked.isdecimal() and len(asked) < 10 else -1
    if not 0 <= start <= found.size:
        raise Http404(f"“from” is a byte of the payload: a number up to {found.size}.")
    piece = Substr("payload", start + 1, PIECE_BYTES, output_field=BinaryField())
    content = QuarantinedMessage.objects.filter(pk=pk).values_list(piece, flat=True).get() or b""
    end = start + len(content)
    may_change = Right.OPERATE in site.rights_of(user)
    context = {
        "site": site,
        "message": found,
        # A picture may show people, whom viewers do not see elsewhere either.
        "text": _text(content) if may_change or not found.has_picture else "",
        "mend": MENDS.get(found.reason, ""),
        "start": start,
        "end": end,
        "previous": max(0, start - PIECE_BYTES) if start else None,
        "next": end if end < found.size else None,
        "may_change": may_change,
        "tab": "site-quarantine",
    }
    return render(request, "devices/managing/quarantined_message.html", context)


@login_required
@require_POST
def adopt(request: HttpRequest, slug: str) -> HttpResponse:
    """Register an unknown thing at the site, and take in what it has sent. Only administrators see unknown things."""
    user = cast("User", request.user)
    site = find_site(user, slug)
    if not user.is_superuser:
        raise PermissionDenied(
            "Only an administrator of the installation may adopt a thing that is registered nowhere."
        )
    thing, name = request.POST.get("thing", ""), request.POST.get("name", "").strip()
    try:
        spot = names.spot_name(site, name)
        device = services.register_device(site=site, name=spot, thing_name=thing, by=user)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
        return redirect("site-quarantine", site.slug)
    replayed = replay_all(messages=messages_of_unknown(thing), now=timezone.now())
    messages.success(request, f"{thing} is {device} at {site} from now on, and for all that it has sent. {replayed}")
    return redirect("site-quarantine", site.slug)


def _change(request: HttpRequest, site: Site) -> HttpResponse:
    """Replay or discard the selected messages, or all that the filter in the form shows."""
    found, shown = _filtered(site, request.POST)
    if "all" not in request.POST:
        chosen = [pk for pk in request.POST.getlist("message") if pk.isdecimal() and len(pk) < 19]
        found = _of_site(site).filter(pk__in=chosen[:ROWS])
    if "discard" in request.POST and "confirmed" not in request.POST:
        context = {
            "site": site,
            "count": found.count(),
            "all": "all" in request.POST,
            "chosen": request.POST.getlist("message"),
            "shown": shown,
            "tab": "site-quarantine",
        }
        return render(request, "devices/managing/discard.html", context)
    if "discard" in request.POST:
        count = discard(messages=found)
        record(action=Action.DELETED, subject="quarantined messages", label=f"{count:,} in all", site=site.pk)
        messages.success(request, f"{count:,} messages are discarded. They were never counted, and never will be.")
    elif "replay" in request.POST:
        messages.success(request, str(replay_all(messages=found, now=timezone.now())))
    return redirect("site-quarantine", site.slug)


def _of_site(site: Site) -> Any:
    return QuarantinedMessage.objects.filter(device__site=site)


def _filtered(site: Site, asked: Any) -> tuple[Any, dict[str, Any]]:
    """Return the waiting messages that the parameters ask for, and these parameters."""
    found = _of_site(site).filter(replayed_at=None).select_related("device")
    device, reason = asked.get("device", ""), asked.get("reason", "")
    if device:
        found = found.filter(device__in=Device.objects.filter(site=site, name=device))
    if reason:
        found = found.filter(reason=reason)
    return found, {"device": device, "reason": reason}


def _text(payload: Any) -> str:
    # SQLite answers NULL for the beginning of an empty payload.
    return bytes(payload or b"").decode("utf-8", "backslashreplace").replace("\x00", "\\x00")
