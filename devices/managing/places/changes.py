"""The changes of a camera's place that people make on pages: each with its form, and with what will happen in words.

The words come first: `foresee` carries a change out and rolls it back, so that a page can say what will happen, or why
it cannot, before anybody confirms it. `devices/services.py` does the same when the change is confirmed.
"""

import datetime as dt
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from devices import services
from devices.intake.fact_kinds import span_of_facts
from devices.intake.quarantine import messages_without_place
from devices.intake.replay import replay_all
from devices.models import Device, Site, Thing
from devices.rules.roles import Right

if TYPE_CHECKING:
    from devices.models import User

LOCAL_TIME = "%Y-%m-%dT%H:%M"
"""The format of a browser's field for a date and time."""


class LocalTimeField(forms.DateTimeField):
    """A time to the minute, in the time zone that is active while the form is used. Empty means now."""

    def __init__(self, **options: Any) -> None:
        widget = forms.DateTimeInput(format=LOCAL_TIME)
        widget.input_type = "datetime-local"
        super().__init__(widget=widget, input_formats=[LOCAL_TIME, f"{LOCAL_TIME}:%S"], **options)


class Change(forms.Form):
    """A change of a device's place. Use it within `timezone.override(device.site.zone)`."""

    title: ClassVar[str]
    confirm: ClassVar[str]
    """What the button that carries it out says."""
    is_foreseen_at_once: ClassVar[bool] = False
    """Whether the page says what will happen before anything is filled in."""

    def __init__(self, device: Device, user: "User", data: Any = None, *, now: dt.datetime) -> None:
        super().__init__(data)
        self.device, self.user, self.now = device, user, now

    @classmethod
    def suits(cls, device: Device) -> bool:
        """Whether this can be done with the device as it is now."""
        return device.is_open

    def foresee(self) -> list[str]:
        """Return what will happen in sentences. Add an error to the form, and return nothing, if it cannot be done."""
        try:
            with transaction.atomic():
                self.perform()
                transaction.set_rollback(True)
        except ValidationError as refusal:
            self.refuse(refusal)
            return []
        return self.tell()

    def refuse(self, refusal: ValidationError) -> None:
        """Show this refusal beside the field that it is about, or else at the top of the form."""
        if not hasattr(refusal, "error_dict"):
            field = next((name for name in ("at", "name", "thing_name") if name in self.fields), None)
            self.add_error(field, refusal)
            return
        for name, errors in refusal.error_dict.items():
            self.add_error(name if name in self.fields else None, ValidationError(errors))

    def perform(self) -> Device | None:
        """Carry it out; return the device to show next. Raises `ValidationError`."""
        raise NotImplementedError

    def tell(self) -> list[str]:
        """Return what will happen, each thing in a sentence."""
        raise NotImplementedError

    def follow_up(self) -> str:
        """Do what belongs to the change after its commit; return a sentence about it, or ""."""
        return ""

    @property
    def when(self) -> dt.datetime:
        """The chosen time, by default now."""
        return self.cleaned_data.get("at") or self.now

    def kept(self) -> str:
        """Say in a sentence what stays at the place of the device."""
        span, device = span_of_facts(self.device), self.device
        if span is None:
            return f"Nothing was seen at {device} in this time, so nothing stays behind."
        first, last = (timezone.localtime(each).date() for each in span)
        days = (last - first).days + 1
        when = f"on {first:%-d %b %Y}" if days == 1 else f"from {first:%-d %b %Y} to {last:%-d %b %Y}"
        return (
            f"What {device.thing_name} saw there stays with {device} at {device.site}: {days:,} day{'s'[: days > 1]}, "
            f"{when}."
        )


class Correction(Change):
    """A change after which messages can have a place that had none."""

    def replayed(self) -> str:
        """Say in a sentence which messages are replayed after the change."""
        count = messages_without_place(self.device.thing_name).count()
        if not count:
            return "None of its messages waits in the quarantine."
        return f"{count:,} of its messages were taken when it was at no place, and are replayed from the quarantine."

    def follow_up(self) -> str:
        waiting = messages_without_place(self.device.thing_name)
        return str(replay_all(messages=waiting, now=self.now)) if waiting.exists() else ""


def _at_field() -> LocalTimeField:
    return LocalTimeField(required=False, label="When", help_text="Local time of the site. Empty: now.")


class Move(Change):
    title, confirm = "Move the camera to another place", "Move it"
    site = forms.ModelChoiceField(Site.objects.none(), label="To which site", empty_label=None)
    name = forms.SlugField(max_length=80, label="Name of the new place", help_text="Such as Lobby; unique at its site.")
    at = _at_field()

    def __init__(self, device: Device, user: "User", data: Any = None, *, now: dt.datetime) -> None:
        super().__init__(device, user, data, now=now)
        sites: Any = self.fields["site"]
        sites.queryset = Site.objects.all().permitted(user, Right.OPERATE)
        sites.initial = device.site_id

    def perform(self) -> Device:
        values = self.cleaned_data
        return services.move_device(device=self.device, site=values["site"], name=values["name"], at=self.when)

    def tell(self) -> list[str]:
        site, name, device = self.cleaned_data["site"], self.cleaned_data["name"], self.device
        sentences = [
            f"From {moment(self.when)} on, what {device.thing_name} sees belongs to {name} at {site}.",
            self.kept(),
            "Its token and its settings go along.",
        ]
        if site != device.site:
            sentences.append(f"Members of {site} see what it sees from then on; members of {device.site} do not.")
        return sentences


