"""The scheduled tasks of this app."""

from django.utils import timezone

from notifications.happenings import watching
from notifications.rules import services


def watch() -> int:
    """Note cameras that went off or are back, bad pictures, and growing quarantines; return how many."""
    return watching.watch(timezone.now())


def forget_old_notices() -> int:
    """Delete notices past their term; return how many."""
    return services.forget_old(now=timezone.now())
