"""What the workers do for devices; each task calls one service."""

from devices.mqtt import settings


def send_missing_settings() -> int:
    return settings.send_missing_configs()
