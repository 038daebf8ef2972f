"""The form of a question; its times are the site's own."""

import datetime as dt
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError

from analytics.models.quarters import QUARTER, quarter_start
from analytics.models.questions import Question
from analytics.questions import services
from devices.models import Site

if TYPE_CHECKING:
    from devices.models import User

LOCAL_TIME = "%Y-%m-%dT%H:%M"
"""What a browser's field for a date and time reads and writes."""

FIRST_PERIOD = dt.timedelta(days=7)
"""How long a new question is asked unless somebody says otherwise."""


class LocalTimeInput(forms.DateTimeInput):
    input_type = "datetime-local"


class LocalTimeField(forms.DateTimeField):
    """A moment to the quarter hour, in the zone that is current while the form is used."""

    def __init__(self, **options: Any) -> None:
        step = {"step": round(QUARTER.total_seconds())}
        super().__init__(widget=LocalTimeInput(step, LOCAL_TIME), input_formats=[LOCAL_TIME], **options)


class QuestionForm(forms.ModelForm[Question]):
    """Use it within `timezone.override(site.zone)`. It writes through the services, whose refusals it shows."""

    asked_from = LocalTimeField(label="Asked from")
    asked_until = LocalTimeField(label="Until")

    class Meta:
        model = Question
        fields = ["text", "asked_from", "asked_until", "yes_label", "no_label"]
        labels = {"text": "Question"}
        widgets = {
            "text": forms.Textarea({"rows": 2}),
            "yes_label": forms.TextInput({"list": "gestures"}),
            "no_label": forms.TextInput({"list": "gestures"}),
        }

    def write(self, *, site: Site, by: "User") -> Question | None:
        """The question as it was asked or changed; None where the form or the services refuse, and then it says why.

        Raises `PermissionDenied` as the services do.
        """
        if not self.is_valid():
            return None
        try:
            if self.instance.pk:
                return services.change(question=self.instance, by=by, **self.cleaned_data)
            return services.ask(site=site, by=by, **self.cleaned_data)
        except ValidationError as refusal:
            self.add_error(None, refusal)
            return None


def first_values(now: dt.datetime) -> dict[str, dt.datetime]:
    """What the form of a new question begins with: a week from the next quarter hour on."""
    start = quarter_start(now.astimezone(dt.UTC)) + QUARTER
    return {"asked_from": start, "asked_until": start + FIRST_PERIOD}
