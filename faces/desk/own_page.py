"""A person's own page, by a code that the site gives: what is kept about me, download, correct, withdraw, erase.

It shows the person's own face only: pictures are cut to it, because others may be in them.
"""

import base64
import io
import json
import zipfile
from contextlib import suppress
from http import HTTPStatus
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Min
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from devices.models import Action, AuditEntry
from faces.desk.doors import WRONG, find_public_link, private
from faces.desk.forms import CodeForm, PersonForm
from faces.desk.portraits import face_of, with_pictures
from faces.erasure.erasing import NotErasedYet, forget
from faces.erasure.foreseeing import foresee_erasure
from faces.models import Coffee, Consent, DeskLink, Erasure, ErasureNotice, Face, Person, Sighting
from faces.people import signatures
from faces.people.consent import withdraw_consent
from faces.people.naming import has_own_consent, name_person
from faces.recognisers.recogniser import RecogniserUnavailable

PICTURES = 12
"""Faces on the page; the download has all."""

MOST_PICTURES = 2_000
"""Faces in a download: one in each picture of a month, one every 20 minutes."""

LOOKS = 50
"""The latest looks on the page."""

SUBJECTS = ("person", "people", "pictures", "coffees")
"""The subjects of audit entries by which somebody has looked at people of the site, or exported them."""


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def enter_code(request: HttpRequest) -> HttpResponse:
    """Ask for the code of a link, and open its page."""
    form = CodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            link = find_public_link(request, form.cleaned_data["code"])
        except Http404 as error:
            form.add_error("code", str(error) or WRONG)
        else:
            page = "own-page" if link.person_id else "enrol-oneself"
            return redirect(page, form.cleaned_data["code"].strip().upper().replace(" ", "-"))
    status = HTTPStatus.BAD_REQUEST if form.errors else HTTPStatus.OK
    return private(render(request, "faces/desk/enter_code.html", {"form": form}, status=status))


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def own_page(request: HttpRequest, code: str) -> HttpResponse:
    """Show a person what is kept about them. A POST corrects, withdraws or erases it."""
    who = _person(request, code)
    form = PersonForm(instance=who)
    form.fields.pop("external_id")  # the site's own word for the person
    done, status = "", HTTPStatus.OK
    if request.method == "POST":
        if "erase" in request.POST and "sure" in request.POST:
            return _erase(who)
        if "correct" in request.POST:
            form, done = _correct(request, who)
        elif "withdraw" in request.POST:
            done = _withdraw(who)
        status = HTTPStatus.BAD_REQUEST if form.errors else HTTPStatus.OK
    foreseen = foresee_erasure(who) if "erase" in request.POST else None
    context = {**_kept(who), "code": code, "form": form, "done": done, "foreseen": foreseen}
    return private(render(request, "faces/desk/own_page.html", context, status=status))


@never_cache
@require_safe
def download(request: HttpRequest, code: str) -> HttpResponse:
    """Return what is kept about the person as a ZIP: the data as JSON, and the faces cut from the pictures."""
    who = _person(request, code)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("about-me.json", json.dumps(_data(who), indent=2, ensure_ascii=False))
        for sighting in _pictures(who)[:MOST_PICTURES]:
            face = face_of(sighting)
            if face is not None:
                archive.writestr(f"pictures/{sighting.capture.taken_at:%Y%m%d-%H%M%S}-{sighting.pk}.jpg", face)
    headers = {"Content-Disposition": 'attachment; filename="about-me.zip"'}
    return private(HttpResponse(out.getvalue(), content_type="application/zip", headers=headers))


def _person(request: HttpRequest, code: str) -> Person:
    link: DeskLink = find_public_link(request, code)
    if link.person is None:
        raise Http404("This is not a link to a person's own page.")
    return link.person


def _correct(request: HttpRequest, who: Person) -> tuple[PersonForm, str]:
    typed = {**request.POST.dict(), "external_id": who.external_id}
    form = PersonForm(typed, instance=Person.objects.get(pk=who.pk))
    if form.is_valid():
        values = {name: form.cleaned_data[name] for name in ("name", "line", "profile", "email")}
        try:
            name_person(person=who, **values)
        except ValidationError as error:
            for name, sentences in error.message_dict.items():
                form.add_error(name if name in form.fields else None, sentences)
        else:
            form = PersonForm(instance=who)
    done = "" if form.errors else "Your details are saved."
    form.fields.pop("external_id")
    return form, done


