"""The pages of a site's people: the list, one person, changes, and merges."""

from typing import TYPE_CHECKING, Any, cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import Max, OuterRef, Q, Subquery
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from devices.audit.recording import record_look
from devices.managing.access import find_site, find_site_with
from devices.models import Site
from devices.pages.qr_codes import as_qr_code
from devices.rules.roles import Right
from faces.desk.forms import PersonForm
from faces.desk.portraits import Portraits, with_pictures
from faces.models import Coffee, Consent, ErasureNotice, Face, Merge, Method, Mode, Person, Sighting
from faces.people.consent import with_coffees_and_consent, withdraw_consent
from faces.people.desk_links import OWN_PAGE_LASTS, make_link
from faces.people.merging import MergeRefused, check_merge, described_anew, merge_people, undo_merge
from faces.people.naming import has_own_consent, name_person
from faces.people.policies import current_mode
from faces.people.renewals import SOON, ending_consents
from faces.recognisers.recogniser import RecogniserUnavailable

if TYPE_CHECKING:
    from devices.models import User

ROWS = 48
"""People on a page."""

DESCRIBED = {"line": "line in the greeting", "external_id": "external id", "profile": "profile", "email": "address"}
"""What describes a person, in words."""

LATEST = 24
"""Pictures and coffees on a person's page; the lists have the rest."""

SHOWN = {
    "": "everybody",
    "named": "people by name",
    "guests": "guests",
    "ending": "whose consent ends soon or ended",
    "unseen": "who will be erased",
}


@login_required
@require_safe
def people(request: HttpRequest, slug: str) -> HttpResponse:
    """List the people of the site with their faces: those of `?q=` and `?show=`."""
    user = cast("User", request.user)
    site = find_site(user, slug)
    q, show, now = request.GET.get("q", "").strip(), request.GET.get("show", ""), timezone.now()
    page = Paginator(_found(site, q, show), ROWS).get_page(request.GET.get("page"))
    rows = list(page.object_list)
    faces = Portraits(rows)
    context = {
        "site": site,
        "page": page,
        "rows": [(person, faces.of(person)) for person in rows],
        "q": q,
        "show": show,
        "choices": SHOWN.items(),
        "soon": now + SOON,
        "ending": ending_consents(now=now).filter(person__site=site).values("person").distinct().count(),
        "announced": ErasureNotice.objects.filter(person__site=site).count(),
        "may_operate": Right.OPERATE in site.rights_of(user),
        "recognises_nobody": current_mode(site) == Mode.OFF,
    }
    return render(request, "faces/desk/people.html", context)


def _found(site: Site, q: str, show: str) -> Any:
    now = timezone.now()
    found = with_coffees_and_consent(Person.objects.filter(site=site), now=now)
    valid = Consent.objects.filter(person=OuterRef("pk")).valid(now).order_by("-expires_at")
    found = found.annotate(ends_at=Subquery(valid.values("expires_at")[:1]))
    if q:
        found = found.filter(Q(name__icontains=q) | Q(external_id__iexact=q))
    match show:
        case "named":
            found = found.exclude(guest_number__isnull=False, name__startswith="Guest ")
        case "guests":
            found = found.filter(guest_number__isnull=False)
        case "ending":
            found = found.filter(Q(ends_at=None) | Q(ends_at__lte=now + SOON)).filter(guest_number=None)
        case "unseen":
            found = found.filter(erasure_notice__isnull=False).order_by("erasure_notice__erase_at", "pk")
            return found.select_related("erasure_notice")
    return found.select_related("erasure_notice").order_by("name", "pk")


