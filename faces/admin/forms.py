"""The admin's forms for merges and reviews. They show a service's refusal beside the field."""

from typing import Any

from django import forms
from django.db.models import QuerySet

from faces.coffees.counting import REASON_NEEDED, check_restorable
from faces.models import Coffee, Merge, Person
from faces.people.merging import check_merge
from faces.services import MergeRefused


class MergeForm(forms.ModelForm[Merge]):
    """Selects two people to merge."""

    people: QuerySet[Person]
    """The people who may be merged; set by the admin."""

    other = forms.ModelChoiceField(
        Person.objects.none(),
        label="Who",
        help_text="This record is deleted; its coffees, sightings, faces and consents move to the other.",
    )

    class Meta:
        model = Merge
        fields = ["person"]
        labels = {"person": "is"}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "other" in self.fields:
            self.fields["other"].queryset = self.people  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        super().clean()
        other, into = self.cleaned_data.get("other"), self.cleaned_data.get("person")
        if other and into:
            try:
                check_merge(other=other, into=into)
            except MergeRefused as error:
                self.add_error("other", str(error))
        return self.cleaned_data


class ReviewForm(forms.ModelForm[Coffee]):
    """The review of a coffee: whether it counts, and the reason."""

    class Meta:
        model = Coffee
        fields = ["voided", "review_reason"]

    def clean(self) -> dict[str, Any]:
        super().clean()
        if "voided" in self.changed_data and "review_reason" not in self.changed_data:
            self.add_error("review_reason", REASON_NEEDED)
        if "voided" in self.changed_data and not self.cleaned_data["voided"]:
            try:
                check_restorable(self.instance)
            except ValueError as error:
                self.add_error("voided", str(error))
        return self.cleaned_data
