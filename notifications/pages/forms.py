"""The forms of channels and of rules."""

from typing import Any

from django import forms

from devices.models import Device, Site
from edge_agent.vision.gestures import THUMBS_UP
from notifications.models import Channel, ChannelKind, Rule
from notifications.rules.words import FIELDS

WEEKDAYS = [(str(number), name) for number, name in enumerate(("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"), 1)]

COOL_DOWNS = [
    (0, "each time"),
    (60, "at most once a minute"),
    (600, "at most every ten minutes"),
    (3600, "at most once an hour"),
    (86_400, "at most once a day"),
]


class ChannelForm(forms.Form):
    """A new channel. Its address is stored encrypted and never shown again."""

    name = forms.CharField(max_length=80, help_text="As people call it, such as “Lobby team”.")
    kind = forms.ChoiceField(choices=ChannelKind.choices, label="Send by")
    address = forms.CharField(
        required=False,
        max_length=1000,
        help_text=(
            "E-mail: addresses with commas between. Webhook, ntfy, Teams: an https:// address."
            " Mastodon: mastodons://token@server. MQTT: a topic such as alarms, or mqtts://user:password@broker/topic."
            " Amazon SNS: the ARN of a topic. Slack, Telegram, Discord, X: an address of apprise such as slack://…."
            " The address is stored encrypted and never shown again."
        ),
    )


class RuleForm(forms.ModelForm):  # type: ignore[type-arg]  # a mixin of django-stubs
    """A rule, as a sentence: when …, at …, tell it through …"""

    texts = forms.CharField(
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="A line for each text; one is drawn, never the same twice running. Fields: "
        + ", ".join(f"{{{name}}} {meaning}" for name, meaning in FIELDS.items())
        + ". Leave it empty for a plain text.",
    )
    cool_down_s = forms.TypedChoiceField(choices=COOL_DOWNS, coerce=int, label="How often")
    quiet_days = forms.MultipleChoiceField(
        choices=WEEKDAYS, required=False, widget=forms.CheckboxSelectMultiple, label="Quiet on"
    )
    channels = forms.ModelMultipleChoiceField(
        queryset=Channel.objects.none(), widget=forms.CheckboxSelectMultiple, label="Tell it through"
    )
    escalate_to = forms.ModelMultipleChoiceField(
        queryset=Channel.objects.none(),
        widget=forms.CheckboxSelectMultiple,
        required=False,
        label="Then tell it through",
    )

    class Meta:
        model = Rule
        fields = (
            "kind",
            "label",
            "every_nth",
            "threshold",
            "device_name",
            "texts",
            "cool_down_s",
            "quiet_days",
            "quiet_from",
            "quiet_until",
            "escalate_after_min",
            "after_review",
            "with_picture",
            "enabled",
        )
        labels = {
            "kind": "When",
            "label": "What is seen",
            "every_nth": "Only each … coffee of a person",
            "threshold": "So many",
            "device_name": "At",
            "quiet_from": "Quiet from",
            "quiet_until": "Quiet until",
            "escalate_after_min": "Minutes without an acknowledgement",
            "after_review": "Wait until a person has confirmed the detection",
            "with_picture": "With the picture",
        }
        help_texts = {
            "label": f"For a gesture or thing: {THUMBS_UP}, cup, or what your cameras report.",
            "every_nth": "For coffees: 10 tells a person's 10th, 20th, 30th, … coffee.",
            "threshold": "Where the sentence says “so many”: people, coffees, answers, percent or days. 0 takes a usual"
            " number.",
            "device_name": "Leave it empty for all cameras of the site.",
            "quiet_until": "In the site's time. What happens meanwhile is told together afterwards.",
            "escalate_after_min": "0: nobody needs to acknowledge. Otherwise each message has a link for that.",
            "after_review": "For gestures, things and coffees. What is rejected is never told.",
            "with_picture": "For gestures, things and coffees, where everyone in the picture has agreed to be"
            " recognised. Only owners can choose it.",
            "enabled": "",
        }
        widgets = {
            "quiet_from": forms.TimeInput(attrs={"type": "time"}),
            "quiet_until": forms.TimeInput(attrs={"type": "time"}),
        }

    field_order = (
        *("kind", "label", "every_nth", "threshold", "device_name", "channels", "texts", "cool_down_s"),
        *("quiet_days", "quiet_from", "quiet_until", "escalate_after_min", "escalate_to"),
    )

    def __init__(self, *args: Any, site: Site, **more: Any) -> None:
        super().__init__(*args, **more)
        self.instance.site = site
        names = Device.objects.filter(site=site).order_by("name").values_list("name", flat=True).distinct()
        self.fields["device_name"] = forms.ChoiceField(
            choices=[("", "all cameras"), *((name, name) for name in names)], required=False, label="At"
        )
        for name in ("threshold", "escalate_after_min"):
            self.fields[name].required = False
        for name in ("channels", "escalate_to"):
            field = self.fields[name]
            assert isinstance(field, forms.ModelMultipleChoiceField)  # noqa: S101  (for the types)
            field.queryset = Channel.objects.filter(site=site)
        if self.instance.pk:
            self.initial["texts"] = "\n".join(self.instance.texts)
            self.initial["channels"] = self.instance.channels.all()
            self.initial["escalate_to"] = self.instance.escalate_to.all()
            self.initial["quiet_days"] = list(self.instance.quiet_days)

    def clean_texts(self) -> list[str]:
        return [line for line in self.cleaned_data["texts"].splitlines() if line.strip()]

    def clean_quiet_days(self) -> str:
        return "".join(sorted(self.cleaned_data["quiet_days"]))

    def clean_threshold(self) -> int:
        return self.cleaned_data["threshold"] or 0

    def clean_escalate_after_min(self) -> int:
        return self.cleaned_data["escalate_after_min"] or 0

    def clean_every_nth(self) -> int:
        return self.cleaned_data["every_nth"] or 1
