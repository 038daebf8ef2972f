"""Finds the device of each archived object."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from devices import services
from devices.models import Device, Site
from devices.reading.buckets import is_own_object
from edge_agent.messages import THING_NAME_RULE, is_thing_name
from faces.sources.layouts import Named
from faces.sources.s3_events import StoredObject


class NoOwner(ValueError):
    """No device can be found for an object. The text is the rest of a sentence that says what to do."""


@dataclass(slots=True)
class Owners:
    """The devices to which an archive belongs, by what the user has said and by what the archive tells."""

    given: Mapping[str, str]
    """Thing names by prefix or device id, as the user has given them; "" stands for all other objects."""
    devices: Sequence[Device]
    site: Site | None = None
    """Where devices of unknown device ids are to be registered; None if nowhere."""
    new: set[str] = field(default_factory=set)
    """The device ids that are to be registered."""

    def find(self, named: Named, device_id: str, address: StoredObject | None, *, linking: str = "") -> str:
        """Return the thing name of the object's device. Raises `NoOwner`.

        `device_id` is what the object's content names, `address` where S3 keeps the object, and `linking` the thing
        whose record links to it. The first of these decides: what the user has said of the device id, then of the
        prefix; the bucket and prefix that are set for a device; the device id, which is a thing name or the name of a
        device; a folder that is a thing name; the record that links to the object; what the user has said of all
        others.
        """
        named_id = device_id or named.device_id
        if named_id in self.given and named_id:
            return self.given[named_id]
        if (prefix := self._given_prefix(named.prefix)) is not None:
            return self.given[prefix]
        found = self._of_address(address) or self._of_id(named_id) or self._of_folder(named.prefix) or linking
        return found or self._other(named_id)

    def register(self) -> None:
        """Register the devices of the device ids that are `new`. Raises `ValidationError`."""
        if self.site is None:
            return
        for device_id in sorted(self.new):
            services.register_device(site=self.site, name=device_id, thing_name=device_id)

    def _given_prefix(self, prefix: str) -> str | None:
        """Return the longest of the given prefixes that the folders begin with."""
        fitting = [given for given in self.given if given and f"{prefix}/".startswith(f"{given.strip('/')}/")]
        return max(fitting, key=len, default=None)

    def _of_address(self, address: StoredObject | None) -> str:
        """Return the thing of the device whose bucket and prefix fit best; "" if none fits, or several do."""
        if address is None:
            return ""
        owners = [device for device in self.devices if is_own_object(device.thing, address.bucket, address.key)]
        longest = max((len(device.thing.bucket_prefix) for device in owners), default=0)
        things = {device.thing_name for device in owners if len(device.thing.bucket_prefix) == longest}
        return things.pop() if len(things) == 1 else ""

    def _of_id(self, device_id: str) -> str:
        things = {device.thing_name for device in self.devices if device.thing_name == device_id}
        things = things or {device.thing_name for device in self.devices if device.name == device_id}
        if len(things) > 1:
            raise NoOwner(f"several devices are named “{device_id}”; add --device {device_id}=THING")
        return things.pop() if things else ""

    def _of_folder(self, prefix: str) -> str:
        known = {device.thing_name for device in self.devices}
        return next((folder for folder in reversed(prefix.split("/")) if folder in known), "")

    def _other(self, device_id: str) -> str:
        if "" in self.given:
            return self.given[""]
        if not device_id:
            raise NoOwner("nothing tells their device; add --device FOLDER=THING, or --device THING for all")
        if self.site is None:
            raise NoOwner(
                f"no device is named “{device_id}”; register one, or add --device {device_id}=THING, or --site SLUG to "
                "have it registered there"
            )
        if not is_thing_name(device_id):
            raise NoOwner(f"“{device_id}” cannot be registered as a thing name; {THING_NAME_RULE}")
        self.new.add(device_id)
        return device_id
