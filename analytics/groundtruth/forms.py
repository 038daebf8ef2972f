"""The form that starts to count."""

from django import forms

from analytics.groundtruth.serializers import MOST_PEOPLE


class StartForm(forms.Form):
    people = forms.IntegerField(min_value=0, max_value=MOST_PEOPLE, initial=0, label="People facing the display now")