@login_required
@never_cache
@require_safe
def person(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Show what is kept about a person, to members of the site. The look is recorded."""
    user = cast("User", request.user)
    site = find_site(user, slug)
    return _show_person(request, site, _find(site, pk))


def _show_person(request: HttpRequest, site: Site, who: Person, **more: Any) -> HttpResponse:
    user = cast("User", request.user)
    record_look(by=user, subject="person", site=site, number=who.pk, label="")
    now = timezone.now()
    sightings = Sighting.objects.filter(person=who).select_related("capture__device").order_by("-capture__taken_at")
    coffees = Coffee.objects.filter(person=who).select_related("device", "sighting__capture", "reviewed_by")
    seen = sightings.aggregate(latest=Max("capture__taken_at"))["latest"]
    context = {
        "site": site,
        "tab": "site-people",
        "person": who,
        "face": Portraits([who]).of(who),
        "last_seen_at": seen,
        "sightings": list(with_pictures(sightings)[:LATEST]),
        "sighted": sightings.count(),
        "coffees": list(coffees.order_by("-taken_at")[:LATEST]),
        "counted": coffees.filter(voided=False).count(),
        "voided": coffees.filter(voided=True).count(),
        "consents": list(Consent.objects.filter(person=who).select_related("recorded_by")),
        "faces": Face.objects.filter(consent__person=who).count(),
        "merges": list(Merge.objects.filter(person=who, undone_at=None)),
        "may_operate": Right.OPERATE in site.rights_of(user),
        "is_guest": who.guest_number is not None and not has_own_consent(who, now),
        "in_force": Consent.objects.filter(person=who).valid(now).first(),
        "by_owner": Method.OWNER,
        "notice": ErasureNotice.objects.filter(person=who).first(),
        "soon": now + SOON,
        **more,
    }
    return render(request, "faces/desk/person.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def change(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Change the name of a person and what describes them."""
    site = find_site_with(cast("User", request.user), slug, Right.OPERATE)
    who = _find(site, pk)
    form = PersonForm(request.POST or None, instance=_find(site, pk))
    if request.method == "POST" and form.is_valid():
        try:
            name_person(person=who, **form.cleaned_data)
        except Exception as error:
            if not hasattr(error, "message_dict"):
                raise
            for name, sentences in error.message_dict.items():
                form.add_error(name if name in form.fields else None, sentences)
        else:
            messages.success(request, f"{who} is saved.")
            return redirect("site-person", slug, pk)
    status = 400 if form.errors else 200
    return render(
        request,
        "faces/desk/change.html",
        {"site": site, "tab": "site-people", "person": who, "form": form},
        status=status,
    )


@login_required
@require_POST
def withdraw(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Withdraw every consent of a person, whose faces are deleted. Name, pictures and coffees stay."""
    site = find_site_with(cast("User", request.user), slug, Right.OPERATE)
    who = _find(site, pk)
    try:
        for consent in who.consents.all().to_withdraw():
            withdraw_consent(consent=consent)
        messages.success(request, f"{who} is no longer recognised. Pictures and coffees stay until they are erased.")
    except RecogniserUnavailable as error:
        messages.error(request, f"{who} is no longer recognised, but some faces are left; repeat it. {error}")
    return redirect("site-person", slug, pk)


@login_required
@never_cache
@require_POST
def give_link(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Make a link to the person's own page, and show it once. An earlier link ends."""
    user = cast("User", request.user)
    site = find_site_with(user, slug, Right.OPERATE)
    who = _find(site, pk)
    _, code = make_link(site=site, person=who, by=user, now=timezone.now())
    link = request.build_absolute_uri(reverse("own-page", args=[code]))
    given = {"code": code, "link": link, "qr_code": as_qr_code(link), "days": OWN_PAGE_LASTS.days}
    return _show_person(request, site, who, given=given)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def merge(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Show whom the person may be merged into; with `?into=`, both beside each other. A POST merges them."""
    user = cast("User", request.user)
    site = find_site_with(user, slug, Right.OPERATE)
    other = _find(site, pk)
    chosen = request.GET.get("into", "")
    if not chosen:
        q = request.GET.get("q", "").strip()
        found = list(_found(site, q, "").exclude(pk=other.pk)[:ROWS])
        faces = Portraits([other, *found])
        rows = [(each, faces.of(each)) for each in found]
        context = {
            "site": site,
            "tab": "site-people",
            "person": other,
            "face": faces.of(other),
            "rows": rows,
            "q": q,
        }
        return render(request, "faces/desk/merge_choose.html", context)
    into = _find(site, int(chosen) if chosen.isdecimal() and len(chosen) < 19 else 0)
    why_not = ""
    try:
        check_merge(other=other, into=into)
        if request.method == "POST":
            merge_people(other=other, into=into, by=user)
            messages.success(request, f"{other} is merged into {into}. The page of {into} undoes it.")
            return redirect("site-person", slug, into.pk)
    except MergeRefused as error:
        why_not = str(error)
    faces = Portraits([other, into])
    sides = [_side(each, faces.of(each)) for each in (other, into)]
    both: dict[str, Any] = {
        "site": site,
        "tab": "site-people",
        "person": other,
        "into": into,
        "sides": sides,
        "why_not": why_not,
        "taken_over": [DESCRIBED[name] for name in described_anew(other=other, into=into)],
    }
    return render(request, "faces/desk/merge.html", both, status=400 if request.method == "POST" else 200)


def _side(who: Person, face: Sighting | None) -> dict[str, Any]:
    sightings = Sighting.objects.filter(person=who)
    cameras = sightings.order_by().values_list("capture__device__name", flat=True).distinct()[:9]
    return {
        "person": who,
        "face": face,
        "coffees": Coffee.objects.counted().filter(person=who).count(),
        "sightings": sightings.count(),
        "faces": Face.objects.filter(consent__person=who).count(),
        "cameras": sorted(cameras),
        "consent": Consent.objects.filter(person=who).valid(timezone.now()).first(),
    }


@login_required
@require_POST
def undo(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Undo a merge of the site."""
    user = cast("User", request.user)
    site = find_site_with(user, slug, Right.OPERATE)
    found = get_object_or_404(Merge, site=site, pk=pk)
    try:
        restored = undo_merge(merge=found, by=user)
    except MergeRefused as error:
        messages.error(request, str(error))
        return redirect("site-person", slug, found.person_id)
    messages.success(request, f"{restored} is a separate person again.")
    return redirect("site-person", slug, restored.pk)


def _find(site: Site, pk: int) -> Person:
    found = Person.objects.filter(site=site, pk=pk).select_related("site").first()
    if found is None:
        raise Http404(f"{site} has no such person.")
    return cast(Person, found)
