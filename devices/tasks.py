"""What the workers do for devices; each task calls one service."""

from django.utils import timezone

from devices.mqtt import settings
from devices.uploads import uploading


def tidy_uploads() -> int:
    return uploading.tidy(now=timezone.now())


def send_missing_settings() -> int:
    return settings.send_missing_configs()
