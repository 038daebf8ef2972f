"""The scheduled tasks of this app."""

from django.utils import timezone

from plays.attribution import passes
from plays.intake import services


def compute_recent() -> int:
    """Compute the tallies of yesterday and today where plays or visits have come; return how many days of devices."""
    return passes.compute_portion(passes.RECENT, now=timezone.now())


def compute_late() -> int:
    """Go on with computing the tallies of all days whose plays or visits came late; return how many days of devices."""
    return passes.compute_portion(passes.LATE, now=timezone.now())


def forget_old_plays() -> int:
    """Delete plays that are past the retention; return how many."""
    return services.forget_old_plays(now=timezone.now())
