"""The form of a question; its times are local times of the site."""

import datetime as dt
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError

from analytics.features.questions import services
from analytics.models.quarters import QUARTER, quarter_start
from analytics.models.questions import Question
from devices.models import Site

if TYPE_CHECKING:
    from devices.models import User

LOCAL_TIME = "%Y-%m-%dT%H:%M"
"""The format of a browser's field for a date and time."""

DEFAULT_PERIOD = dt.timedelta(days=7)
"""The initial length of a new question in the form."""


class LocalTimeInput(forms.DateTimeInput):
    input_type = "datetime-local"


class LocalTimeField(forms.DateTimeField):
    """The start of a quarter hour, in the time zone that is active while the form is used."""

    def __init__(self, **options: Any) -> None:
        step = {"step": round(QUARTER.total_seconds())}
        super().__init__(widget=LocalTimeInput(step, LOCAL_TIME), input_formats=[LOCAL_TIME], **options)


class QuestionForm(forms.ModelForm[Question]):
    """The fields of a question. Use the form within `timezone.override(site.zone)`."""

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
        """Create or change the question; return None, and add the errors to the form, where a value is not valid.

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


def initial_values(now: dt.datetime) -> dict[str, dt.datetime]:
    """Return the initial values of a new question: a week from the next quarter hour on."""
    start = quarter_start(now.astimezone(dt.UTC)) + QUARTER
    return {"asked_from": start, "asked_until": start + DEFAULT_PERIOD}
