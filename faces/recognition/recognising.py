"""Recognises captures. The state machine is in the capture's row, so that no work is lost with the task queue.

`queued` → `working` → `done`, back to `queued` for another attempt, `waiting` for the recogniser's next month, or
`failed` with a reason. Each step is a compare-and-set: one updated row means that this worker may go on.
"""

import datetime as dt
import logging
import uuid

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from devices.models import Site
from faces.coffees.counting import count_coffees, lock_site
from faces.models import Capture, Coffee, Face, Sighting, SitePolicy, State, UnclaimedFace
from faces.people.consent import create_guest
from faces.people.feelings import count_expressions
from faces.people.merging import MergeRefused, merge_people
from faces.people.policies import current_mode
from faces.pictures.sink import RESCUE_AFTER, enqueue
from faces.recognisers import recogniser as recognisers
from faces.recognisers.budget import is_spent
from faces.recognisers.recogniser import (
    BudgetSpent,
    Recogniser,
    RecogniserUnavailable,
    UnknownRecogniser,
    UnusablePicture,
)
from faces.recognition.examination import Findings, dismiss, examine, resolve
from faces.recognition.gallery import SiteGallery
from faces.recognition.greetings import greet, queue_for_topic

log = logging.getLogger(__name__)

MAX_ATTEMPTS = 6
FIRST_RETRY = dt.timedelta(seconds=30)
RETRY_FACTOR = 4
"""Retries follow after ½, 2, 8, 32 and 128 minutes, which covers outages of up to two hours."""

LEASE = dt.timedelta(seconds=settings.Q_CLUSTER["timeout"] + 60)
"""How long a worker may process a capture. It exceeds the timeout after which the task is killed."""

NEXT_RESCUE = dt.timedelta(minutes=10)
"""How long after enqueueing a capture the sweep enqueues it again."""

SWEPT_AT_ONCE = 100


class NotAgain(ValueError):
    """The capture cannot be recognised again. The text is one sentence with the reason."""


def recognise(
    *, capture_id: uuid.UUID, now: dt.datetime | None = None, recogniser: Recogniser | None = None
) -> Capture:
    """Recognise people and cups in the capture, count coffees, greet; return the capture with its new state.

    Does nothing unless the capture is queued. Problems with the picture or the recogniser raise nothing; they are
    stored as the capture's state and reason. Raises `Capture.DoesNotExist`.
    """
    now = now or timezone.now()
    capture = _claim(capture_id, now)
    if capture is None:
        return _read(capture_id)
    _attempt(capture, now, recogniser)
    capture.refresh_from_db(fields=["state", "attempts", "next_try_at", "reason", "cups", "recognised_at"])
    return capture


def recognise_again(*, capture: Capture, now: dt.datetime | None = None) -> None:
    """Queue a finished capture again, and delete its sightings and coffees. Raises `NotAgain`."""
    if not capture.image:
        raise NotAgain(f"The picture of {capture} has been removed.")
    if Coffee.objects.filter(sighting__capture=capture, reviewed_at__isnull=False).exists():
        raise NotAgain(f"A coffee of {capture} was reviewed; recognising it again would undo the review.")
    with transaction.atomic():
        queued = Capture.objects.filter(pk=capture.pk, state__in=(State.DONE, State.FAILED)).update(
            state=State.QUEUED, attempts=0, reason="", next_try_at=(now or timezone.now()) + RESCUE_AFTER
        )
        if not queued:
            raise NotAgain(f"{capture} is queued or being recognised already.")
        Sighting.objects.filter(capture=capture).delete()
        transaction.on_commit(lambda: enqueue([capture.pk]))


def sweep(*, now: dt.datetime) -> int:
    """Enqueue lost captures, and captures that waited for a new month; fail captures without attempts left.

    Returns how many captures changed.
    """
    return _sweep_lost(now) + _sweep_waiting(now)


def _sweep_lost(now: dt.datetime) -> int:
    due = list(Capture.objects.due(now).order_by("next_try_at")[:SWEPT_AT_ONCE])
    exhausted = [capture for capture in due if capture.attempts >= MAX_ATTEMPTS]
    for capture in exhausted:
        _move(capture, State.FAILED, now, f"{capture.attempts} workers ended before they finished the capture.")
    lost = [capture for capture in due if capture.attempts < MAX_ATTEMPTS]
    moved = [capture.pk for capture in lost if _move(capture, State.QUEUED, now + NEXT_RESCUE, capture.reason)]
    enqueue(moved)
    return len(exhausted) + len(moved)


def _sweep_waiting(now: dt.datetime) -> int:
    try:
        if is_spent(provider=recognisers.configured_class().name, now=now):
            return 0
    except UnknownRecogniser:
        return 0  # the pictures wait; `manage.py health` reports the reason
    waiting = Capture.objects.filter(state=State.WAITING).order_by("next_try_at", "taken_at")[:SWEPT_AT_ONCE]
    moved = [capture.pk for capture in waiting if _move(capture, State.QUEUED, now + NEXT_RESCUE, "")]
    enqueue(moved)
    return len(moved)


def _claim(capture_id: uuid.UUID, now: dt.datetime) -> Capture | None:
    """Claim a queued capture for this worker; None if it is not queued. Counts the attempt, even if it kills."""
    claimed = Capture.objects.filter(pk=capture_id, state=State.QUEUED).update(
        state=State.WORKING, attempts=F("attempts") + 1, next_try_at=now + LEASE
    )
    return _read(capture_id) if claimed else None


