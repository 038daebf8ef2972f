"""What the workers do at night; each task calls one service."""

from django.utils import timezone

from analytics import services


def forget_old_frames() -> int:
    """Returns how many frames went."""
    return sum(services.forget_old_frames(now=timezone.now()))
