"""What the workers do by the clock; each task calls one service."""

from django.utils import timezone

from analytics.counting import corrections
from analytics.home_assistant.services import tell


def forget_old_frames() -> int:
    """Returns how many frames went."""
    return sum(corrections.forget_old_frames(now=timezone.now()))


def tell_home_assistant() -> int:
    """Returns how many devices it was told of."""
    return tell(now=timezone.now())
