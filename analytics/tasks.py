"""Scheduled tasks of the workers; each calls one service."""

from django.utils import timezone

from analytics.counting import corrections
from analytics.features.archiving import writing as archiving
from analytics.features.home_assistant.services import publish_states
from devices.storage import partitions


def forget_old_frames() -> int:
    """Delete old frames; return how many were deleted."""
    return sum(corrections.forget_old_frames(now=timezone.now()))


def archive_old_facts() -> int:
    """Move facts of old months into files, and delete old files; return the number of moved facts."""
    now = timezone.now()
    archiving.forget_old_files(now=now)
    return archiving.archive(now=now)


def make_partitions() -> None:
    """Make the tables of the coming months, where each month has a table of its own."""
    partitions.make_ahead(timezone.now())


def tell_home_assistant() -> int:
    """Publish the devices' state to Home Assistant; return the number of devices."""
    return publish_states(now=timezone.now())