def _read(capture_id: uuid.UUID) -> Capture:
    capture: Capture = Capture.objects.select_related("device__site__policy", "device__site__feelings").get(
        pk=capture_id
    )
    return capture


def _attempt(capture: Capture, now: dt.datetime, recogniser: Recogniser | None) -> None:
    try:
        recogniser = recogniser or recognisers.configured_recogniser()
        findings = examine(capture, now, recogniser)
        sightings = _finish(capture, now, findings, recogniser)
    except (UnusablePicture, FileNotFoundError) as error:
        _move(capture, State.FAILED, now, str(error))
    except BudgetSpent as error:
        # No charged call was made, so the attempt does not count.
        _move(capture, State.WAITING, error.until, str(error), attempts=capture.attempts - 1)
    except RecogniserUnavailable as error:
        _try_later(capture, now, str(error))
    except Exception as error:
        log.exception("Recognising the capture %s failed.", capture.pk)
        _try_later(capture, now, f"Unexpected {type(error).__name__}; the workers' log has the details.")
    else:
        greet(capture, now, sightings)


def _finish(capture: Capture, now: dt.datetime, findings: Findings, recogniser: Recogniser) -> list[Sighting]:
    """Store everything in one transaction; store nothing if another worker has taken the capture over."""
    site = capture.device.site
    try:
        with transaction.atomic():
            lock_site(site)
            cups = len(findings.detections.cups)
            if not _move(capture, State.DONE, now, "", cups=cups, recognised_at=now, looks=[]):
                raise _TakenOver
            if current_mode(site) != findings.mode:
                raise RecogniserUnavailable(f"The policy of {site} was changed during the recognition.")
            resolve(findings, site, now, recogniser)
            _join_guests(site, now, findings, recogniser)
            _introduce_guests(site, now, findings, recogniser)
            sightings = Sighting.objects.bulk_create(_sightings(capture, findings))
            holders = [sighting for sighting in sightings if sighting.number in findings.holders]
            count_coffees(device=capture.device, taken_at=capture.taken_at, holders=holders)
            queue_for_topic(sightings, now)
            if capture.recognised_at is None:  # otherwise it was counted before
                count_expressions(capture=capture, detections=findings.detections)
            return sightings
    except BaseException as error:
        dismiss(findings, site, recogniser)
        if isinstance(error, _TakenOver):
            return []
        raise


class _TakenOver(Exception):
    """This worker took longer than its lease."""


def _join_guests(site: Site, now: dt.datetime, findings: Findings, recogniser: Recogniser) -> None:
    """Merge two guests into the older one where frames of one face were taken for both; `undo_merge` undoes it."""
    gallery = SiteGallery(site=site, provider=recogniser.name, now=now)
    for pair in findings.same_guests:
        people = {face.person.pk: face.person for face in gallery.faces(set(pair)).values()}
        if len(people) != 2 or not all(person.is_unnamed_guest for person in people.values()):
            continue
        older, younger = (people[pk] for pk in sorted(people))
        try:
            merge_people(other=younger, into=older, by=None, now=now)
        except MergeRefused as error:
            log.info("Two guests at %s are not joined: %s", site, error)
            continue
        findings.people = {
            index: older if person.pk == younger.pk else person for index, person in findings.people.items()
        }


def _introduce_guests(site: Site, now: dt.datetime, findings: Findings, recogniser: Recogniser) -> None:
    if not findings.guests:
        return
    policy = SitePolicy.objects.select_related("site", "confirmed_by").get(site=site)
    for index, faces in findings.guests.items():
        consent = create_guest(policy=policy, now=now)
        for indexed in faces:
            Face.objects.create(
                consent=consent,
                provider=recogniser.name,
                provider_id=indexed.provider_id,
                embedding=indexed.embedding,
            )
        findings.people[index] = consent.person
    UnclaimedFace.objects.filter(note__in=findings.notes).delete()


def _sightings(capture: Capture, findings: Findings) -> list[Sighting]:
    return [
        Sighting(
            capture=capture,
            number=index,
            person=person,
            box=list(face.box),
            confidence=face.confidence,
            similarity=findings.matches[index].similarity if person and index in findings.matches else None,
        )
        for index, face in enumerate(findings.detections.faces)
        for person in [findings.people.get(index)]
    ]


def _try_later(capture: Capture, now: dt.datetime, reason: str) -> None:
    if capture.attempts >= MAX_ATTEMPTS:
        _move(capture, State.FAILED, now, f"Given up after {capture.attempts} attempts: {reason}")
        return
    wait = FIRST_RETRY * RETRY_FACTOR ** (capture.attempts - 1)
    _move(capture, State.QUEUED, now + wait, reason)


def _move(capture: Capture, state: State, next_try_at: dt.datetime, reason: str, **values: object) -> bool:
    """Set the state unless another worker has changed the row; return whether it was set."""
    if state == State.FAILED:
        values["looks"] = []
    unchanged = Capture.objects.filter(pk=capture.pk, state=capture.state, attempts=capture.attempts)
    return bool(unchanged.update(state=state, next_try_at=next_try_at, reason=reason, **values))
