"""The forms of a device, in the admin and on its page: what it looks for, and the desired settings of its thing."""

import json
from typing import Any

import msgspec
from django import forms
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from devices import services
from devices.managing.places import sought
from devices.models import Device, Thing, validate_timezone
from edge_agent.messages import DesiredSettings, Settings
from edge_agent.text.plain_words import plain

OWN = "as on the device"

DETECTORS = [("faces", "faces"), ("hands", "hands: gestures"), ("objects", "objects: cups and people")]
ACCURACIES = [("", OWN), ("balanced", "balanced: faces to 6 m"), ("high", "high: faces to 8 m")]
PICTURES = [("", OWN), ("frame", "whole frames"), ("crop", "head and shoulders")]


OF_THING = ("clock_timezone", "bucket", "bucket_prefix")
"""The fields of the form that are those of the device's thing."""


def _number(help_text: str) -> forms.FloatField:
    return forms.FloatField(required=False, help_text=f"{help_text} Empty: {OWN}.")


class DeviceForm(forms.ModelForm[Device]):
    """A form with a field for each setting. A field left empty leaves the device its own value.

    Values are checked by the same rules as on the device. A device is registered with its site; `manage.py place` moves
    it, so that what it saw keeps its site.
    """

    thing_name = forms.CharField(
        max_length=128,
        help_text=f"{Thing._meta.get_field('name').help_text} It can be corrected until the first message.",
    )
    clock_timezone = forms.CharField(
        label="Clock's time zone", initial="UTC", help_text=Thing._meta.get_field("clock_timezone").help_text
    )
    bucket = forms.CharField(required=False, max_length=63, help_text=Thing._meta.get_field("bucket").help_text)
    bucket_prefix = forms.CharField(
        required=False,
        max_length=512,
        label="Prefix in the bucket",
        help_text=Thing._meta.get_field("bucket_prefix").help_text,
    )
    detectors = forms.MultipleChoiceField(
        choices=DETECTORS,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="What the device detects. None selected: as on the device.",
    )
    cadence = _number("Frames analysed per second, up to 60.")
    accuracy = forms.ChoiceField(
        choices=ACCURACIES,
        required=False,
        help_text="High finds small faces within half a second instead of three, in more processor time.",
    )
    facing_angle = _number("Degrees up to which a face may be turned from the camera and still face the display.")
    bodies = forms.NullBooleanField(
        required=False,
        widget=forms.NullBooleanSelect(),
        help_text="Whether bodies are looked for too, which tells how many people pass. Takes more processor time. "
        f"Unknown: {OWN}.",
    )
    face_threshold = _number("Lowest confidence of a face that is reported, 0 to 1.")
    gesture_threshold = _number("Lowest confidence of a gesture that is reported, 0.5 to 1.")
    object_threshold = _number("Lowest confidence of a cup or a person that is reported, 0 to 1.")
    face_probability = _number("Lowest confidence of a face that makes the device take a picture, 0 to 1.")
    countdown = _number("Seconds between detecting a face and taking the picture.")
    cooldown = _number("Seconds between a picture and the next countdown.")
    picture = forms.ChoiceField(choices=PICTURES, required=False, help_text="What the pictures show.")
    crop_margin = _number("Margin around a face in a picture, in sizes of the face, up to 3.")

    class Meta:
        model = Device
        fields = ["site", "name", "faces_sought", "labels_sought", "waits_between_uploads", "sought_is_corrected"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk is not None:
            thing = self.instance.thing
            known = {"thing_name": thing.name, **{name: getattr(thing, name) for name in OF_THING}}
            self.initial.update({name: value for name, value in known.items() if name in self.fields})
        for name in Settings.__struct_fields__:
            # A user who may only view the device gets a form without fields.
            if name in self.fields:
                self.fields[name].initial = self._desired.get(name)

    @property
    def _desired(self) -> dict[str, Any]:
        return dict(self.instance.thing.desired_config) if self.instance.pk is not None else {}

    def settings(self) -> DesiredSettings:
        """Return the desired settings of the valid form."""
        return msgspec.convert(self._values(), DesiredSettings)

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        for name, value in self._values().items():
            try:
                msgspec.convert({name: value}, DesiredSettings)
            except msgspec.ValidationError as error:
                self.add_error(name, f"This {plain(error)}.")
        if cleaned is not None and not self.errors:
            self._check_place(cleaned)
        return cleaned

    def clean_clock_timezone(self) -> str:
        name = str(self.cleaned_data["clock_timezone"])
        validate_timezone(name)
        return name

    def clean_labels_sought(self) -> list[str]:
        labels = self.cleaned_data["labels_sought"] or []
        if not isinstance(labels, list) or not all(isinstance(label, str) and label for label in labels):
            raise forms.ValidationError('Give a list of labels, such as ["thumbs-up"].')
        return sought.normalised_labels(labels)

    def _check_place(self, cleaned: dict[str, Any]) -> None:
        """Register or rename the device within a savepoint that is rolled back, and add the error if one occurs."""
        try:
            with transaction.atomic():
                self.write_place(cleaned)
                transaction.set_rollback(True)
        except ValidationError as error:
            self.add_error(None, error)

    def write_place(self, cleaned: dict[str, Any]) -> Device:
        """Register the device, or change its names. Raises `ValidationError`."""
        if self.instance.pk is None:
            return services.register_device(
                site=cleaned["site"], name=cleaned["name"], thing_name=cleaned["thing_name"]
            )
        device: Device = Device.objects.select_related("thing").get(pk=self.instance.pk)
        services.rename_thing(thing=device.thing, name=cleaned["thing_name"])
        services.rename_device(device=device, name=cleaned["name"])
        return device

    def _values(self) -> dict[str, Any]:
        values = {name: self.cleaned_data.get(name) for name in Settings.__struct_fields__}
        return {name: value for name, value in values.items() if value not in (None, "", [])}


class LabelsField(forms.CharField):
    """Labels with commas between them."""

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        return sorted({label.strip() for label in (value or "").split(",") if label.strip()})


class CameraForm(DeviceForm):
    """The settings of a camera that is registered: without its names, its site and its bucket."""

    thing_name = None  # type: ignore[assignment]
    bucket = None  # type: ignore[assignment]
    bucket_prefix = None  # type: ignore[assignment]
    labels_sought = LabelsField(
        required=False,
        label="Labels that the device looks for",
        help_text="Labels of objects and gestures, with commas between. They are learned from the device’s messages.",
    )
    field_order = ["detectors", "cadence", "accuracy"]

    class Meta(DeviceForm.Meta):
        fields = ["faces_sought", "labels_sought", "waits_between_uploads", "sought_is_corrected"]

    def _check_place(self, cleaned: dict[str, Any]) -> None:
        """The form changes no place."""


def settings_table(device: Device) -> SafeString:
    """Return an HTML table of the desired and the reported settings."""
    if device.pk is None or not device.is_open:
        return SafeString("")
    thing = device.thing
    state, unsent = thing.known_state, _unsent(thing)
    if state is None or state.reported_config is None:
        return format_html("{}{}", unsent, "The device has not reported any settings yet.")
    rows = format_html_join(
        "",
        "<tr><th>{}</th><td>{}</td><td>{}</td><td>{}</td></tr>",
        (_row(name, thing.desired_config, state.reported_config) for name in Settings.__struct_fields__),
    )
    head = format_html_join("", "<th>{}</th>", ((title,) for title in ("Setting", "Desired", "Reported", "")))
    error = format_html("<p class='errornote'>{}</p>", state.config_error) if state.config_error else ""
    return format_html("{}{}<table><tr>{}</tr>{}</table>", unsent, error, head, rows)


def _unsent(thing: Thing) -> SafeString:
    if thing.config_unsent_since is None:
        return SafeString("")
    sentence = "The desired settings of {} UTC could not be sent to the broker yet. They are tried again every minute."
    return format_html(f"<p class='errornote'>{sentence}</p>", f"{thing.config_unsent_since:%Y-%m-%d %H:%M}")


def _row(name: str, desired: dict[str, Any], reported: dict[str, Any]) -> tuple[str, str, str, str]:
    wanted, actual = desired.get(name), reported.get(name)
    state = "" if wanted is None else "in force" if wanted == actual else "not in force"
    return name.replace("_", " "), _text(wanted, OWN), _text(actual, "unknown"), state


def _text(value: Any, missing: str) -> str:
    if value is None:
        return missing
    return ", ".join(value) if isinstance(value, list) else json.dumps(value).strip('"')
