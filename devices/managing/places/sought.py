"""Corrects what a device looks for, as far as its messages have shown it wrongly, and how its camera works."""

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction

from devices.intake.seeking import MOST_LABELS
from devices.models import Device
from devices.reading.labels import BadLabel, normalised
from devices.rules.roles import Right
from devices.services import configure_device
from edge_agent.messages import DesiredSettings

if TYPE_CHECKING:
    from devices.models import User


@transaction.atomic
def correct_sought(
    *,
    device: Device,
    by: "User",
    faces: bool | None,
    labels: Sequence[str],
    waits: bool | None,
    is_corrected: bool = True,
) -> None:
    """Correct what the device looks for, and whether it waits between uploads; None where that is not known.

    Messages change it no more, unless `is_corrected` is false. Raises `PermissionDenied` unless the user may operate
    the device's site, and `ValidationError` for a label that no device may send.
    """
    check_may_correct(device, by)
    device = Device.objects.select_for_update(of=("self",)).get(pk=device.pk)
    device.faces_sought, device.labels_sought = faces, normalised_labels(labels)
    device.waits_between_uploads, device.sought_is_corrected = waits, is_corrected
    device.save()


def check_may_correct(device: Device, user: "User") -> None:
    """Raise `PermissionDenied` unless the user may operate the device's site."""
    if not device.site.allows(user, Right.OPERATE):
        raise PermissionDenied(f"Only operators and owners of {device.site} may change what its devices look for.")


def normalised_labels(labels: Sequence[str]) -> list[str]:
    """Return the labels in their one spelling, sorted. Raises `ValidationError`."""
    if len(labels) > MOST_LABELS:
        raise ValidationError(f"A device looks for at most {MOST_LABELS} labels.")
    try:
        return sorted({normalised(label) for label in labels})
    except BadLabel as error:
        raise ValidationError(str(error)) from None


@transaction.atomic
def change_camera(
    *,
    device: Device,
    by: "User",
    clock_timezone: str,
    faces_sought: bool | None,
    labels_sought: Sequence[str],
    waits_between_uploads: bool | None,
    sought_is_corrected: bool,
    settings: DesiredSettings,
    now: dt.datetime,
) -> bool:
    """Store these settings of the device and its thing; return whether there are new desired settings to be sent.

    What the device looks for counts as corrected by hand once it is changed here. Raises as `correct_sought`.
    """
    wanted = (faces_sought, normalised_labels(labels_sought), waits_between_uploads)
    was_changed = wanted != (device.faces_sought, device.labels_sought, device.waits_between_uploads)
    correct_sought(
        device=device,
        by=by,
        faces=faces_sought,
        labels=labels_sought,
        waits=waits_between_uploads,
        is_corrected=sought_is_corrected or was_changed,
    )
    device.thing.clock_timezone = clock_timezone
    device.thing.save(update_fields=["clock_timezone"])
    if msgspec.to_builtins(settings) == device.thing.desired_config:
        return False
    configure_device(device=device, settings=settings, now=now)
    return True
