"""The scheduled tasks of this app."""

from django.utils import timezone

from notifications.happenings import watching
from notifications.letters import services as letters
from notifications.rules import services


def watch() -> int:
    """Note cameras that went off or are back, bad pictures, and growing quarantines; return how many."""
    return watching.watch(timezone.now())


def make_letters() -> int:
    """Make the letters about weeks and months that are over; return how many."""
    return letters.make_due(now=timezone.now())


def forget_old_notices() -> int:
    """Delete notices and letters past their term; return how many."""
    now = timezone.now()
    return services.forget_old(now=now) + letters.forget_old(now=now)
