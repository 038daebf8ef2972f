"""The forms of screens and experiments."""

from typing import Any

from django import forms

from analytics.models.walls import WallToken
from devices.models import Device, Site, Thing
from plays.experiments.plan import BLOCK_MINUTES
from plays.intake.services import MOST_CONTENTS
from plays.models import Content, Experiment, Screen


class ScreenForm(forms.ModelForm[Screen]):
    """A screen of one site."""

    cameras = forms.MultipleChoiceField(
        widget=forms.CheckboxSelectMultiple, help_text="The cameras that see its audience."
    )
    clock_ahead_s = forms.FloatField(
        required=False,
        min_value=-600,
        max_value=600,
        label="Player's clock, seconds ahead",
        help_text="Empty: told by the player's live reports.",
    )

    class Meta:
        model = Screen
        fields = ("name", "cameras", "usual", "player", "wall", "asked_address", "external_id")
        labels = {
            "usual": "Shows otherwise",
            "player": "Reports by MQTT as",
            "wall": "Shows the wall",
            "asked_address": "Anthias player",
        }

    def __init__(self, *args: Any, site: Site, by_administrator: bool, **more: Any) -> None:
        super().__init__(*args, **more)
        self.instance.site = site
        names = Device.objects.filter(site=site).order_by("name").values_list("name", flat=True).distinct()
        self.fields["cameras"].choices = [(name, name) for name in names]  # type: ignore[attr-defined]
        player, wall = self.fields["player"], self.fields["wall"]
        player.queryset = Thing.objects.filter(devices__site=site).distinct()  # type: ignore[attr-defined]
        self.fields["usual"].queryset = Content.objects.filter(site=site)  # type: ignore[attr-defined]
        wall.queryset = WallToken.objects.filter(sites=site)  # type: ignore[attr-defined]
        if not by_administrator:
            # The platform itself asks the player: only an administrator may say where in its network.
            del self.fields["asked_address"]
        if self.instance.pk:
            self.initial["cameras"] = self.instance.cameras
            if self.instance.clock_is_set:
                self.initial["clock_ahead_s"] = self.instance.clock_ahead_ms / 1000

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        seconds = values.get("clock_ahead_s")
        self.instance.clock_is_set = seconds is not None
        if seconds is not None:
            self.instance.clock_ahead_ms = round(seconds * 1000)
        return values

    def clean_name(self) -> str:
        name = str(self.cleaned_data["name"])
        others = Screen.objects.filter(site=self.instance.site, name=name).exclude(pk=self.instance.pk)
        if others.exists():
            raise forms.ValidationError(f"{self.instance.site} has another screen “{name}”.")
        return name


class ContentForm(forms.ModelForm[Content]):
    """A content of one site that no player has reported yet, such as a page for a kiosk. Its key is its name."""

    class Meta:
        model = Content
        fields = ("name", "address")

    def __init__(self, *args: Any, site: Site, **more: Any) -> None:
        super().__init__(*args, **more)
        self.instance.site = site

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        name, contents = values.get("name"), Content.objects.filter(site=self.instance.site)
        if name and contents.filter(key=name).exists():
            self.add_error("name", f"{self.instance.site} has another content “{name}”.")
        elif contents.count() >= MOST_CONTENTS:
            self.add_error(None, f"{self.instance.site} has {MOST_CONTENTS:,} contents already.")
        self.instance.key = name or ""
        return values


class ExperimentForm(forms.ModelForm[Experiment]):
    """A new experiment of one site."""

    first = forms.ModelChoiceField(
        Content.objects.none(), label="Content", help_text="The others are compared with it."
    )
    others = forms.ModelMultipleChoiceField(
        Content.objects.none(), widget=forms.CheckboxSelectMultiple, label="Against"
    )
    percent = forms.FloatField(
        min_value=2, max_value=200, initial=15, label="Smallest difference that matters, %", widget=forms.NumberInput
    )

    class Meta:
        model = Experiment
        fields = (
            *("name", "screen", "first", "others", "measure", "percent", "stop_rule", "first_day", "days"),
            *("from_hour", "to_hour", "block_minutes"),
        )
        labels = {"stop_rule": "To be read", "from_hour": "Hours of the day, from", "to_hour": "To"}
        widgets = {
            "first_day": forms.DateInput(attrs={"type": "date"}),
            "block_minutes": forms.Select(choices=[(minutes, f"{minutes} minutes") for minutes in BLOCK_MINUTES]),
        }

    def __init__(self, *args: Any, site: Site, **more: Any) -> None:
        super().__init__(*args, **more)
        self.instance.site = site
        self.fields["screen"].queryset = Screen.objects.filter(site=site)  # type: ignore[attr-defined]
        for name in ("first", "others"):
            self.fields[name].queryset = Content.objects.filter(site=site)  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if values.get("percent") is not None:
            self.instance.smallest_lift = values["percent"] / 100
        return values

    @property
    def contents(self) -> list[Content]:
        """The chosen contents, the one that the others are compared with first."""
        first = self.cleaned_data.get("first")
        others = [each for each in self.cleaned_data.get("others") or () if each != first]
        return [first, *others] if first else others
