"""The picture of what a notice tells: shown only while everyone in it agrees, and nowhere stored a second time."""

import datetime as dt
import uuid

from django.conf import settings
from django.core import signing
from django.urls import reverse

from analytics.numbers.pictures import PICTURE_WITHIN
from faces.models import Capture, Coffee, Consent, Method, Mode, Sighting
from faces.models import State as Recognition
from faces.people.policies import current_mode
from notifications.models import Happening, Kind, Notice

LINK_LASTS = dt.timedelta(days=7)
"""How long the link of a message leads to its picture."""

SALT = "notifications.picture"


def find_picture(notice: Notice, now: dt.datetime) -> Capture | None:
    """Return the picture that may go with the notice now; None without one.

    A picture may go where its rule says so, where the site recognises people, and where the recogniser has found
    either nobody in it, or only people whose own consent is in force.
    """
    happening = notice.happening
    if not notice.rule.with_picture or happening is None or happening.device is None:
        return None
    capture = _capture_of(happening)
    if capture is None or current_mode(notice.rule.site) == Mode.OFF or not _all_agree(capture, now):
        return None
    return capture


def _capture_of(happening: Happening) -> Capture | None:
    done = Capture.objects.filter(state=Recognition.DONE).exclude(image="")
    if happening.kind == Kind.COFFEE:
        coffee = Coffee.objects.filter(pk=happening.key).values("sighting__capture")
        found: Capture | None = done.filter(pk__in=coffee).first()
        return found
    if happening.kind != Kind.LABEL:
        return None
    near = (happening.at - PICTURE_WITHIN, happening.at + PICTURE_WITHIN)
    captures = done.filter(device=happening.device, taken_at__range=near)
    return min(captures, key=lambda capture: abs(capture.taken_at - happening.at), default=None)


def _all_agree(capture: Capture, now: dt.datetime) -> bool:
    people = list(Sighting.objects.filter(capture=capture).values_list("person", flat=True))
    if not people:
        return not capture.claimed_faces
    own = Consent.objects.valid(now).exclude(method=Method.OWNER).filter(person__in=[each for each in people if each])
    return set(people) <= set(own.values_list("person", flat=True))


def link_to(notice: Notice) -> str:
    """Return a link to the picture of the notice, for whoever gets the message."""
    token = signing.dumps(str(notice.pk), salt=SALT, compress=False)
    return f"{settings.PAGES_URL}{reverse('told-picture', args=[token])}"


def find_by_token(token: str, now: dt.datetime) -> Capture | None:
    """Return the picture that a link leads to; None if the link is old, or the picture may not be shown any more."""
    try:
        number = uuid.UUID(signing.loads(token, salt=SALT, max_age=LINK_LASTS))
    except (signing.BadSignature, ValueError, TypeError, AttributeError):
        return None
    notice = Notice.objects.filter(pk=number).select_related("rule__site", "happening__device").first()
    return find_picture(notice, now) if notice else None
