"""The consent desk: an operator enrols somebody, or people enrol themselves from their own phones by a link.

Photographs are sent as they are taken, checked at once, and kept in a draft whose number is in the page's address, so
that no error, no lost connection and no ended session loses them.
"""

import base64
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from devices.managing.access import find_site_with
from devices.models import Site
from devices.reading.pictures import MAX_BYTES
from devices.rules.roles import Right
from faces.desk.doors import find_public_link, private
from faces.desk.forms import EnrolmentForm
from faces.desk.portraits import Portraits, small
from faces.enrolment.drafts import DraftRefused, add_photo, complete, open_draft
from faces.enrolment.enrolment import EnrolmentRefused
from faces.enrolment.portraits import ENOUGH_PICTURES, WHY_SEVERAL
from faces.models import ConsentTemplate, DeskLink, EnrolmentDraft, EnrolmentPhoto, Method, Mode, Person
from faces.people import signatures
from faces.people.consent_texts import texts_in_force
from faces.people.desk_links import make_link
from faces.people.policies import current_mode
from faces.recognisers.recogniser import RecogniserUnavailable

if TYPE_CHECKING:
    from devices.models import User

PART = "X-Part"
"""The header with which the script asks for the list of photographs alone."""


@dataclass(frozen=True, slots=True)
class Desk:
    """Who enrols whom, where."""

    site: Site
    texts: list[ConsentTemplate]
    person: Person | None = None
    user: "User | None" = None
    link: DeskLink | None = None


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def enrol_person(request: HttpRequest, slug: str) -> HttpResponse:
    """Enrol somebody of the site, or with `?person=` give a person a new consent and further photographs."""
    user = cast("User", request.user)
    site = find_site_with(user, slug, Right.OPERATE)
    person = None
    if request.GET.get("person"):
        person = get_object_or_404(Person, site=site, pk=_number(request.GET["person"]))
    return _serve(request, Desk(site, texts_in_force(site), person=person, user=user))


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def enrol_oneself(request: HttpRequest, code: str) -> HttpResponse:
    """Enrol oneself from one's own phone, by a link of the site."""
    link = find_public_link(request, code)
    if link.template is None:
        raise Http404("This is not a link to enrol.")
    return private(_serve(request, Desk(link.site, [link.template], link=link)))


def _serve(request: HttpRequest, desk: Desk) -> HttpResponse:
    try:
        number = uuid.UUID(request.GET.get("draft", ""))
    except ValueError:
        # The number is in the address, so that a reload and a new sign-in find the photographs again.
        query = request.GET.copy()
        query["draft"] = str(uuid.uuid4())
        return redirect(f"{request.path}?{query.urlencode()}")
    now = timezone.now()
    if request.method != "POST":
        draft = EnrolmentDraft.objects.filter(pk=number).first()
        if draft is not None:
            draft = open_draft(number=number, site=desk.site, person=desk.person, by=desk.user, link=desk.link, now=now)
            if draft is None:
                raise Http404("These photographs are somebody else's.")
        return _page(request, desk, draft, _form(desk))
    try:
        draft = open_draft(number=number, site=desk.site, person=desk.person, by=desk.user, link=desk.link, now=now)
    except DraftRefused as error:
        return _page(request, desk, None, _form(desk, request.POST), [str(error)], status=HTTPStatus.BAD_REQUEST)
    if draft is None:
        raise Http404("These photographs are somebody else's.")
    refused = list(_add(draft, request.FILES.getlist("photos")))
    if "remove" in request.POST:
        draft.photos.filter(pk=_number(request.POST["remove"])).delete()
    if request.headers.get(PART):
        return render(request, "faces/desk/photos.html", _photos(request, desk, draft, refused))
    if "enrol" not in request.POST:
        return _page(request, desk, draft, _form(desk, request.POST), refused)
    form = _form(desk, request.POST, bound=True)
    done = _finish(form, draft) if form.is_valid() and not refused else None
    if done is None:
        return _page(request, desk, draft, form, refused, status=HTTPStatus.BAD_REQUEST)
    return _done(request, desk, *done)


