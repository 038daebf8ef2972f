"""The tasks of the workers. Each calls one service with the current time."""

import uuid

from django.utils import timezone

from devices.health import beat
from faces import services
from faces.enrolment import drafts
from faces.erasure import retention, unseen
from faces.notices import current
from faces.people import feelings, renewals
from faces.pictures import storage
from faces.recognition import greetings, health
from faces.services import recognise, sweep
from faces.sources import linked_pictures


def recognise_capture(capture_id: str) -> str:
    """Recognise the capture, and return its new state."""
    return recognise(capture_id=uuid.UUID(capture_id)).state


def sweep_captures() -> int:
    """Sweep, and store the workers' heartbeat, because a sweep that runs proves that a worker works."""
    beat(health.WORKERS, at=timezone.now())
    return sweep(now=timezone.now())


def fetch_linked_pictures(*capture_ids: str) -> int:
    """Fetch the linked pictures of these captures from their buckets; return how many there were."""
    captures = [uuid.UUID(capture_id) for capture_id in capture_ids]
    return linked_pictures.fetch_linked(captures=captures, now=timezone.now())


def sweep_linked_pictures() -> int:
    return linked_pictures.sweep_linked(now=timezone.now())


def tell_late() -> int:
    """Publish late sightings to the topic; return how many are still unpublished."""
    return greetings.publish_late(now=timezone.now())


def remove_left_over_pictures() -> int:
    return storage.remove_left_over(now=timezone.now())


def finish_erasures() -> int:
    return services.finish_erasures(now=timezone.now())


def remove_old_pictures() -> int:
    return sum(retention.remove_old_pictures(now=timezone.now()))


def remove_quarantined_pictures() -> int:
    return retention.remove_quarantined_pictures(now=timezone.now())


def remove_old_drafts() -> int:
    return drafts.remove_old_drafts(now=timezone.now())


def refresh_notices() -> int:
    return current.refresh_notices(now=timezone.now())


def settle_expressions() -> int:
    return feelings.settle_expressions(now=timezone.now())


def forget_unclaimed_faces() -> int:
    return retention.forget_unclaimed_faces(now=timezone.now())


def forget_faces_without_consent() -> int:
    """Return how many faces are left to the next run."""
    return retention.forget_faces_without_consent(now=timezone.now())


def announce_renewals() -> int:
    return renewals.announce_renewals(now=timezone.now())


def erase_unseen() -> int:
    """Announce erasures, carry out the announced ones that are due, and return how many people were erased."""
    unseen.announce_erasures(now=timezone.now())
    return sum(unseen.erase_announced(now=timezone.now()))
