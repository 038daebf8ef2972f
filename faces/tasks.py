"""What the workers do; each task takes an id and calls one service."""

import uuid

from django.utils import timezone

from devices.health import beat
from faces import services
from faces.erasure import retention, unseen
from faces.pictures import storage
from faces.recognition import greetings, health
from faces.services import recognise, sweep


def recognise_capture(capture_id: str) -> str:
    """Returns the capture's state afterwards."""
    return recognise(capture_id=uuid.UUID(capture_id)).state


def sweep_captures() -> int:
    """Also the workers' heartbeat: a sweep that runs is a worker that works."""
    beat(health.WORKERS, at=timezone.now())
    return sweep(now=timezone.now())


def tell_late() -> int:
    """Returns how many sightings the topic is still not told of."""
    return greetings.tell_late(now=timezone.now())


def remove_left_over_pictures() -> int:
    return storage.remove_left_over(now=timezone.now())


def finish_erasures() -> int:
    return services.finish_erasures(now=timezone.now())


def remove_old_pictures() -> int:
    return sum(retention.remove_old_pictures(now=timezone.now()))


def forget_unclaimed_faces() -> int:
    return retention.forget_unclaimed_faces(now=timezone.now())


def forget_faces_without_consent() -> int:
    """Returns how many are left to the next run."""
    return retention.forget_faces_without_consent(now=timezone.now())


def erase_unseen() -> int:
    """Announces first; returns how many people were erased."""
    unseen.announce_erasures(now=timezone.now())
    return sum(unseen.erase_announced(now=timezone.now()))