def _withdraw(who: Person) -> str:
    try:
        for consent in who.consents.all().to_withdraw():
            withdraw_consent(consent=consent)
    except RecogniserUnavailable:
        return "Your consent is withdrawn, and you are not recognised any more. The data of your face go within a day."
    return "Your consent is withdrawn, and the data of your face are deleted. Pictures and coffees stay."


def _erase(who: Person) -> HttpResponse:
    number = who.pk
    with suppress(NotErasedYet):  # the receipt says so, and a task finishes the erasure
        forget(person=who, by=None)
    return redirect("receipt", pk=Erasure.objects.get(person_number=number).pk)


def _kept(who: Person) -> dict[str, Any]:
    sightings = Sighting.objects.filter(person=who)
    faces = [(sighting, face_of(sighting)) for sighting in _pictures(who)[:PICTURES]]
    coffees = Coffee.objects.filter(person=who).select_related("device").order_by("-taken_at")
    consents = list(Consent.objects.filter(person=who).select_related("recorded_by"))
    return {
        "person": who,
        "site": who.site,
        "sighted": sightings.count(),
        "pictures": _pictures(who).count(),
        "faces": [(sighting, base64.b64encode(face).decode()) for sighting, face in faces if face],
        "templates_of_face": Face.objects.filter(consent__person=who).count(),
        "coffees": list(coffees[:LOOKS]),
        "coffee_count": coffees.count(),
        "consents": [(consent, signatures.path(consent.strokes)) for consent in consents],
        "agreed": has_own_consent(who, timezone.now()),
        "in_force": Consent.objects.filter(person=who).valid(timezone.now()).order_by("-expires_at").first(),
        "notice": ErasureNotice.objects.filter(person=who).first(),
        "looks": _looks(who),
        "pad": {"width": signatures.WIDTH, "height": signatures.HEIGHT},
    }


def _pictures(who: Person) -> Any:
    rows = Sighting.objects.filter(person=who).select_related("capture__device").order_by("-capture__taken_at", "-pk")
    return with_pictures(rows)


def _looks(who: Person) -> list[AuditEntry]:
    """The looks at this person's page, and since the person's first picture at pictures and lists of the site."""
    first = Sighting.objects.filter(person=who).aggregate(at=Min("capture__taken_at"))["at"]
    looks = AuditEntry.objects.filter(site=who.site, action__in=(Action.LOOKED, Action.EXPORTED), subject__in=SUBJECTS)
    own = looks.filter(subject="person", number=str(who.pk))
    if first is None:
        return list(own.select_related("by")[:LOOKS])
    cameras = Sighting.objects.filter(person=who).values_list("capture__device", flat=True).distinct()
    numbers = ["", *map(str, cameras)]
    of_all = looks.filter(at__gte=first, number__in=numbers).exclude(subject="person")
    return list((own | of_all).select_related("by")[:LOOKS])


def _data(who: Person) -> dict[str, Any]:
    sightings = Sighting.objects.filter(person=who).select_related("capture__device").order_by("capture__taken_at")
    coffees = Coffee.objects.filter(person=who).select_related("device").order_by("taken_at")
    return {
        "site": who.site.name,
        "name": who.name,
        "line": who.line,
        "external_id": who.external_id,
        "profile": who.profile,
        "email": who.email,
        "since": who.created_at.isoformat(),
        "face_templates": Face.objects.filter(consent__person=who).count(),
        "consents": [
            {
                "text": consent.text,
                "version": consent.text_version,
                "signed_by": consent.signed_by,
                "signed_at": consent.signed_at.isoformat(),
                "expires_at": consent.expires_at.isoformat(),
                "withdrawn_at": consent.withdrawn_at.isoformat() if consent.withdrawn_at else None,
                "signature": consent.strokes,
            }
            for consent in who.consents.all()
        ],
        "sightings": [
            {"camera": sighting.capture.device.name, "at": sighting.capture.taken_at.isoformat()}
            for sighting in sightings.iterator()
        ],
        "coffees": [
            {"camera": coffee.device.name, "at": coffee.taken_at.isoformat(), "counts": not coffee.voided}
            for coffee in coffees.iterator()
        ],
        "looks": [
            {
                "at": entry.at.isoformat(),
                "by": str(entry.by or "somebody whose account is gone"),
                "what": entry.get_action_display(),
                "subject": entry.subject,
            }
            for entry in _looks(who)
        ],
    }
