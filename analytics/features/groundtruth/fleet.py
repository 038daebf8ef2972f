"""The column of the fleet that tells when people last counted beside each camera, and whether that still holds."""

from collections.abc import Mapping, Sequence

from django.db.models import Max

from analytics.models import DeviceSetup
from analytics.models.groundtruth import GroundTruthSession
from devices.models import Device

TITLE = "Calibration"


def calibration_column(devices: Sequence[Device]) -> Mapping[int, str]:
    """Return by primary key of the device when it was last compared with a person's count; two queries.

    A camera whose software, models, source or settings changed since is compared no more. Devices without a count are
    left out.
    """
    keys = [device.pk for device in devices]
    counted = GroundTruthSession.objects.filter(device__in=keys, ended_at__isnull=False).order_by()
    latest = dict(counted.values_list("device_id").annotate(Max("started_at")))
    setups = DeviceSetup.objects.filter(device__in=latest).order_by()
    changed = dict(setups.values_list("device_id").annotate(Max("since")))
    return {
        pk: f"counted {at:%d %b %Y}" + (", changed since" if pk in changed and changed[pk] > at else "")
        for pk, at in latest.items()
    }
