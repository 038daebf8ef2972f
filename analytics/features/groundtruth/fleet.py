"""The column of the fleet that tells when people last counted beside each camera, and whether that still holds."""

from collections.abc import Mapping, Sequence

from django.db.models import Max

from analytics.features.groundtruth.setups import SetupHistory
from analytics.models.groundtruth import GroundTruthSession
from analytics.verdicts.setups import read_told
from devices.models import Device

TITLE = "Calibration"


def calibration_column(devices: Sequence[Device]) -> Mapping[int, str]:
    """Return by primary key of the device when it was last compared with a person's count; two queries.

    A camera whose setup changed since (`setup_key`) is compared no more. Devices without a count are left out.
    """
    keys = [device.pk for device in devices]
    counted = GroundTruthSession.objects.filter(device__in=keys, ended_at__isnull=False).order_by()
    latest = dict(counted.values_list("device_id").annotate(Max("started_at")))
    told = read_told(latest)
    setups = {device.pk: SetupHistory(device, told) for device in devices}
    changed = {pk for pk, at in latest.items() if setups[pk].at(at) != setups[pk].current}
    return {pk: f"counted {at:%d %b %Y}" + (", changed since" if pk in changed else "") for pk, at in latest.items()}
