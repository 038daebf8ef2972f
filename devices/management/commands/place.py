"""`manage.py place`: says where cameras are, so that what they saw keeps its place."""

import datetime as dt
from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from devices import services
from devices.models import Device, Site


class Command(BaseCommand):
    help = (
        "Moves, replaces, retires and renames cameras. What a camera saw stays with the place where it was. "
        "A place is written SITE/NAME, such as seattle/Seattle01."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")

        def action(name: str, help_text: str, *arguments: str, at: bool = False) -> None:
            each = actions.add_parser(name, help=help_text)
            for argument in arguments:
                each.add_argument(argument, type=_time if argument == "time" else str)
            if at:
                each.add_argument("--at", type=_time, metavar="TIME", help="ISO 8601 with an offset; otherwise now.")

        action("move", "The camera at a place goes on at another place.", "place", "to", at=True)
        action("replace", "Another camera goes on at the place, under its own thing name.", "place", "thing", at=True)
        action("retire", "The camera has left the place.", "place", at=True)
        action("reopen", "The camera had not left the place after all.", "place")
        action("came", "Corrects when the camera that is, or was last, at the place came there.", "place", "time")
        action("left", "Corrects when the camera that was last at the place left it.", "place", "time")
        action("rename", "Gives the place another name at its site, also in the past.", "place", "name")

    def handle(self, *args: Any, action: str, place: str, **options: Any) -> None:
        device = _device_at(place)
        at = options.get("at") or timezone.now()
        try:
            match action:
                case "move":
                    site, name = _place(options["to"])
                    services.move_device(device=device, site=site, name=name, at=at)
                case "replace":
                    services.replace_device(device=device, thing_name=options["thing"], at=at)
                case "retire":
                    services.retire_device(device=device, at=at)
                case "reopen":
                    services.reopen_device(device=device)
                case "came":
                    services.correct_arrival(device=device, since=options["time"])
                case "left":
                    services.correct_departure(device=device, until=options["time"])
                case "rename":
                    services.rename_device(device=device, name=options["name"])
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from None
        for each in Device.objects.filter(thing__devices=device.pk).select_related("site").order_by("pk"):
            self.stdout.write(f"{each.thing_name} {_stretch(each)} at {each.site.slug}/{each.name}")


def _time(text: str) -> dt.datetime:
    try:
        at = dt.datetime.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"“{text}” is not a time, such as 2026-11-21T10:00:00Z.") from None
    if at.tzinfo is None:
        raise ArgumentTypeError(f"“{text}” has no offset from UTC, such as the Z in 2026-11-21T10:00:00Z.")
    return at


def _place(text: str) -> tuple[Site, str]:
    slug, _, name = text.partition("/")
    site = Site.objects.filter(slug=slug).first()
    if site is None or not name:
        raise CommandError(f"“{text}” is not a place: write the slug of a site and a name, such as seattle/Seattle01.")
    return site, name


def _device_at(text: str) -> Device:
    """Return the device that is at this place, or was there last."""
    site, name = _place(text)
    spots = Device.objects.filter(site=site, name=name).select_related("site", "thing__state").spots()
    if not spots:
        raise CommandError(f"{site} has no device “{name}”; the admin lists the devices.")
    device: Device = spots[0].latest
    return device


def _stretch(device: Device) -> str:
    since = "from the first message" if device.since is None else f"from {device.since.isoformat()}"
    return f"{since} until {'now' if device.until is None else device.until.isoformat()}"