def _form(desk: Desk, typed: Any = None, *, bound: bool = False) -> EnrolmentForm:
    options: dict[str, Any] = {"site": desk.site, "texts": desk.texts}
    if desk.person is not None:
        options["instance"] = desk.person
    if bound:
        return EnrolmentForm(typed, **options)
    return EnrolmentForm(initial=None if typed is None else dict(typed.items()), **options)


def _add(draft: EnrolmentDraft, files: Iterable[UploadedFile[bytes]]) -> Iterable[str]:
    """Keep each photograph; yield why others cannot be kept, in one sentence each. One bad file stops no other."""
    for file in files:
        try:
            # One byte more than is allowed, so that a larger file is refused before it is decoded.
            add_photo(draft=draft, content=file.read(MAX_BYTES + 1), now=timezone.now())
        except (DraftRefused, RecogniserUnavailable) as error:
            yield f"{file.name}: {error}"


def _finish(form: EnrolmentForm, draft: EnrolmentDraft) -> tuple[Person, list[str]] | None:
    """Complete the draft; return the person and what to say; None after adding to the form what went wrong."""
    values = form.cleaned_data
    try:
        enrolled = complete(
            draft=draft,
            details=form.details(),
            template=values["template"],
            signed_by=values["signed_by"],
            strokes=values["strokes"],
            now=timezone.now(),
        )
    except ValidationError as error:
        form.show_errors(error)
    except (EnrolmentRefused, RecogniserUnavailable) as error:
        form.add_error(None, str(error))
    else:
        return enrolled.person, enrolled.refused
    return None


def _done(request: HttpRequest, desk: Desk, person: Person, refused: list[str]) -> HttpResponse:
    if desk.user is not None:
        messages.success(request, f"{person} is enrolled.")
        for sentence in refused:
            messages.warning(request, f"A photograph was not enrolled: {sentence}")
        return redirect("site-person", desk.site.slug, person.pk)
    _, code = make_link(
        site=desk.site, person=person, by=desk.link.created_by if desk.link else None, now=timezone.now()
    )
    context = {
        "site": desk.site,
        "person": person,
        "refused": refused,
        "code": code,
        "link": request.build_absolute_uri(reverse("own-page", args=[code])),
    }
    return render(request, "faces/desk/enrolled.html", context)


def _page(
    request: HttpRequest,
    desk: Desk,
    draft: EnrolmentDraft | None,
    form: EnrolmentForm,
    refused: Iterable[str] = (),
    *,
    status: HTTPStatus = HTTPStatus.OK,
) -> HttpResponse:
    context = {
        **_photos(request, desk, draft, refused),
        "site": desk.site,
        "tab": "site-people",
        "form": form,
        "texts": desk.texts,
        "on_paper": [text.pk for text in desk.texts if text.method == Method.PAPER],
        "recognises_nobody": current_mode(desk.site) == Mode.OFF,
        "may_decide": desk.user is not None and Right.DECIDE_ON_FACES in desk.site.rights_of(desk.user),
        "pad": {"width": signatures.WIDTH, "height": signatures.HEIGHT},
    }
    template = "faces/desk/enrol.html" if desk.user is not None else "faces/desk/enrol_oneself.html"
    return render(request, template, context, status=status)


def _photos(request: HttpRequest, desk: Desk, draft: EnrolmentDraft | None, refused: Iterable[str]) -> dict[str, Any]:
    photos: list[EnrolmentPhoto] = list(draft.photos.select_related("rival")) if draft else []
    good = sum(not photo.refused for photo in photos)
    rivals = Portraits([photo.rival for photo in photos if photo.rival and desk.user is not None])
    return {
        "desk": desk,
        "person": desk.person,
        "has_faces": desk.person is not None and desk.person.consents.filter(faces__isnull=False).exists(),
        "photos": [
            {
                "photo": photo,
                "preview": base64.b64encode(small(bytes(photo.jpeg))).decode(),
                "rival": photo.rival if desk.user is not None else None,
                "rival_face": rivals.of(photo.rival) if photo.rival else None,
            }
            for photo in photos
        ],
        "good": good,
        "wanted": ENOUGH_PICTURES,
        "why_several": WHY_SEVERAL,
        "refused": list(refused),
    }


def _number(text: str) -> int:
    if not text.isdecimal() or len(text) > len(str(2**63)) - 1:
        raise Http404("There is no such person here.")
    return int(text)
