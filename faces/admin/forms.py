"""The admin's forms for policies, merges and reviews. They show a service's refusal beside the field."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.db.models import QuerySet

from faces.coffees.counting import REASON_NEEDED, check_restorable
from faces.models import Coffee, Merge, Mode, Person, SitePolicy
from faces.people.merging import check_merge
from faces.people.policies import check_policy
from faces.services import MergeRefused, PolicyRefused

if TYPE_CHECKING:
    from devices.models import User


class PolicyForm(forms.ModelForm[SitePolicy]):
    """The policy of a site, confirmed by the user who submits the form."""

    user: "User"
    """The user who submits the form; set by the admin."""

    confirmed = forms.BooleanField(
        required=False,
        label="I own this site and confirm this policy",
        help_text="Required unless the mode is “off”. Your name and the time are recorded.",
    )

    class Meta:
        model = SitePolicy
        fields = ["site", "mode", "picture_hours", "unmatched_hours"]

    def clean(self) -> dict[str, Any]:
        super().clean()
        site = self.instance.site if self.instance.pk else self.cleaned_data.get("site")
        mode = self.cleaned_data.get("mode")
        if site is None or mode is None:
            return self.cleaned_data
        if mode != Mode.OFF and not self.cleaned_data["confirmed"]:
            self.add_error("confirmed", "Recognition needs the confirmation of an owner.")
        try:
            check_policy(site=site, mode=Mode(mode), confirmed_by=self.user)
        except PolicyRefused as error:
            self.add_error("mode", str(error))
        return self.cleaned_data


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
