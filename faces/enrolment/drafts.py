"""Enrolments under way: photographs are checked and kept as they come, until the person has signed."""

import datetime as dt
import hashlib
import io
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction
from django.db.models import F
from PIL import Image

from devices.models import Site
from devices.reading.picture_budget import OverBudget, budget_of
from devices.reading.pictures import BadPicture, photograph_jpeg
from faces.enrolment.enrolment import EnrolmentRefused, MatchesSomebody, Portrait, check_portrait, enrol_portrait
from faces.models import Consent, ConsentTemplate, DeskLink, EnrolmentDraft, EnrolmentPhoto, Face, Person
from faces.people.consent import agree_to, create_person
from faces.people.desk_links import use_link
from faces.people.naming import name_person
from faces.recognisers import recogniser as recognisers
from faces.recognisers.recogniser import Recogniser

if TYPE_CHECKING:
    from devices.models import User

MOST_PHOTOS = 10
"""Photographs of one draft; three are asked for."""

DRAFTS_FOR_EACH_USE = 3
"""Whoever begins anew, on another phone for example, has another draft. This bounds what a link can store."""

KEPT_FOR = dt.timedelta(days=1)
"""How long photographs wait for the rest of the enrolment."""

SIDE = 1280
"""Pixels of the longer side to which a photograph is reduced: a face that is near enough has several hundred."""

MATCHES = "The face matches somebody who is enrolled at this site already."


class DraftRefused(ValueError):
    """The draft takes no such photograph. The text is one sentence with the reason and what to do."""


@dataclass(frozen=True, slots=True)
class Details:
    """What is entered about a person beside the photographs."""

    name: str
    line: str = ""
    external_id: str = ""
    profile: str = ""
    email: str = ""


@dataclass(frozen=True, slots=True)
class Enrolled:
    """Who was enrolled, and how it went."""

    person: Person
    consent: Consent
    faces: int
    """The number of photographs that were enrolled."""
    refused: list[str]
    """Why other photographs were not, each in one sentence."""


def open_draft(
    *,
    number: uuid.UUID,
    site: Site,
    person: Person | None = None,
    by: "User | None" = None,
    link: DeskLink | None = None,
    now: dt.datetime,
) -> EnrolmentDraft | None:
    """Return the draft with this number, made now if it is new; None if it is somebody else's.

    Raises `DraftRefused` if a link has more drafts than the people it is for need.
    """
    is_new = not EnrolmentDraft.objects.filter(pk=number).exists()
    if link is not None and is_new and link.drafts.count() >= DRAFTS_FOR_EACH_USE * link.uses_left:
        raise DraftRefused("Many people are enrolling by this link. Ask whoever gave it to you for another.")
    draft, _ = EnrolmentDraft.objects.get_or_create(
        pk=number,
        defaults={"site": site, "person": person, "created_by": None if link else by, "link": link, "created_at": now},
    )
    owner = (None if link or by is None else by.pk, link.pk if link else None)
    is_own = (draft.created_by_id, draft.link_id) == owner and draft.site_id == site.pk
    return draft if is_own and draft.person_id == (person.pk if person else None) else None


def add_photo(
    *, draft: EnrolmentDraft, content: bytes, now: dt.datetime, recogniser: Recogniser | None = None
) -> EnrolmentPhoto:
    """Keep the photograph with what is wrong with it, if anything is.

    The same file is kept once. What a link's photographs cost is limited before they are decoded. Raises `DraftRefused`
    for what is no picture, and for one photograph too many; `RecogniserUnavailable`.
    """
    sha256 = hashlib.sha256(content).hexdigest()
    existing: EnrolmentPhoto | None = draft.photos.filter(sha256=sha256).first()
    if existing is not None:
        return existing
    if draft.photos.count() >= MOST_PHOTOS:
        raise DraftRefused(f"{MOST_PHOTOS} photographs are enough; remove one first.")
    try:
        jpeg = _reduced(photograph_jpeg(content, budget_of(f"enrolment {draft.link_id or draft.pk}", now)))
    except BadPicture as error:
        raise DraftRefused(str(error)) from error
    except OverBudget as error:
        raise DraftRefused(f"Many photographs came at once; try again in {error.wait_s:.0f} seconds.") from error
    photo = EnrolmentPhoto(draft=draft, jpeg=jpeg, sha256=sha256, added_at=now)
    _check(photo, now, recogniser)
    try:
        with transaction.atomic():
            photo.save()
    except IntegrityError:  # another request has brought the same file meanwhile
        return draft.photos.get(sha256=sha256)
    return photo


