"""The form that starts a session."""

from django import forms

from analytics.features.groundtruth.serializers import MOST_PEOPLE


class StartForm(forms.Form):
    """The number of people at the start of a session, and what is counted."""

    people = forms.IntegerField(min_value=0, max_value=MOST_PEOPLE, initial=0, label="People facing the display now")
    counts_arrivals = forms.BooleanField(required=False, initial=True, label="Also count everybody who comes")
