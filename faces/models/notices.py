"""The notices of displays, as they are in force. Times are UTC."""

import secrets

from django.db import models

from devices.models import Device
from devices.storage.querysets import DeviceScopedQuerySet


def new_code() -> str:
    """Return a random code for the address of a notice, which is printed and must not change."""
    return secrets.token_urlsafe(9)


class DisplayNotice(models.Model):
    """What a device's notice says, and since when. It is replaced when the settings that it tells of change."""

    device = models.OneToOneField(Device, on_delete=models.CASCADE, primary_key=True, related_name="notice")
    code = models.CharField(max_length=16, unique=True, default=new_code, help_text="Part of the notice's address.")
    content = models.JSONField(help_text="The statements by their keys; see faces/notices.")
    since = models.DateTimeField(help_text="When the content became what it is.")

    objects = DeviceScopedQuerySet.as_manager()

    def __str__(self) -> str:
        return f"notice of {self.device}"