class Replace(Change):
    title, confirm = "Replace the camera", "Replace it"
    thing_name = forms.CharField(
        max_length=128, label="Thing name of the new camera", help_text="Its name at the broker, such as lobby-2."
    )
    at = _at_field()

    def perform(self) -> Device:
        thing_name = self.cleaned_data["thing_name"]
        return services.replace_device(device=self.device, thing_name=thing_name, at=self.when, by=self.user)

    def tell(self) -> list[str]:
        device, thing_name = self.device, self.cleaned_data["thing_name"]
        known = Thing.objects.filter(name=thing_name).exists()
        return [
            f"From {moment(self.when)} on, {device} at {device.site} is the camera {thing_name}.",
            f"{device.thing_name} is at no place then: what it takes is quarantined.",
            self.kept(),
            f"{thing_name} keeps its token and settings." if known else f"{thing_name} is new and has no token yet.",
        ]


class Retire(Change):
    title, confirm, is_foreseen_at_once = "Retire the camera", "Retire it", True
    at = _at_field()

    def perform(self) -> None:
        services.retire_device(device=self.device, at=self.when)

    def tell(self) -> list[str]:
        return [
            f"From {moment(self.when)} on, {self.device.thing_name} is at no place: what it takes is quarantined.",
            self.kept(),
            "If it was a mistake, the place can be re-opened.",
        ]


class Reopen(Correction):
    title, confirm, is_foreseen_at_once = "Re-open the place", "Re-open it", True

    @classmethod
    def suits(cls, device: Device) -> bool:
        return not device.is_open

    def perform(self) -> None:
        services.reopen_device(device=self.device)

    def tell(self) -> list[str]:
        device = self.device
        left = moment(device.until) if device.until else ""
        return [
            f"{device.thing_name} counts as having stayed at {device} when it left at {left}.",
            self.replayed(),
        ]


class Rename(Change):
    title, confirm = "Rename the place", "Rename it"
    name = forms.SlugField(max_length=80, label="New name", help_text="Letters, digits, “-” and “_”.")

    @classmethod
    def suits(cls, device: Device) -> bool:
        return True

    def perform(self) -> None:
        services.rename_device(device=self.device, name=self.cleaned_data["name"])

    def tell(self) -> list[str]:
        name, device = self.cleaned_data["name"], self.device
        return [
            f"{device} at {device.site} is called {name}, also in the past, whichever camera was there.",
            f"Its page moves to /sites/{device.site.slug}/devices/{name}/; links to the former address open nothing.",
        ]


class CorrectArrival(Correction):
    title, confirm = "Correct when it came", "Correct it"
    at = LocalTimeField(required=False, label="When it came", help_text="Empty: before its first message.")

    @classmethod
    def suits(cls, device: Device) -> bool:
        return True

    def perform(self) -> None:
        services.correct_arrival(device=self.device, since=self.cleaned_data.get("at"))

    def tell(self) -> list[str]:
        since = self.cleaned_data.get("at")
        came = f"at {moment(since)}" if since else "before its first message"
        sentences = [f"{self.device.thing_name} counts as having come to {self.device} {came}."]
        if self.device.since is not None:
            sentences.append("If another stretch ended when it came, that stretch now ends at this time, too.")
        return [*sentences, "What is stored stays where it is.", self.replayed()]


class CorrectDeparture(Correction):
    title, confirm = "Correct when it left", "Correct it"
    at = LocalTimeField(label="When it left")

    @classmethod
    def suits(cls, device: Device) -> bool:
        return not device.is_open

    def perform(self) -> None:
        services.correct_departure(device=self.device, until=self.when)

    def tell(self) -> list[str]:
        return [
            f"{self.device.thing_name} counts as having left {self.device} at {moment(self.when)}.",
            "If another stretch began when it left, that stretch now begins at this time, too.",
            "What is stored stays where it is.",
            self.replayed(),
        ]


class Remove(Change):
    title, confirm, is_foreseen_at_once = "Remove the camera, which was never here", "Remove it", True

    @classmethod
    def suits(cls, device: Device) -> bool:
        try:
            services.check_deletion(device=device)
        except ValidationError:
            return False
        return True

    def perform(self) -> None:
        services.delete_device(device=self.device)

    def tell(self) -> list[str]:
        return [f"{self.device} is deleted. It has sent nothing, so no number is lost."]


CHANGES: Mapping[str, type[Change]] = {
    "move": Move,
    "replace": Replace,
    "retire": Retire,
    "reopen": Reopen,
    "rename": Rename,
    "came": CorrectArrival,
    "left": CorrectDeparture,
    "remove": Remove,
}
"""The changes by their names in addresses."""


def moment(at: dt.datetime) -> str:
    """Return the time in the active time zone, in words."""
    return f"{timezone.localtime(at):%-d %b %Y, %H:%M}"
