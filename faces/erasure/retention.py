"""What is kept no longer than it may be: pictures, strangers' faces, and faces whose consent is over.

Every run goes on where the one before was interrupted.
"""

import datetime as dt
import logging
import uuid
from collections.abc import Iterator

from botocore.exceptions import BotoCoreError, ClientError
from django.db.models import Exists, OuterRef, Q, QuerySet

from devices.models import Site
from faces.models import Capture, Face, Shows, Sighting, SitePolicy, State, UnclaimedFace
from faces.people.consent import remove_faces
from faces.pictures import storage
from faces.recognisers import recogniser as recognisers
from faces.recognisers.recogniser import RecogniserUnavailable

log = logging.getLogger(__name__)

AT_ONCE = 200
"""Pictures that are removed before the next are asked for."""

UNCLAIMED_FOR = dt.timedelta(hours=1)
"""Nobody is still at work on a face that was asked for so long ago: it was interrupted."""


def remove_old_pictures(*, now: dt.datetime) -> Iterator[int]:
    """Remove the pictures that their sites' policies keep no longer, and yield how many went, some at a time.

    With each goes its original in a bucket or a watched folder; what an outage leaves, the next run removes. What
    was counted in them stays. A capture that was not recognised in time fails, and says why.
    """
    for site in Site.objects.select_related("policy"):
        policy = getattr(site, "policy", None) or SitePolicy(site=site)
        all_of_site = Capture.objects.filter(device__site=site).exclude(image="")
        old = all_of_site.filter(received_at__lte=now - dt.timedelta(hours=policy.picture_hours))
        yield from _remove(old, f"{policy.picture_hours} hours for pictures")
        crops = _unmatched(all_of_site).filter(received_at__lte=now - dt.timedelta(hours=policy.unmatched_hours))
        yield from _remove(crops, f"{policy.unmatched_hours} hours for strangers' faces")


def forget_unclaimed_faces(*, now: dt.datetime) -> int:
    """Have the recogniser forget the strangers whom a killed worker made known to it; returns how many it knew.

    Raises `RecogniserUnavailable` once all others are forgotten; the next run goes on.
    """
    old = UnclaimedFace.objects.filter(since__lte=now - UNCLAIMED_FOR)
    forgotten, outage = 0, None
    for provider, collection in old.order_by("provider", "collection").values_list("provider", "collection").distinct():
        notes = set(old.filter(provider=provider, collection=collection).values_list("note", flat=True))
        try:
            recogniser = recognisers.recogniser_by_name(provider)
            names = recogniser.find_by_notes(notes, collection=collection)
            recogniser.forget(names, collection=collection)
        except RecogniserUnavailable as error:
            outage = error
            continue
        UnclaimedFace.objects.filter(note__in=notes).delete()
        forgotten += len(names)
    if outage:
        raise outage
    return forgotten


def forget_faces_without_consent(*, now: dt.datetime) -> int:
    """Forget the faces whose consent has run out, or was withdrawn during an outage; returns how many are left.

    Nobody was matched with them any more. An outage of a recogniser leaves its own to the next run.
    """
    over = Face.objects.filter(Q(consent__expires_at__lte=now) | Q(consent__withdrawn_at__lte=now))
    for provider in over.order_by("provider").values_list("provider", flat=True).distinct():
        theirs = over.filter(provider=provider)
        try:
            remove_faces(list(theirs.select_related("consent__person")))
        except RecogniserUnavailable as error:
            log.warning("%d faces without consent are not forgotten yet: %s", theirs.count(), error)
    return over.count()


def _unmatched(captures: "QuerySet[Capture]") -> "QuerySet[Capture]":
    """Pictures of one face that is nobody's whom the site knows, as far as it was looked at."""
    known = Sighting.objects.filter(capture=OuterRef("pk"), person__isnull=False)
    return captures.filter(~Exists(known), shows=Shows.CROP)


def _remove(captures: "QuerySet[Capture]", policy: str) -> Iterator[int]:
    """The files go first: a row whose file is gone is found again, a file whose row is gone is not."""
    left: set[uuid.UUID] = set()
    while chosen := list(captures.exclude(pk__in=left).order_by("received_at", "pk")[:AT_ONCE]):
        gone = [capture.pk for capture in chosen if _remove_files(capture)]
        left |= {capture.pk for capture in chosen} - set(gone)
        rows = Capture.objects.filter(pk__in=gone)
        unfinished = rows.filter(state__in=(State.QUEUED, State.WORKING, State.WAITING))
        unfinished.update(
            state=State.FAILED, reason=f"Not recognised before the picture was removed: the policy's {policy} are over."
        )
        rows.update(image="")
        rows.filter(source_url__startswith="s3://").update(source_url="")
        yield len(gone)


def _remove_files(capture: Capture) -> bool:
    """Whether both are gone, our own picture and its original."""
    storage.remove(str(capture.image))
    try:
        storage.remove_original(capture.source_url)
    except (OSError, BotoCoreError, ClientError) as error:
        log.error("The original of capture %s is kept for too long, as it cannot be removed: %s", capture.pk, error)
        return False
    return True
