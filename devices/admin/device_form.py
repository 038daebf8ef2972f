"""The admin's form of a device: its names, its site, and its desired settings."""

import json
from typing import Any

import msgspec
from django import forms
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from devices.models import Device
from edge_agent.messages import DesiredSettings, Settings

OWN = "as on the device"

DETECTORS = [("faces", "faces"), ("hands", "hands: gestures"), ("objects", "objects: cups and people")]
ACCURACIES = [("", OWN), ("balanced", "balanced: faces to 6 m"), ("high", "high: faces to 8 m")]
PICTURES = [("", OWN), ("frame", "whole frames"), ("crop", "head and shoulders")]


def _number(help_text: str) -> forms.FloatField:
    return forms.FloatField(required=False, help_text=f"{help_text} Empty: {OWN}.")


class DeviceForm(forms.ModelForm[Device]):
    """A form with a field for each setting. A field left empty leaves the device its own value.

    Values are checked by the same rules as on the device.
    """

    detectors = forms.MultipleChoiceField(
        choices=DETECTORS,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="What the device detects. None selected: as on the device.",
    )
    cadence = _number("Frames analysed per second, up to 60.")
    accuracy = forms.ChoiceField(
        choices=ACCURACIES, required=False, help_text="How faces are looked for. High takes more processor time."
    )
    facing_angle = _number("Degrees up to which a face may be turned from the camera and still face the display.")
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
        fields = ["site", "name", "thing_name", "clock_timezone", "bucket", "bucket_prefix"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in Settings.__struct_fields__:
            # A user who may only view the device gets a form without fields.
            if name in self.fields:
                self.fields[name].initial = self.instance.desired_config.get(name)

    def settings(self) -> DesiredSettings:
        """Return the desired settings of the valid form."""
        return msgspec.convert(self._values(), DesiredSettings)

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        for name, value in self._values().items():
            try:
                msgspec.convert({name: value}, DesiredSettings)
            except msgspec.ValidationError as error:
                self.add_error(name, f"{str(error).partition(' - at')[0]}.")
        return cleaned

    def _values(self) -> dict[str, Any]:
        values = {name: self.cleaned_data.get(name) for name in Settings.__struct_fields__}
        return {name: value for name, value in values.items() if value not in (None, "", [])}


def settings_table(device: Device) -> SafeString:
    """Return an HTML table of the desired and the reported settings."""
    state = device.latest_state if device.pk else None
    unsent = _unsent(device)
    if state is None or state.reported_config is None:
        return format_html("{}{}", unsent, "The device has not reported any settings yet.")
    rows = format_html_join(
        "",
        "<tr><th>{}</th><td>{}</td><td>{}</td><td>{}</td></tr>",
        (_row(name, device.desired_config, state.reported_config) for name in Settings.__struct_fields__),
    )
    head = format_html_join("", "<th>{}</th>", ((title,) for title in ("Setting", "Desired", "Reported", "")))
    error = format_html("<p class='errornote'>{}</p>", state.config_error) if state.config_error else ""
    return format_html("{}{}<table><tr>{}</tr>{}</table>", unsent, error, head, rows)


def _unsent(device: Device) -> SafeString:
    if device.config_unsent_since is None:
        return SafeString("")
    sentence = "The desired settings of {} UTC could not be sent to the broker yet. They are tried again every minute."
    return format_html(f"<p class='errornote'>{sentence}</p>", f"{device.config_unsent_since:%Y-%m-%d %H:%M}")


def _row(name: str, desired: dict[str, Any], reported: dict[str, Any]) -> tuple[str, str, str, str]:
    wanted, actual = desired.get(name), reported.get(name)
    state = "" if wanted is None else "in force" if wanted == actual else "not in force"
    return name.replace("_", " "), _text(wanted, OWN), _text(actual, "unknown"), state


def _text(value: Any, missing: str) -> str:
    if value is None:
        return missing
    return ", ".join(value) if isinstance(value, list) else json.dumps(value).strip('"')
