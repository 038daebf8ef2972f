"""Removes what may not be kept longer: pictures, strangers' faces, and faces without a consent in force.

Each run resumes where the previous run was interrupted.
"""

import datetime as dt
import logging
import uuid
from collections import deque
from collections.abc import Iterator
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from devices.faults.isolation import each, step_by_step
from devices.intake.quarantine import count_lost
from devices.models import Device, QuarantinedMessage, Site
from faces.models import MOST_HOURS, Capture, Face, Shows, Sighting, SitePolicy, State, UnclaimedFace
from faces.people.consent import remove_faces
from faces.pictures import storage
from faces.recognisers import recogniser as recognisers
from faces.recognisers.recogniser import RecogniserUnavailable

log = logging.getLogger(__name__)

AT_ONCE = 200
"""Pictures removed per query."""

UNCLAIMED_FOR = dt.timedelta(hours=1)
"""No worker still processes a face that was indexed so long ago: the worker was killed."""


def remove_old_pictures(*, now: dt.datetime) -> Iterator[int]:
    """Remove the pictures that are older than their sites' policies allow; yield how many each batch has removed.

    The original of each picture, in a bucket or a watched folder, is removed too. What an outage leaves, the next run
    removes. Counts from removed pictures stay. A capture that was not recognised in time gets the state `failed` and
    a reason.
    """
    sites = Site.objects.select_related("policy")
    return step_by_step(sites, partial(_remove_old_of_site, now), what="removing the old pictures of")


def _remove_old_of_site(now: dt.datetime, site: Site) -> Iterator[int]:
    policy = getattr(site, "policy", None) or SitePolicy(site=site)
    all_of_site = Capture.objects.filter(device__site=site).exclude(image="")
    old = all_of_site.filter(received_at__lte=now - _term(policy.kept_hours))
    yield from _remove(old, f"{policy.kept_hours} hours")
    crops = _unmatched(all_of_site).filter(received_at__lte=now - _term(policy.unmatched_hours))
    yield from _remove(crops, f"{policy.unmatched_hours} hours, as a stranger's face")


def _term(hours: int) -> dt.timedelta:
    # A row from before the highest term was checked may have a longer one, which no calendar holds.
    return dt.timedelta(hours=min(hours, MOST_HOURS))


def remove_quarantined_pictures(*, now: dt.datetime) -> int:
    """Delete the quarantined messages that may show people, at the end of the term of strangers' faces.

    Nobody was recognised in a quarantined picture, so it is kept no longer than its site keeps such pictures; of an
    unknown device, no longer than a site without a policy does. Returns how many were deleted.
    """
    devices_of = [(site, Device.objects.filter(site=site)) for site in Site.objects.select_related("policy")]
    groups: list[tuple[Site | None, QuerySet[Any]]] = [
        *((site, QuarantinedMessage.objects.filter(device__in=devices)) for site, devices in devices_of),
        (None, QuarantinedMessage.objects.filter(device=None)),
    ]
    return sum(each(groups, partial(_remove_quarantined, now), what="removing the quarantined pictures of"))


def _remove_quarantined(now: dt.datetime, group: "tuple[Site | None, QuerySet[Any]]") -> int:
    site, messages = group
    policy = getattr(site, "policy", None) or SitePolicy()
    term = _term(min(policy.kept_hours, policy.unmatched_hours))
    old = messages.filter(has_picture=True, received_at__lte=now - term)
    with transaction.atomic():
        lost = old.filter(replayed_at=None).count()
        deleted: int = old.delete()[0]
        if deleted:
            count_lost(lost, "expired_pictures_total")
    if lost:
        log.warning("%d quarantined pictures of %s were deleted at the end of their term.", lost, site or "nobody")
    return deleted


def forget_unclaimed_faces(*, now: dt.datetime) -> int:
    """Have recognisers forget the strangers' faces that killed workers have indexed; return how many there were.

    Raises `RecogniserUnavailable` after the faces of all other recognisers are forgotten; the next run forgets the
    rest.
    """
    old = UnclaimedFace.objects.filter(since__lte=now - UNCLAIMED_FOR)
    outages: list[RecogniserUnavailable] = []

    def forget(group: tuple[str, str]) -> int:
        provider, collection = group
        notes = set(old.filter(provider=provider, collection=collection).values_list("note", flat=True))
        try:
            recogniser = recognisers.recogniser_by_name(provider)
            names = recogniser.find_by_notes(notes, collection=collection)
            recogniser.forget(names, collection=collection)
        except RecogniserUnavailable as error:
            outages.append(error)
            return 0
        UnclaimedFace.objects.filter(note__in=notes).delete()
        return len(names)

    groups = old.order_by("provider", "collection").values_list("provider", "collection").distinct()
    forgotten = sum(each(groups, forget, what="forgetting the unclaimed faces of"))
    if outages:
        raise outages[-1]
    return forgotten


def forget_faces_without_consent(*, now: dt.datetime) -> int:
    """Remove the faces whose consent has expired, or was withdrawn during an outage; return how many are left.

    Such faces are not matched any more even before this. If a recogniser is away, its faces are left to the next run.
    """
    without_consent = Face.objects.filter(Q(consent__expires_at__lte=now) | Q(consent__withdrawn_at__lte=now))
    away: set[str] = set()

    def remove(face: Face) -> None:
        if face.provider in away:
            return
        try:
            remove_faces([face])
        except RecogniserUnavailable as error:
            away.add(face.provider)
            log.warning("Faces without a consent in force are not removed yet from %s: %s", face.provider, error)

    faces = list(without_consent.order_by("provider", "pk").select_related("consent__person"))
    deque(each(faces, remove, what="removing"), maxlen=0)
    return without_consent.count()


def _unmatched(captures: "QuerySet[Capture]") -> "QuerySet[Capture]":
    """Captures of a single face that was not recognised, or not processed yet."""
    recognised = Sighting.objects.filter(capture=OuterRef("pk"), person__isnull=False)
    return captures.filter(~Exists(recognised), shows=Shows.CROP)


def _remove(captures: "QuerySet[Capture]", term: str) -> Iterator[int]:
    """Remove files, then clear rows: a row without its file is found again, a file without its row is not."""
    left: set[uuid.UUID] = set()
    while batch := list(captures.exclude(pk__in=left).select_related("device").order_by("received_at", "pk")[:AT_ONCE]):
        removed = [capture.pk for capture in batch if _remove_files(capture)]
        left |= {capture.pk for capture in batch} - set(removed)
        rows = Capture.objects.filter(pk__in=removed)
        unfinished = rows.filter(state__in=(State.QUEUED, State.WORKING, State.WAITING))
        unfinished.update(
            state=State.FAILED,
            reason=f"The picture was removed before it was recognised: the site's policy keeps it for {term}.",
        )
        rows.update(image="", looks=[])
        rows.filter(source_url__startswith="s3://").update(source_url="")
        yield len(removed)


def _remove_files(capture: Capture) -> bool:
    """Remove the stored picture and its original; return whether both are gone."""
    try:
        storage.remove(str(capture.image))
        storage.remove_original(capture)
    except Exception as error:
        log.error("The picture of capture %s cannot be removed and is kept for too long: %s", capture.pk, error)
        return False
    return True
