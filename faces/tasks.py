"""What the workers do; each task takes an id and calls one service."""

import uuid

from django.utils import timezone
from django_q.models import Schedule

from faces import pictures
from faces.services import recognise, sweep


def recognise_capture(capture_id: str) -> str:
    """Returns the capture's state afterwards."""
    return recognise(capture_id=uuid.UUID(capture_id)).state


def sweep_captures() -> int:
    return sweep(now=timezone.now())


def remove_left_over_pictures() -> int:
    return pictures.remove_left_over(now=timezone.now())


def ensure_schedules() -> None:
    """Have the workers sweep every minute and tidy up every hour; idempotent."""
    for function, every in ((sweep_captures, Schedule.MINUTES), (remove_left_over_pictures, Schedule.HOURLY)):
        Schedule.objects.update_or_create(
            name=f"faces: {function.__name__}",
            defaults={
                "func": f"{function.__module__}.{function.__name__}",
                "schedule_type": every,
                "minutes": 1,
                "repeats": -1,
            },
        )
