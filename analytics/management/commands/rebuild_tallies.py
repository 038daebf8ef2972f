"""`manage.py rebuild_tallies`: recompute the tallies from frames and coffees, also while the ingester runs."""

import datetime as dt
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from tqdm import tqdm

from analytics.counting import corrections
from analytics.models import SettledDay
from devices.models import Device
from faces.coffees import coffee_tallies


class Command(BaseCommand):
    help = (
        "Recomputes every tally from the frames and their reviews. The ingester may run at the same time; it waits "
        "while a day of the same device is recomputed. Days of which frames are deleted stay unchanged. Coffees are "
        "never deleted, so that all of their tallies are recomputed."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--device", metavar="THING_NAME", help="only the device with this thing name at the broker")
        parser.add_argument("--since", metavar="YYYY-MM-DD", help="only days from this UTC date on")

    def handle(self, *args: Any, **options: Any) -> None:
        devices = _devices(options["device"])
        stretches = corrections.stretches(devices=devices, now=timezone.now(), since=_date(options["since"]))
        try:
            wrong = {
                "quarter hours": sum(
                    corrections.rebuild(stretch)
                    for stretch in tqdm(stretches, "Rebuilding", unit="day", file=self.stderr)
                ),
                "tallies of coffees": coffee_tallies.rebuild(devices=[device.pk for device in devices]),
            }
        except KeyboardInterrupt:
            raise CommandError("Stopped. Each day is either rebuilt or unchanged.") from None
        corrected = " and ".join(f"{count} {kind}" for kind, count in wrong.items() if count)
        outcome = f"{corrected} were wrong and are corrected" if corrected else "every tally was right"
        self.stdout.write(f"Rebuilt {len(stretches)} days of {len(devices)} devices: {outcome}.")
        if settled := SettledDay.objects.filter(device__in=devices).count():
            self.stdout.write(
                f"{settled} days stay as they are: their frames are deleted, so they cannot be computed again."
            )


def _devices(thing_name: str | None) -> list[Device]:
    devices = Device.objects.filter(thing__name=thing_name) if thing_name else Device.objects.all()
    if thing_name and not devices:
        raise CommandError(f"No device has the thing name “{thing_name}”; the admin's list of devices shows them all.")
    return list(devices)


def _date(text: str | None) -> dt.date | None:
    try:
        return dt.date.fromisoformat(text) if text else None
    except ValueError:
        raise CommandError(f"“{text}” is not a date such as 2026-11-20.") from None
