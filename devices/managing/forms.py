"""The forms on which a site's owners and operators manage it. They show a service's refusal beside the field."""

import datetime as dt
from itertools import groupby
from typing import Any

from django import forms
from django.utils import timezone

from devices.models import Site
from devices.rules import zones

Choices = list[tuple[str, Any]]


def zone_choices(now: dt.datetime, present: str = "") -> Choices:
    """Return the time zones by continent, each as its city with its present time, such as “Chicago · 18:09”.

    `present` is a zone to offer in any case, such as a former name of a zone.
    """
    names = sorted({*zones.listed_zones(), *([present] if present else [])})
    choices: Choices = []
    for continent, of_continent in groupby(names, key=lambda name: name.partition("/")[0]):
        choices.append((continent.replace("_", " "), [(name, _zone_label(name, now)) for name in of_continent]))
    return choices


def _zone_label(name: str, now: dt.datetime) -> str:
    city = (name.partition("/")[2] or name).replace("_", " ").replace("/", ", ")
    return f"{city} · {zones.local_time(now, name):%H:%M}"


class SiteForm(forms.ModelForm[Site]):
    """The name, the time zone and the location of a site."""

    class Meta:
        model = Site
        fields = ["name", "timezone", "address", "latitude", "longitude"]
        labels = {"timezone": "Time zone"}
        help_texts = {
            "timezone": "Beside each city is its present time. Hours and days in plots are in this time zone: if you "
            "change it, those of the past are drawn anew in the new one. No number is lost.",
            "latitude": "Degrees north, such as 47.6062.",
            "longitude": "Degrees east, such as -122.3321.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        unset: Choices = [] if self.instance.timezone else [("", "Choose a time zone")]
        self.fields["timezone"] = forms.ChoiceField(
            label=self.fields["timezone"].label,
            help_text=self.fields["timezone"].help_text,
            choices=[*unset, *zone_choices(timezone.now(), self.instance.timezone)],
            error_messages={"invalid_choice": "“%(value)s” is not a time zone. Choose one from the list."},
        )


class NewSiteForm(SiteForm):
    """A site with the part of its addresses, which only administrators set."""

    class Meta(SiteForm.Meta):
        fields = ["name", "slug", *SiteForm.Meta.fields[1:]]