def complete(
    *,
    draft: EnrolmentDraft,
    details: Details,
    template: ConsentTemplate,
    signed_by: str,
    strokes: Sequence[Sequence[int]] = (),
    now: dt.datetime,
    recogniser: Recogniser | None = None,
) -> Enrolled:
    """Create the person, or change the draft's person; record the consent, enrol the photographs, delete the draft.

    A person with enrolled faces may agree anew without photographs. If this fails, the draft stays with its
    photographs, and a new person is not kept. Raises `EnrolmentRefused`, Django's `ValidationError`, and
    `RecogniserUnavailable`.
    """
    recogniser = recogniser or recognisers.configured_recogniser()
    portraits = list(filter(None, (_check(photo, now, recogniser) for photo in draft.photos.all())))
    if not portraits and (draft.person is None or not Face.objects.filter(consent__person=draft.person).exists()):
        raise EnrolmentRefused("No photograph can be used yet; take one from the front, in good light.")
    with transaction.atomic():
        if draft.link is not None and not use_link(link=draft.link):
            raise EnrolmentRefused("The link is used up; ask whoever gave it to you for another.")
        person = draft.person or create_person(site=draft.site, **asdict(details))
        consent = agree_to(
            person=person, template=template, signed_by=signed_by, strokes=strokes, link=draft.link, now=now
        )
        if draft.person is not None:
            name_person(person=person, now=now, **asdict(details))
    enrolled, refused = 0, []
    try:
        for portrait in portraits:
            try:
                enrol_portrait(person=person, consent=consent, portrait=portrait, now=now, recogniser=recogniser)
                enrolled += 1
            except EnrolmentRefused as error:
                refused.append(str(error))
        if portraits and not enrolled:
            raise EnrolmentRefused(refused[0])
    except Exception:
        if not enrolled:
            if draft.person is None:
                person.delete()
            if draft.link is not None:
                DeskLink.objects.filter(pk=draft.link.pk).update(uses_left=F("uses_left") + 1)
            raise
    draft.delete()
    return Enrolled(person, consent, enrolled, refused)


def remove_old_drafts(*, now: dt.datetime) -> int:
    """Delete the drafts that nobody has completed for a day, with their photographs; return how many there were."""
    old = EnrolmentDraft.objects.filter(created_at__lte=now - KEPT_FOR)
    count: int = old.count()
    old.delete()
    return count


def _check(photo: EnrolmentPhoto, now: dt.datetime, recogniser: Recogniser | None) -> Portrait | None:
    """Return the photograph as a portrait; None after noting what is wrong with it, without any name."""
    photo.refused, photo.rival, portrait = "", None, None
    draft = photo.draft
    try:
        checked = check_portrait(
            site=draft.site, jpeg=bytes(photo.jpeg), person=draft.person, now=now, recogniser=recogniser
        )
        portrait = replace(checked, sha256=photo.sha256)
    except MatchesSomebody as error:
        photo.refused, photo.rival = MATCHES, error.other
    except EnrolmentRefused as error:
        photo.refused = str(error)
    if photo.pk:
        photo.save(update_fields=["refused", "rival"])
    return portrait


def _reduced(jpeg: bytes) -> bytes:
    """Return the picture with at most `SIDE` pixels on its longer side."""
    with Image.open(io.BytesIO(jpeg), formats=["JPEG"]) as picture:
        if max(picture.size) <= SIDE:
            return jpeg
        picture.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
        out = io.BytesIO()
        picture.save(out, "JPEG", quality=92)
    return out.getvalue()
