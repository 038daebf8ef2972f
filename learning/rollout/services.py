"""Puts models on devices and takes them off; reads what the devices say about them."""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from devices.models import Device, Thing
from edge_agent.learned.model_file import BadModelFile
from edge_agent.learned.store import MOST_MODELS, load
from learning.datasets.rights import check_operator
from learning.models import Kind, Rollout, Run

if TYPE_CHECKING:
    from devices.models import User


@transaction.atomic
def put_on(*, run: Run, devices: Iterable[Device], by: "User | None", now: dt.datetime | None = None) -> list[Rollout]:
    """Let these devices of the data set's site run the model from now on, in place of other models of the data set.

    Raises `ValidationError` for a run without a model or whose file is none, a device of another site, one that has
    left its place, and one with too many models; nothing is written then. Raises `PermissionDenied`. `by` is None for
    the server's own command.
    """
    site, now = run.data_set.site, now or timezone.now()
    if by is not None:
        check_operator(site, by)
    if not run.runs_on_cameras:
        raise ValidationError(f"{run} has no model that a camera could run.")
    check_file(run)
    made = []
    for device in sorted(devices, key=lambda device: device.pk):
        if device.site_id != site.pk or not device.is_open:
            raise ValidationError(f"{device} is not a camera that {site} has now.")
        current = Rollout.objects.select_for_update().filter(device=device, until=None)
        if current.filter(run=run).exists():
            continue
        for former in current.filter(run__data_set=run.data_set_id):
            _end(former, now)
        if current.count() >= MOST_MODELS:
            raise ValidationError(f"{device} runs {MOST_MODELS} models already; take one off first.")
        made.append(Rollout.objects.create(device=device, run=run, since=now, chosen_by=by))
    return made


def check_file(run: Run) -> None:
    """Read and test the run's model as a camera box does. Raises `ValidationError` where the box would refuse it."""
    try:
        with run.model_file.open("rb") as file:
            load(file.read())
    except (OSError, BadModelFile) as error:
        raise ValidationError(f"The model of {run} cannot go on cameras: {error}. Train a new version.") from None


@transaction.atomic
def take_off(*, rollout: Rollout, by: "User", now: dt.datetime | None = None) -> None:
    """Let the device run the model no longer. Raises `PermissionDenied`."""
    check_operator(rollout.device.site, by)
    if rollout.until is None:
        _end(rollout, now or timezone.now())


def _end(rollout: Rollout, now: dt.datetime) -> None:
    rollout.until = max(now, rollout.since)
    rollout.save(update_fields=["until"])


def wanted_on(thing: Thing) -> list[Run]:
    """Return the runs whose models this thing shall run at the place where it is, the oldest first."""
    current = Rollout.objects.filter(device__thing=thing, device__until=None, until=None)
    return [rollout.run for rollout in current.select_related("run").order_by("since", "pk")]


@dataclass(frozen=True, slots=True)
class DeviceModel:
    """A device of a site, and what it does with a model."""

    device: Device
    rollout: Rollout | None
    """The stretch that lasts; None where the device shall not run the model."""
    state: str
    """`none`, `waits`, `running` or `refused`."""
    note: str
    """Why the device refused the model; "" otherwise."""


def devices_of(run: Run) -> list[DeviceModel]:
    """Return the devices that the site has now, by name, in two queries."""
    devices = Device.objects.open().filter(site=run.data_set.site_id).select_related("site", "thing__state")
    rollouts = {each.device_id: each for each in Rollout.objects.filter(run=run, until=None)}
    return [_device_model(device, rollouts.get(device.pk), run) for device in devices.order_by("name")]


class Group(NamedTuple):
    """Cameras of a site that are chosen together."""

    key: str
    title: str
    devices: Sequence[Device]


GROUPS = {
    "all": "all cameras of the site",
    "updated": "all cameras with another version",
    "hands": "all cameras that look for hands",
}
"""The groups by which cameras are chosen, and their titles."""


def groups_of(run: Run) -> list[Group]:
    """Return each group with those of its cameras that do not run the model yet, in two queries.

    Whether a camera looks for hands matters to gestures alone.
    """
    open_devices = Device.objects.open().filter(site=run.data_set.site_id).select_related("site", "thing__state")
    devices = list(open_devices.order_by("name"))
    current = Rollout.objects.filter(run__data_set=run.data_set_id, until=None).values_list("device_id", "run_id")
    runs = dict(current)
    waiting = [device for device in devices if runs.get(device.pk) != run.pk]
    members = {
        "all": waiting,
        "updated": [device for device in waiting if device.pk in runs],
        "hands": [device for device in waiting if "hands" in _detectors(device)],
    }
    return [
        Group(key, title, members[key]) for key, title in GROUPS.items() if key != "hands" or run.kind == Kind.GESTURE
    ]


def group_named(run: Run, key: str) -> Sequence[Device]:
    """Return the cameras of this group. Raises `ValidationError` for another key."""
    groups = {group.key: group.devices for group in groups_of(run)}
    if key not in groups:
        raise ValidationError(f"There is no group “{key[:40]}”; the groups are {', '.join(groups)}.")
    return groups[key]


def _detectors(device: Device) -> Sequence[str]:
    """Return what the device says that it looks for; nothing where it does not say."""
    state = device.thing.known_state
    reported = (state.reported_config if state is not None else None) or {}
    return reported.get("detectors") or []


def _device_model(device: Device, rollout: Rollout | None, run: Run) -> DeviceModel:
    if rollout is None:
        return DeviceModel(device, None, "none", "")
    said = next((each for each in _reports(device) if each.get("sha256") == run.model_sha256), None)
    if said is None:
        return DeviceModel(device, rollout, "waits", "")
    return DeviceModel(device, rollout, str(said.get("state")), str(said.get("note", "")))


def _reports(device: Device) -> Sequence[dict[str, Any]]:
    state = device.thing.known_state
    return state.reported_models or [] if state is not None else []
